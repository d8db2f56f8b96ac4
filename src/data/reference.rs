//! The reference sets: real data with optimal objective values that were computed independently. They lie in a folder
//! with a `MANIFEST.json` (files, sizes, checksums) and a `reference.json` (problems and optima); a folder may hold only
//! some of the sets.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::cell::listed;
use super::compressed;
use super::dataset::Dataset;
use super::derived::Derivation;
use super::libsvm::parse_libsvm;
use crate::error::{Error, Result};

/// Names the folder of the reference sets.
pub const DATA_VARIABLE: &str = "STEADFAST_DATA";

/// All reference sets there are, a derived one (`letter_am`) after the one it is made from. Not every folder has them all.
pub const REFERENCE_SETS: [&str; 20] = [
    "heart_scale",
    "breast_cancer",
    "spambase",
    "mushrooms",
    "grants",
    "pd_speech",
    "letter",
    "letter_am",
    "letter_am_poly3",
    "digits",
    "spamassassin",
    "diabetes",
    "concrete",
    "ames",
    "diamonds",
    "movielens",
    "ecg_cs",
    "mnist5k_a",
    "mnist5k_a_even",
    "a9a",
];

/// The task of a reference problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceTask {
    /// Logistic loss on labels -1 and +1, l2.
    Logistic,
    /// Softmax with a weight row for every class, l2.
    Softmax,
    /// Squared loss, l2.
    Ridge,
    /// Squared loss, l1.
    Lasso,
}

impl ReferenceTask {
    const ALL: [(&'static str, ReferenceTask); 4] = [
        ("logistic", ReferenceTask::Logistic),
        ("softmax", ReferenceTask::Softmax),
        ("ridge", ReferenceTask::Ridge),
        ("lasso", ReferenceTask::Lasso),
    ];

    /// The name, as in `reference.json`.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// One problem of a reference set: a loss, a penalty and the optimal value of
/// `F(w) = (1/n) sum_i loss + (l2/2) |w|^2 + l1 |w|_1`, without intercept.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceProblem {
    /// The task.
    pub task: ReferenceTask,
    /// Weight of the squared Euclidean penalty.
    pub l2: f64,
    /// Weight of the l1 penalty.
    pub l1: f64,
    /// Optimal objective.
    pub optimum: f64,
    /// The same to 18 decimals.
    pub optimum_text: String,
    /// Bound on how far `optimum` is above the true minimum: `|grad|^2 / (2 l2)`, or the duality gap.
    pub gap_bound: f64,
    /// Lasso: the l1 weight from which on the solution is zero.
    pub lambda_max: Option<f64>,
    /// Lasso: whether the minimizer is unique.
    pub unique: Option<bool>,
}

/// A reference set that is present in the folder.
#[derive(Debug, Clone)]
pub struct ReferenceSet {
    /// Its name.
    pub name: String,
    /// n.
    pub rows: usize,
    /// d; trailing columns may be empty.
    pub cols: usize,
    /// Non-zeros; unknown for some derived sets.
    pub stored: Option<usize>,
    /// Rank of the features, where it is known.
    pub rank: Option<usize>,
    /// Number of classes of a multi-class set.
    pub classes: Option<usize>,
    /// The problems with known optima.
    pub problems: Vec<ReferenceProblem>,
    /// All that `reference.json` says of the set: probes, solutions' first entries, times of other solvers.
    pub record: Value,
    file: PathBuf,
    /// Width of the file, which a derived set may exceed.
    file_cols: usize,
    sha256: String,
    derivation: Derivation,
}

impl ReferenceSet {
    /// Reads the set, checks the sum of its text, and derives what is to be derived.
    ///
    /// # Errors
    /// [`Error::Input`] when the SHA-256 of the uncompressed text is not the manifest's; as
    /// [`read_libsvm`](super::read_libsvm) otherwise.
    pub fn load(&self) -> Result<Dataset<f64>> {
        let name = self.file.display().to_string();
        let mut text = Vec::new();
        compressed::open(&self.file)?
            .read_to_end(&mut text)
            .map_err(|source| compressed::stream_error(&name, 0, source))?;
        let sum: String = Sha256::digest(&text).iter().map(|b| format!("{b:02x}")).collect();
        if sum != self.sha256 {
            return Err(Error::input(name, format!("SHA-256 {sum}"), format!("{}, as in the manifest", self.sha256)));
        }
        self.derivation.apply(parse_libsvm(text.as_slice(), &name, Some(self.file_cols))?)
    }
}

/// The reference sets of a folder.
///
/// ```
/// use steadfast::data::{ReferenceSets, ReferenceTask};
/// let sets = ReferenceSets::open()?;
/// let heart = sets.get("heart_scale")?;
/// let data = heart.load()?;
/// assert_eq!((data.rows(), data.cols()), (270, 13));
/// assert!(heart.problems.iter().all(|p| p.task == ReferenceTask::Logistic && p.optimum > 0.3));
/// println!("{}", sets.absent_line());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReferenceSets {
    folder: PathBuf,
    present: Vec<ReferenceSet>,
    absent: Vec<String>,
}

