//! What a run leaves behind: records, and observers that see each iteration as it happens.
//!
//! [`IterationRecord`] is one line of a run, [`RunRecord`] the whole file; [`final_table`] and [`csv()`] are its texts. An
//! [`Observer`] is called after every iteration and may complete its record: this is how the injected truth comes to stand
//! beside what the master found, without the master seeing it.

#[cfg(feature = "cli")]
mod plot;
#[cfg(feature = "cli")]
mod progress;
mod record;
mod table;

#[cfg(feature = "cli")]
pub use plot::svg;
#[cfg(feature = "cli")]
pub use progress::Progress;
pub use record::{
    ArrivalRecord, CodeRecord, DataRecord, EncodedRecord, FinalRecord, NamingScore, Recorder, RunRecord, SCHEMA,
    check_writable, write_whole,
};
pub use table::{answer_table, csv, final_table};

use crate::error::Result;

/// One iteration, as in the record file.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct IterationRecord {
    /// Number of the iteration; 0 is the start.
    pub iteration: usize,
    /// F(w), from certified margins; of [`crate::linear`] the eigenvalue so far, or `x'A x / 2 - b'x`, or 0.
    pub objective: f64,
    /// The norm that `--tolerance` is compared with: of the gradient, the proximal-gradient step, or the residual.
    pub gradient_norm: f64,
    /// Duality gap, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duality_gap: Option<f64>,
    /// Step length taken.
    pub step: f64,
    /// Rounds since the start.
    pub rounds: u64,
    /// One-way collectives since the start.
    pub communications: u64,
    /// Numbers broadcast since the start.
    pub floats_down: u64,
    /// Numbers sent back since the start.
    pub floats_up: u64,
    /// Simulated seconds since the start.
    pub virtual_seconds: f64,
    /// Wall seconds since the start.
    pub wall_seconds: f64,
    /// Workers that were late or silent in some round of this iteration.
    pub late: Vec<usize>,
    /// Workers named as liars in some round of this iteration.
    pub liars: Vec<usize>,
    /// Largest parity residual of its rounds.
    pub residual: f64,
    /// Largest bound on the error of a decoded value of its rounds; infinite (`null` in JSON) where there is none.
    #[serde(deserialize_with = "null_is_infinite")]
    pub bound: f64,
    /// True when every round of it was certified.
    pub certified: bool,
    /// True when some round of it is certified only as long as the secret keys stayed secret.
    #[serde(default)]
    pub keyed: bool,
    /// Rows of the sketch behind the Hessian of this iteration's step, m = N b; 0 for an exact Hessian, nothing where none was
    /// formed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sketch_dimension: Option<usize>,
    /// What was injected, filled in by the observer; the master never sees it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub injected: Option<Injected>,
}

/// JSON has no infinity: it is written as `null`.
fn null_is_infinite<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(<Option<f64> as serde::Deserialize>::deserialize(from)?.unwrap_or(f64::INFINITY))
}

/// The truth about the faults of one iteration.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Injected {
    /// Workers that lied.
    pub liars: Vec<usize>,
    /// Workers that were made slow.
    pub slow: Vec<usize>,
    /// Workers that were dead.
    pub dead: Vec<usize>,
}

/// Sees every iteration of a run.
pub trait Observer {
    /// Called after each iteration (and once at the start, with iteration 0). It may complete the record.
    ///
    /// # Errors
    /// An error stops the run.
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()>;

    /// Called next, once every observer has seen the record, with the variables that it is of: of a training run w (K x d,
    /// row-major) in the coordinates that it is trained in, of a support vector machine the dual's. Runs of
    /// [`crate::linear`] and linear programs do not call it.
    ///
    /// # Errors
    /// An error stops the run.
    fn iterate(&mut self, _record: &IterationRecord, _weights: &[f64]) -> Result<()> {
        Ok(())
    }
}
