//! The builder that joins data, objective, code, fleet, method and observers.

mod check;
mod config;
mod finish;
mod fleets;
mod model;
mod prepare;
mod task;
mod train;

pub use config::{DeviceKind, FleetKind, TrainConfig};
pub use finish::{FinalEvaluation, evaluate};
pub use fleets::{WorkerCommand, serve};
pub use model::{MODEL_SCHEMA, Model, Provenance};
pub use task::{Score, Task};
pub use train::{Trained, Training, make_code};