impl ReferenceSets {
    /// The sets of the folder that the variable `STEADFAST_DATA` names, else of `examples/data` of the package that is
    /// being run by cargo, else of `examples/data` here.
    ///
    /// # Errors
    /// As [`ReferenceSets::open_in`].
    pub fn open() -> Result<Self> {
        Self::open_in(&default_folder())
    }

    /// The sets of `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] when a JSON file can't be read, [`Error::Input`] when it does not hold what it should.
    pub fn open_in(folder: &Path) -> Result<Self> {
        let manifest_path = folder.join("MANIFEST.json");
        let manifest = read_json(&manifest_path)?;
        let reference = read_json(&folder.join("reference.json"))?;
        let place = manifest_path.display().to_string();
        let Some(entries) = manifest["sets"].as_object() else {
            return Err(Error::input(place, "no object `sets`", "a manifest of reference sets"));
        };
        let mut out = ReferenceSets { folder: folder.to_owned(), present: Vec::new(), absent: Vec::new() };
        for (name, entry) in entries {
            let record = &reference["sets"][name];
            match set_file(folder, name, entry) {
                None => out.absent.push(name.clone()),
                Some(file) => out.add(name, entry, record, file, &place)?,
            }
        }
        let known = |name: &str| out.present.iter().any(|s| s.name == name) || out.absent.iter().any(|s| s == name);
        let rest: Vec<_> = REFERENCE_SETS.iter().filter(|n| !known(n)).map(ToString::to_string).collect();
        out.absent.extend(rest);
        let order = |name: &str| REFERENCE_SETS.iter().position(|n| *n == name).unwrap_or(usize::MAX);
        out.present.sort_by(|a, b| (order(&a.name), &a.name).cmp(&(order(&b.name), &b.name)));
        out.absent.sort_by(|a, b| (order(a), a).cmp(&(order(b), b)));
        Ok(out)
    }

