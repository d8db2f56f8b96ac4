//! Data as read and as stored at the workers: dense and sparse matrices, data sets, readers, generators, preprocessing.

pub mod compressed;
mod dataset;
mod labels;
mod libsvm;
mod matrix;
mod rows;
mod shard;

pub use dataset::{Dataset, Labels};
pub use labels::{LabelKind, MAX_CLASSES};
pub use libsvm::{MAX_FEATURES, parse_libsvm, read_libsvm, write_libsvm};
pub use matrix::{Csr, Dense, Matrix};
pub use shard::{Operand, ShardSink, ShardStats};
