//! Where data come from, as the command line names it: a file, or `synthetic:KIND,rows=…,cols=…,…`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::compressed;
use super::csv::{CsvOptions, read_csv};
use super::dataset::Dataset;
use super::libsvm::read_libsvm;
use super::one_hot::OneHot;
use super::synthetic::{KINDS, Synthetic};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// What introduces synthetic data.
const SYNTHETIC: &str = "synthetic:";

/// Where data come from.
///
/// ```
/// use steadfast::data::{LoadOptions, Source, load};
/// let source: Source = "synthetic:logistic,rows=100,cols=5,condition=10".parse()?;
/// let loaded = load(&source, &LoadOptions::default())?;
/// assert_eq!((loaded.data.rows(), loaded.data.cols()), (100, 5));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file: LIBSVM text or CSV, plain, gzip or xz.
    File(PathBuf),
    /// Generated data.
    Synthetic(Synthetic),
}

impl FromStr for Source {
    type Err = Error;

    /// Anything that does not begin with `synthetic:` is a path.
    fn from_str(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix(SYNTHETIC) else { return Ok(Source::File(text.into())) };
        let (kind, parameters) = rest.split_once(',').unwrap_or((rest, ""));
        if kind.is_empty() || kind.contains('=') {
            return Err(Error::usage(
                "DATA",
                format!("`{text}`"),
                format!("synthetic:KIND,rows=N,cols=D,... with {KINDS}"),
            ));
        }
        Synthetic::parse("DATA synthetic", &format!("{kind}:{parameters}")).map(Source::Synthetic)
    }
}

/// How to load data.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// CSV: name of the label column.
    pub label: Option<String>,
    /// CSV: read a file without a label column (for predictions).
    pub label_optional: bool,
    /// CSV: turn text into one feature a category.
    pub one_hot: bool,
    /// CSV: the encoding of the model that the data are for.
    pub encoding: Option<OneHot>,
    /// Number of features of the model or training set that the data are for.
    pub width: Option<usize>,
    /// Seed of synthetic data.
    pub seed: Seed,
}

/// Data with what is known of their origin.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Features and labels.
    pub data: Dataset<f64>,
    /// False for a CSV file without a label column; the labels are then all 0.
    pub labelled: bool,
    /// CSV: how the columns became features; a model keeps it to read later files alike.
    pub encoding: Option<OneHot>,
    /// Synthetic data: the true weights, or the class centres.
    pub truth: Option<Vec<f64>>,
}

/// The text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Libsvm,
    Csv,
}

/// Loads `source`. A file is CSV when its name (less `.gz` or `.xz`) ends in `.csv`, LIBSVM text when in `.svm` or
/// `.libsvm`; else its first line decides: CSV if it has a comma.
///
/// # Errors
/// As [`read_libsvm`], [`read_csv`] and [`Synthetic::generate`]; [`Error::Input`] when the number of features is not
/// `width`; [`Error::Usage`] for CSV options given for another format.
pub fn load(source: &Source, options: &LoadOptions) -> Result<Loaded> {
    let path = match source {
        Source::Synthetic(wanted) => {
            check_width("synthetic data", wanted.cols, options.width)?;
            let made = wanted.generate(options.seed)?;
            return Ok(Loaded { data: made.data, labelled: true, encoding: None, truth: Some(made.truth) });
        }
        Source::File(path) => path,
    };
    let place = path.display().to_string();
    match format(path)? {
        Format::Libsvm => {
            for (option, given) in [("--label", options.label.is_some()), ("--one-hot", options.one_hot)] {
                if given {
                    return Err(Error::usage(option, format!("LIBSVM text, {place}"), "CSV data with this option"));
                }
            }
            if options.encoding.as_ref().is_some_and(|e| !e.is_plain()) {
                let got = "LIBSVM text for a model with one-hot features";
                return Err(Error::input(place, got, "CSV with the columns that the model was trained on"));
            }
            let data = read_libsvm(path, options.width)?;
            Ok(Loaded { data, labelled: true, encoding: None, truth: None })
        }
        Format::Csv => {
            let csv = CsvOptions {
                label: options.label.clone(),
                label_optional: options.label_optional,
                one_hot: options.one_hot,
                encoding: options.encoding.clone(),
            };
            let read = read_csv(path, &csv)?;
            check_width(&place, read.data.cols(), options.width)?;
            Ok(Loaded { data: read.data, labelled: read.labelled, encoding: Some(read.encoding), truth: None })
        }
    }
}

fn check_width(place: &str, got: usize, wanted: Option<usize>) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != got => Err(Error::input(
            place,
            format!("{got} features"),
            format!("{wanted} features, as the data or model it goes with"),
        )),
        _ => Ok(()),
    }
}

/// The format of a file, by its name, else by its first line.
fn format(path: &Path) -> Result<Format> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let bare = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".xz")).unwrap_or(&name);
    if bare.ends_with(".csv") {
        return Ok(Format::Csv);
    }
    if bare.ends_with(".svm") || bare.ends_with(".libsvm") {
        return Ok(Format::Libsvm);
    }
    let mut reader = compressed::open(path)?;
    let head = reader.fill_buf().map_err(|e| compressed::stream_error(&path.display().to_string(), 0, e))?;
    let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
    Ok(if line.contains(&b',') { Format::Csv } else { Format::Libsvm })
}
