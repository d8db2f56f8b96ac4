//! Steadfast trains models on workers that may be slow, dead or lying, and returns the answer a fault-free fleet would
//! have returned, or says clearly that it could not.

pub mod error;
pub mod params;
pub mod scalar;
pub mod seed;

pub mod data;
pub mod objective;

pub mod kernel;

pub mod coding;
pub mod device;

pub mod fleet;

pub mod oracle;

pub mod trace;

pub mod method;
pub mod run;

pub use error::{Error, Result};
