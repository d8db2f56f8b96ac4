//! Data as read and as stored at the workers: dense and sparse matrices, data sets, readers, generators, preprocessing.

mod dataset;
mod matrix;
mod shard;

pub use dataset::{Dataset, Labels};
pub use matrix::{Csr, Dense, Matrix};
pub use shard::{Operand, ShardSink, ShardStats};
