//! CSV with a header: one row a line, a column of labels, the others features.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use super::cell::{Cell, listed, quoted};
use super::compressed;
use super::dataset::{Dataset, Labels};
use super::libsvm::MAX_FEATURES;
use super::matrix::Csr;
use super::one_hot::{Encoder, OneHot, Refused, Seen};
use crate::error::{Error, Result};

/// Names a label column is found by when none is given, in this order and in any case.
const LABEL_NAMES: [&str; 3] = ["label", "target", "y"];

/// How to read a CSV file.
#[derive(Debug, Clone, Default)]
pub struct CsvOptions {
    /// Name of the label column; without it that of `encoding`, else a column named `label`, `target` or `y`.
    pub label: Option<String>,
    /// Read a file without a label column (for predictions): its labels are then all 0 and [`CsvData::labelled`] false.
    pub label_optional: bool,
    /// Turn text columns into one feature a category, and missing numbers into a feature of their own.
    pub one_hot: bool,
    /// The encoding of a model: columns are found by name, and encoded as its training data were.
    pub encoding: Option<OneHot>,
}

/// What a CSV file held.
#[derive(Debug, Clone)]
pub struct CsvData {
    /// Features and labels, the features named.
    pub data: Dataset<f64>,
    /// Whether the file had a label column.
    pub labelled: bool,
    /// How its columns became features.
    pub encoding: OneHot,
}

/// Reads a CSV file, plain, gzip or xz. See [`parse_csv`].
///
/// # Errors
/// As [`parse_csv`], and [`Error::Io`] when the file can't be read.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<CsvData> {
    read(|| compressed::open(path), &path.display().to_string(), options)
}

/// Reads CSV from memory; `name` stands in the errors. The first line is the header; cells are trimmed. A label column
/// with text in it becomes classes by name, else the labels are real. The features are kept sparse or made dense,
/// whichever takes fewer bytes.
///
/// # Errors
/// [`Error::Input`] with line and column for a missing or text cell (unless `one_hot`), a number that is not finite, a
/// category that the model does not know, a missing label; with the line for a row of another length or text that is not
/// UTF-8; and for a header that is missing, repeats a name, lacks the label, or does not fit the model.
pub fn parse_csv(text: &[u8], name: &str, options: &CsvOptions) -> Result<CsvData> {
    read(|| Ok(text), name, options)
}

fn read<R: BufRead>(open: impl Fn() -> Result<R>, name: &str, options: &CsvOptions) -> Result<CsvData> {
    let table = Table::open(open()?, name)?;
    let roles = Roles::assign(&table.header, name, options)?;
    let names = || roles.features.iter().map(|&c| table.header[c].clone()).collect::<Vec<_>>();
    let encoder = match &options.encoding {
        Some(known) => Encoder::known(known),
        None if options.one_hot => {
            let mut seen = vec![Seen::default(); roles.features.len()];
            Table::open(open()?, name)?.for_each_row(|_, cells| {
                for (seen, &column) in seen.iter_mut().zip(&roles.features) {
                    match Cell::read(&cells[column]) {
                        Cell::Text(_) => seen.text = true,
                        Cell::Missing => seen.missing = true,
                        Cell::Number(_) | Cell::Infinite => {}
                    }
                }
                Ok(())
            })?;
            Encoder::learning(names(), &seen)
        }
        None => Encoder::numbers(names()),
    };
    build(table, &roles, encoder, name)
}

/// Which columns of the file are what.
struct Roles {
    label: Option<usize>,
    label_name: Option<String>,
    /// The feature columns, in the order of the features.
    features: Vec<usize>,
}

impl Roles {
    fn assign(header: &[String], name: &str, options: &CsvOptions) -> Result<Self> {
        let place = || format!("{name}, line 1");
        let find = |wanted: &str| header.iter().position(|h| h == wanted);
        let asked = options.label.as_deref();
        let label = match (asked, &options.encoding) {
            (Some(asked), _) => find(asked),
            (None, Some(known)) => known.label.as_deref().and_then(find),
            (None, None) => LABEL_NAMES.iter().find_map(|l| header.iter().position(|h| h.eq_ignore_ascii_case(l))),
        };
        if label.is_none() && (asked.is_some() || !options.label_optional) {
            let got = match asked {
                Some(asked) => format!("no column {} for the label", quoted(asked.as_bytes())),
                None => "no label column named".into(),
            };
            return Err(Error::input(place(), got, format!("--label with one of {}", listed(header.iter()))));
        }
        let features = match &options.encoding {
            None => (0..header.len()).filter(|&c| Some(c) != label).collect::<Vec<_>>(),
            Some(known) => {
                let missing: Vec<_> = known.columns.iter().filter(|c| find(&c.name).is_none()).collect();
                if !missing.is_empty() {
                    let got = format!("no column {}", listed(missing.iter().map(|c| &c.name)));
                    return Err(Error::input(place(), got, "every feature column of the model"));
                }
                let features: Vec<usize> = known.columns.iter().filter_map(|c| find(&c.name)).collect();
                let spare: Vec<_> = (0..header.len()).filter(|c| Some(*c) != label && !features.contains(c)).collect();
                if !spare.is_empty() {
                    let got = format!("the column {}, unknown to the model", listed(spare.iter().map(|&c| &header[c])));
                    return Err(Error::input(place(), got, listed(known.columns.iter().map(|c| &c.name))));
                }
                features
            }
        };
        if features.is_empty() {
            return Err(Error::input(place(), "no feature column", "at least one column beside the label"));
        }
        let known_label = || options.encoding.as_ref().and_then(|known| known.label.clone());
        let label_name = label.map(|c| header[c].clone()).or_else(known_label);
        Ok(Roles { label, label_name, features })
    }
}

