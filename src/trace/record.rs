//! The record file: everything a run was asked and what happened in it, as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{IterationRecord, Observer};
use crate::error::{Error, Result};

/// Version of the record's layout.
pub const SCHEMA: u32 = 1;

/// Size of the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DataRecord {
    /// Rows n.
    pub rows: usize,
    /// Columns d, an intercept's included.
    pub cols: usize,
    /// Stored values.
    pub nnz: usize,
}

/// The code of a run.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CodeRecord {
    /// Name with parameters.
    pub name: String,
    /// m.
    pub workers: usize,
    /// q.
    pub blocks: usize,
    /// Numbers stored for one product over those of dense data; for an assignment code, copies of the data.
    pub redundancy: f64,
    /// Liars it was built for.
    pub liars: usize,
    /// Stragglers it was built for.
    pub stragglers: usize,
    /// True for robust aggregators: values are estimates, and nothing is decoded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
    /// What a run on encoded data can say of itself; nothing for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded: Option<EncodedRecord>,
}

/// In place of a certificate, for encoded data of which the first replies are taken and nothing is decoded (paper 000).
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EncodedRecord {
    /// True where columns are encoded: the limit is then exact, and what is below of subsets is not measured.
    pub columns: bool,
    /// k, the replies that a round waits for.
    pub first: usize,
    /// `S'S = beta I`.
    pub tight: bool,
    /// Moreover equiangular.
    pub equiangular: bool,
    /// Sets of k workers that were looked at.
    pub subsets: usize,
    /// All there are.
    pub exhaustive: bool,
    /// The smallest eigenvalue of `S_A'S_A/(beta eta)` over these sets A; 1 loses nothing.
    pub smallest: f64,
    /// The median of the sets' smallest eigenvalues.
    pub median_smallest: f64,
    /// The largest.
    pub largest: f64,
    /// `max(1 - smallest, largest - 1)`.
    pub epsilon: f64,
    /// mu/M of F, where epsilon leaves the published bound a chance and there are few columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditioning: Option<f64>,
    /// `kappa gamma` of that bound, which says something below 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contraction: Option<f64>,
    /// True where the published bound on F holds and says something.
    pub bound_applies: bool,
    /// Pairs of L-BFGS from fewer encoded rows than the data have.
    pub thin_overlaps: u64,
    /// F(w) - F* is at most this, by one evaluation on the data as read at the end, where it was asked for and there is a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_gap: Option<f64>,
}

/// How many worker-iterations the master named rightly, missed, and named wrongly; against what was injected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NamingScore {
    /// Liars that were named.
    pub hits: usize,
    /// Liars that were not.
    pub misses: usize,
    /// Honest workers that were named.
    pub innocents_accused: usize,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FinalRecord {
    /// The status, kebab-case: a method's, or the kind of the error that ended the run.
    pub status: String,
    /// F(w) once more in f64 on the data as read.
    pub objective: f64,
    /// The norm compared with the tolerance.
    pub gradient_norm: f64,
    /// Duality gap, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duality_gap: Option<f64>,
    /// How far above the optimum the answer can be, as far as the run can tell: from the gradient and strong convexity, or
    /// the duality gap, with the workers' round-off and the certificates' bounds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap_bound: Option<f64>,
    /// |w|.
    pub weights_norm: f64,
    /// Largest relative difference between margins carried along and margins computed in full; 0 where all were.
    #[serde(default)]
    pub margin_drift: f64,
    /// Iterations.
    pub iterations: usize,
    /// Rounds.
    pub rounds: u64,
    /// Simulated seconds.
    pub virtual_seconds: f64,
    /// Wall seconds.
    pub wall_seconds: f64,
    /// All workers ever named as liars.
    pub liars: Vec<usize>,
    /// All workers ever late or silent.
    pub late: Vec<usize>,
    /// True when every round was certified.
    pub certified: bool,
    /// True when some round is certified only as long as the secret keys stayed secret.
    #[serde(default)]
    pub keyed: bool,
    /// Largest bound on the error of a decoded value; infinite (`null` in JSON) where there is none.
    #[serde(deserialize_with = "super::null_is_infinite")]
    pub bound: f64,
    /// Names against the injected truth, when faults were injected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub naming: Option<NamingScore>,
    /// Score on the test data, where there were any: accuracy, or root mean square error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub test_score: Option<f64>,
    /// Score on the training data.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub train_score: Option<f64>,
    /// What went wrong, when the run ended in an error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Which replies counted in the rounds of a run: what `--replay` needs to have it again, bit for bit.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ArrivalRecord {
    /// Rounds in which replies were gathered, one that could not be decoded included.
    pub rounds: u64,
    /// Of each round in which replies were missing its number, from 0, and whose they were.
    pub missing: Vec<(u64, Vec<usize>)>,
}

