//! Steadfast trains models on workers that may be slow, dead or lying, and returns the answer a fault-free fleet would
//! have returned, or says clearly that it could not.
//!
//! It minimizes `F(w) = (1/n) sum_i loss(x_i . w, y_i) + (l2/2) |w|^2 + l1 |w|_1`. Every gradient needs two products with
//! the data, `X w` and `X' u`, and those are all that workers compute. X and X' are encoded once, with redundancy, and each
//! of m workers holds a part of both. In a round the master broadcasts a vector, takes the replies that come, finds who lied
//! by a parity check over the real numbers, decodes the product from the others, and bounds its error. What it can't
//! certify is an error, never a guess. (The code is that of Data, Song and Diggavi, *Data encoding for Byzantine-resilient
//! distributed optimization*, made to work in floating point.)
//!
//! # Quick start
//!
//! ```
//! use steadfast::data::{LoadOptions, Source, load};
//! use steadfast::run::{TrainConfig, Training};
//! use steadfast::trace::final_table;
//!
//! let source: Source = "synthetic:logistic,rows=200,cols=8,condition=10".parse()?; // or the path of a file
//! let data = load(&source, &LoadOptions::default())?.data;
//! let config = TrainConfig {
//!     l2: 1e-2,
//!     liars: 4,        // what the code must carry: four liars and two stragglers among 15 workers,
//!     stragglers: 2,
//!     inject_liars: 4, // and what the simulated fleet does, which the master is not told
//!     inject_slow: 2,
//!     ..TrainConfig::default()
//! };
//! let trained = Training::new(config).run(data)?;
//! println!("{}", final_table(&trained.record));
//! assert_eq!(trained.exit_status, 0);
//! assert!(trained.record.end.certified);
//! assert_eq!(trained.record.end.naming.map(|n| (n.misses, n.innocents_accused)), Some((0, 0)));
//! # Ok::<(), steadfast::Error>(())
//! ```
//!
//! # Modules, as the data flow
//!
//! 1. [`data`] reads a file or generates, and holds dense and sparse matrices.
//! 2. [`objective`] has the losses, regularizers and constraints, evaluated from margins.
//! 3. [`coding`] turns X into shards and replies into a value with a certificate. It needs no fleet.
//! 4. [`sketch`] makes a Hessian of many rows one of few.
//! 5. [`kernel`] lists the computations of a worker, and [`device`] does them: the CPU, or a GPU.
//! 6. [`fleet`] has the workers: simulated in virtual time with a private plan of faults, or real processes.
//! 7. [`oracle`] asks a fleet for products and decodes them: the only place where replies meet codes.
//! 8. [`method`] minimizes with an oracle, and never sees a worker.
//! 9. [`trace`] keeps what happened; [`run`] joins all of it.
//!
//! Beside them, [`linear`] finds eigenpairs, PageRank scores and solutions of linear systems with an oracle, and [`program`] solves linear and semidefinite programs by the barrier method.
//!
//! For functions spread over a network without a master, [`network`] has graphs and communication matrices, and [`consensus`] the
//! methods in which nodes exchange numbers with their neighbours alone.
//!
//! Under them: [`error`], [`seed`] (all randomness is a value), [`scalar`] (f64, f32, f16) and [`params`]
//! (`name:key=value,…`).
//!
//! # Features
//!
//! `gpu`: the wgpu device. `cli`: the program `steadfast`, with progress bar and plots. Both are on by default; the library
//! needs neither.

pub mod error;
pub mod params;
pub mod scalar;
pub mod seed;

pub mod data;
pub mod network;
pub mod objective;
pub mod program;

pub mod kernel;

pub mod coding;
pub mod sketch;

pub mod device;

pub mod fleet;

pub mod oracle;

pub mod trace;

pub mod consensus;
pub mod linear;
pub mod method;
pub mod run;

pub use error::{Error, Result};
