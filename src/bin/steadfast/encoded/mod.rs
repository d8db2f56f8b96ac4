//! `steadfast factorize` and `project`: least squares on encoded data that are no training.

pub mod factorize;
pub mod project;

pub use factorize::FactorizeArgs;
pub use project::ProjectArgs;
