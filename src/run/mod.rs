//! The builder that joins data, objective, code, fleet, method and observers.
//!
//! A [`TrainConfig`] says everything that the command line can say; [`Training`] adds what only a program can give (test
//! data, a loss of its own, observers, a flag to stop); [`Training::run`] returns a [`Trained`]: the record, and the model
//! unless the run ended in an error. What is wrong with options or data is an error before any work; what goes wrong in
//! the run is in the result, beside the record up to it. [`LinearRun`] is the same for the algorithms of [`crate::linear`],
//! [`ProgramRun`] for linear programs.

mod call;
mod check;
mod checkpoint;
mod config;
mod directions;
mod encoded;
mod factorize;
mod factors;
mod finish;
mod fleets;
mod gradients;
mod hessian;
mod linear;
mod local;
mod model;
mod prepare;
mod program;
mod projection;
mod ratings;
mod replay;
mod svm;
mod task;
mod train;

pub use checkpoint::Checkpoint;
pub use config::{DeviceKind, FleetKind, TrainConfig};
pub use factorize::{Factorization, Factorized, Sweep};
pub use factors::Factors;
pub use finish::{FinalEvaluation, evaluate};
pub use fleets::{WorkerCommand, serve};
pub use linear::{Finished, LinearRun};
pub use model::{MODEL_SCHEMA, Model, Provenance};
pub use program::{FinishedProgram, HessianKind, ProgramRun};
pub use projection::{Projected, Projection};
pub use ratings::Ratings;
pub use task::{Score, Task};
pub use train::{Trained, Training, make_code};