/// Reads every row of `table` through `encoder`.
fn build<R: BufRead>(table: Table<R>, roles: &Roles, mut encoder: Encoder, name: &str) -> Result<CsvData> {
    let header = table.header.clone();
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    let mut labels = LabelColumn::default();
    table.for_each_row(|line, cells| {
        let at = |column: usize| format!("{name}, line {line}, column {}", quoted(header[column].as_bytes()));
        for (feature, &column) in roles.features.iter().enumerate() {
            let push = |j, x| {
                indices.push(j);
                values.push(x);
            };
            encoder
                .encode(feature, &cells[column], push)
                .map_err(|Refused { got, allowed }| Error::input(at(column), got, allowed))?;
        }
        if let Some(column) = roles.label {
            labels.push(&cells[column]).map_err(|got| Error::input(at(column), got, "a label in each row"))?;
        }
        offsets.push(values.len());
        Ok(())
    })?;
    let rows = offsets.len() - 1;
    if rows == 0 {
        return Err(Error::input(name, "a header and no rows", "at least one row of data"));
    }
    let (encoding, places) = encoder.finish(roles.label_name.clone());
    let width = encoding.width();
    if width > MAX_FEATURES as usize {
        return Err(Error::input(name, format!("{width} features"), format!("at most {MAX_FEATURES} features")));
    }
    // A row's features are ascending: its columns come in order, and each gives at most one.
    indices.iter_mut().for_each(|j: &mut u32| *j = places[*j as usize]);
    let features = Csr::new(rows, width, offsets, indices, values)?.compact();
    let labelled = roles.label.is_some();
    let labels = if labelled { labels.finish() } else { Labels::Real(vec![0.0; rows]) };
    Ok(CsvData { data: Dataset::new(features, labels, encoding.features())?, labelled, encoding })
}

/// A CSV file whose header has been read.
struct Table<R> {
    reader: csv::Reader<R>,
    header: Vec<String>,
    name: String,
}

impl<R: BufRead> Table<R> {
    fn open(source: R, name: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let header: Vec<String> =
            reader.headers().map_err(|e| unreadable(e, name))?.iter().map(ToOwned::to_owned).collect();
        let place = || format!("{name}, line 1");
        if header.is_empty() {
            return Err(Error::input(name, "no header", "CSV whose first line names the columns"));
        }
        if header.iter().all(|h| h.parse::<f64>().is_ok()) {
            return Err(Error::input(
                place(),
                "numbers in place of column names",
                "a first line that names the columns",
            ));
        }
        let mut sorted: Vec<_> = header.iter().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|w| w[0] == w[1]) {
            let got = format!("the column name {} twice", quoted(twice[0].as_bytes()));
            return Err(Error::input(place(), got, "a different name for each column"));
        }
        Ok(Table { reader, header, name: name.to_owned() })
    }

    /// Calls `visit(line, cells)` for every row.
    fn for_each_row(mut self, mut visit: impl FnMut(u64, &csv::StringRecord) -> Result<()>) -> Result<()> {
        let mut cells = csv::StringRecord::new();
        while self.reader.read_record(&mut cells).map_err(|e| unreadable(e, &self.name))? {
            visit(cells.position().map_or(0, csv::Position::line), &cells)?;
        }
        Ok(())
    }
}

/// The crate's error for one of the CSV reader's.
fn unreadable(error: csv::Error, name: &str) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    let place = format!("{name}, line {line}");
    match error.into_kind() {
        csv::ErrorKind::Io(source) => compressed::stream_error(name, line, source),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::input(place, format!("{len} cells"), format!("{expected_len} cells, as in the header"))
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            Error::input(place, format!("bytes that are not UTF-8 in cell {}", err.field() + 1), "UTF-8 text")
        }
        other => Error::input(place, format!("{other:?}"), "CSV with a header"),
    }
}

/// The labels read so far: numbers until the first text, from then on names.
#[derive(Default)]
struct LabelColumn {
    numbers: Vec<f64>,
    index: Vec<u32>,
    names: BTreeMap<String, u32>,
}

impl LabelColumn {
    fn push(&mut self, cell: &str) -> Result<(), String> {
        match Cell::read(cell) {
            Cell::Missing => return Err("a missing label".into()),
            Cell::Infinite => return Err(format!("the label {}", quoted(cell.as_bytes()))),
            Cell::Number(x) if self.names.is_empty() => self.numbers.push(x),
            Cell::Number(x) => self.push_name(&x.to_string()),
            Cell::Text(text) => {
                // Numbers before the first text become names too, in their shortest form.
                for x in std::mem::take(&mut self.numbers) {
                    self.push_name(&x.to_string());
                }
                self.push_name(text);
            }
        }
        Ok(())
    }

    fn push_name(&mut self, name: &str) {
        let next = self.names.len() as u32;
        let class = match self.names.get(name) {
            Some(&class) => class,
            None => *self.names.entry(name.to_owned()).or_insert(next),
        };
        self.index.push(class);
    }

    fn finish(self) -> Labels {
        if self.names.is_empty() {
            return Labels::Real(self.numbers);
        }
        // From the order of appearance to the order of the names.
        let mut place = vec![0; self.names.len()];
        for (order, &class) in (0..).zip(self.names.values()) {
            place[class as usize] = order;
        }
        let index = self.index.iter().map(|&c| place[c as usize]).collect();
        Labels::Classes { index, names: self.names.into_keys().collect() }
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