/// A whole run.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RunRecord {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of Steadfast.
    pub version: String,
    /// The command line, or how the library was called.
    pub command: String,
    /// Every option in force.
    pub config: serde_json::Value,
    /// Device and carrier; the SIMD level is part of "one device".
    pub fleet: String,
    /// What ran, with its parameters, where it was no training: `pagerank:damping=0.85`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Size of the data.
    pub data: DataRecord,
    /// The code.
    pub code: CodeRecord,
    /// Which replies counted, where a code gathers replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<ArrivalRecord>,
    /// Iteration by iteration.
    pub iterations: Vec<IterationRecord>,
    /// How it ended.
    #[serde(rename = "final")]
    pub end: FinalRecord,
}

impl RunRecord {
    /// Writes it as JSON, whole or not at all (a temporary file beside it is renamed).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text =
            serde_json::to_vec(self).map_err(|e| Error::Numerical(format!("record can't be written as JSON: {e}")))?;
        write_whole(path, &text)
    }

    /// Reads a record file.
    ///
    /// # Errors
    /// [`Error::Io`] when it can't be read, [`Error::Input`] when it is no record of this schema.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::reading(path))?;
        let record: RunRecord = serde_json::from_slice(&text)
            .map_err(|e| Error::input(path.display().to_string(), e, "a record written by --record"))?;
        if record.schema != SCHEMA {
            return Err(Error::input(
                path.display().to_string(),
                format!("schema {}", record.schema),
                format!("schema {SCHEMA}"),
            ));
        }
        Ok(record)
    }
}

/// Writes a file through a temporary one beside it, so that a reader never sees half of it.
///
/// # Errors
/// [`Error::Io`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let Some((part, target)) = part_of(path) else { return std::fs::write(path, bytes) };
        let mut file = std::fs::File::create(&part)?;
        let written =
            file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&part, target));
        if written.is_err() {
            // Half a file is of no use; why it could not be written is what the caller gets to know.
            let _ = std::fs::remove_file(&part);
        }
        written
    };
    write().map_err(|source| Error::Io { action: "write", path: path.into(), before_work: false, source })
}

/// The temporary file beside the file that `path` means (behind a symbolic link, where it is one), and that file; `None`
/// for what is no regular file (a pipe, `/dev/stdout`), which is written as it is.
fn part_of(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let target = path.canonicalize().unwrap_or_else(|_| path.into());
    if target.metadata().is_ok_and(|m| !m.is_file()) {
        return None;
    }
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    Some((target.with_file_name(name), target))
}

/// Finds out before any work whether [`write_whole`] can write `path`, and leaves nothing behind.
///
/// # Errors
/// [`Error::Io`] with `before_work`.
pub fn check_writable(path: &Path) -> Result<()> {
    let open = |path: &Path| std::fs::OpenOptions::new().append(true).create(true).open(path);
    let attempt = || -> std::io::Result<()> {
        let existed = path.exists();
        open(path)?;
        if !existed {
            std::fs::remove_file(path)?;
        }
        let Some((part, _)) = part_of(path) else { return Ok(()) };
        open(&part)?;
        std::fs::remove_file(&part)
    };
    attempt().map_err(|source| Error::Io { action: "write", path: path.into(), before_work: true, source })
}

/// An observer that keeps every iteration.
#[derive(Debug, Default)]
pub struct Recorder {
    /// What it has seen.
    pub iterations: Vec<IterationRecord>,
}

impl Observer for Recorder {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        self.iterations.push(record.clone());
        Ok(())
    }
}

impl NamingScore {
    /// Counts over all iterations whose injected truth is known; `None` when none is.
    pub fn of(iterations: &[IterationRecord]) -> Option<Self> {
        let mut score = None;
        for it in iterations {
            if let Some(truth) = &it.injected {
                let score: &mut NamingScore = score.get_or_insert_default();
                let named = it.liars.iter().filter(|w| truth.liars.contains(w)).count();
                score.hits += named;
                score.innocents_accused += it.liars.len() - named;
                score.misses += truth.liars.iter().filter(|w| !it.liars.contains(w)).count();
            }
        }
        score
    }
}
