//! Data as read and as stored at the workers: dense and sparse matrices, data sets, readers, generators, preprocessing.

mod cell;
pub mod compressed;
mod coordinates;
mod csv;
mod dataset;
mod derived;
mod edges;
mod grow;
mod labels;
mod libsvm;
mod market;
mod matrix;
mod one_hot;
mod preprocess;
mod reference;
mod rows;
mod shard;
mod source;
mod split;
mod synthetic;
mod transpose;

pub use coordinates::MAX_NODES;
pub use csv::{CsvData, CsvOptions, parse_csv, read_csv};
pub use dataset::{Dataset, Labels};
pub use edges::{Graph, parse_edges, read_graph};
pub use labels::{LabelKind, MAX_CLASSES};
pub use libsvm::{MAX_FEATURES, parse_libsvm, read_libsvm, write_libsvm};
pub use market::{parse_market, read_market};
pub use matrix::{Csr, Dense, Matrix};
pub use one_hot::{CellEncoding, CsvColumn, OneHot};
pub use preprocess::{Standardization, with_intercept};
pub use reference::{DATA_VARIABLE, REFERENCE_SETS, ReferenceProblem, ReferenceSet, ReferenceSets, ReferenceTask};
pub use shard::{Growth, Operand, ShardGrowth, ShardSink, ShardStats};
pub use source::{LoadOptions, Loaded, Source, load};
pub use split::RowOrder;
pub use synthetic::{Generated, Synthetic, SyntheticKind};