    fn add(&mut self, name: &str, entry: &Value, record: &Value, file: PathBuf, place: &str) -> Result<()> {
        let size = |value: &Value, key: &str| value[key].as_u64().and_then(|v| usize::try_from(v).ok());
        let lacks = |key: &str| Error::input(place, format!("set {name} without `{key}`"), "n, d and sha256_svm");
        let rows = size(entry, "n").ok_or_else(|| lacks("n"))?;
        let cols = size(entry, "d").ok_or_else(|| lacks("d"))?;
        let sum = entry["sha256_svm"].as_str().or_else(|| entry["sha256"].as_str());
        let base = ReferenceSet {
            name: name.to_owned(),
            rows,
            cols,
            stored: size(entry, "nnz"),
            rank: size(&record["gram"], "rank"),
            classes: record["class_counts"].as_array().map(Vec::len),
            problems: problems(record, name)?,
            record: record.clone(),
            file,
            file_cols: cols,
            sha256: sum.ok_or_else(|| lacks("sha256_svm"))?.to_ascii_lowercase(),
            derivation: Derivation::AsRead,
        };
        // A part of the record with a rule is a set made from this one.
        for (derived_name, derived) in record.as_object().into_iter().flatten() {
            let Some(rule) = derived["rule"].as_str() else { continue };
            let Some(derivation) = Derivation::from_rule(rule) else {
                self.absent.push(derived_name.clone());
                continue;
            };
            self.present.push(ReferenceSet {
                name: derived_name.clone(),
                cols: size(derived, "d").unwrap_or(cols),
                stored: if derived["d"].is_null() { base.stored } else { None },
                rank: size(&derived["gram"], "rank"),
                classes: None,
                problems: problems(derived, derived_name)?,
                record: derived.clone(),
                derivation,
                ..base.clone()
            });
        }
        self.present.push(base);
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sets that are here, in the order of [`REFERENCE_SETS`].
    pub fn present(&self) -> &[ReferenceSet] {
        &self.present
    }

    /// Names of the sets that are not here.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// The absent sets in one line, for the end of a test or a report.
    pub fn absent_line(&self) -> String {
        let all = self.present.len() + self.absent.len();
        let names = self.absent.join(", ");
        let colon = if names.is_empty() { "" } else { ": " };
        format!("{} of {all} reference sets absent from {}{colon}{names}", self.absent.len(), self.folder.display())
    }

    /// The set `name`.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is absent.
    pub fn get(&self, name: &str) -> Result<&ReferenceSet> {
        let found = self.present.iter().find(|s| s.name == name);
        found.ok_or_else(|| {
            let here = listed(self.present.iter().map(|s| &s.name));
            Error::usage("reference set", name, format!("{here}, in {}", self.folder.display()))
        })
    }
}

fn default_folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let shipped = Path::new("examples").join("data");
    variable(DATA_VARIABLE)
        .or_else(|| variable("CARGO_MANIFEST_DIR").map(|d| d.join(&shipped)).filter(|d| d.is_dir()))
        .unwrap_or(shipped)
}

fn read_json(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).map_err(Error::reading(path))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::input(path.display().to_string(), e, "JSON"))
}

/// The file of a set: the one the manifest names, else the set's name with an ending that is read.
fn set_file(folder: &Path, name: &str, entry: &Value) -> Option<PathBuf> {
    let named = entry["file"].as_str().map(ToOwned::to_owned);
    let usual = ["svm", "svm.xz", "svm.gz"].into_iter().map(|ending| format!("{name}.{ending}"));
    named.into_iter().chain(usual).map(|f| folder.join(f)).find(|f| f.is_file())
}

/// The problems of one record.
fn problems(record: &Value, set: &str) -> Result<Vec<ReferenceProblem>> {
    let mut out = Vec::new();
    for (key, task) in ReferenceTask::ALL {
        let entries = match &record[key] {
            Value::Array(entries) => entries.as_slice(),
            Value::Object(_) => std::slice::from_ref(&record[key]),
            _ => &[],
        };
        for entry in entries {
            let number = |field: &str| {
                let lacks = || Error::input("reference.json", format!("{set}, {key} without `{field}`"), "a number");
                entry[field].as_f64().ok_or_else(lacks)
            };
            let lambda = number("lambda_")?;
            let lasso = task == ReferenceTask::Lasso;
            let (l2, l1) = if lasso { (0.0, lambda) } else { (lambda, 0.0) };
            out.push(ReferenceProblem {
                task,
                l2,
                l1,
                optimum: number("f")?,
                optimum_text: entry["f_str"].as_str().unwrap_or_default().to_owned(),
                gap_bound: number(if lasso { "duality_gap" } else { "gap_bound" })?,
                lambda_max: entry["lambda_max"].as_f64(),
                unique: entry["unique"].as_bool(),
            });
        }
    }
    Ok(out)
}
