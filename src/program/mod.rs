//!
//! A [`LinearProgram`] comes from an MPS file ([`read_mps`]) or is built in code. [`reduce`] brings it to
//! `minimize c'u, A u <= b` ([`Standard`]); [`solve`] finds an interior point of that (phase I) and follows the central
//! path. The Newton system comes through [`NormalMatrix`], so that a sketch of it may stand in ([`solve_with`]).

mod barrier;
mod eliminate;
mod linear;
mod mps;
mod mps_line;
mod newton;
mod normal;
mod phase_one;
mod polyhedron;
mod random;
mod ray;
mod semidefinite;
mod solve;
mod standard;
mod vector;

pub use linear::{LinearProgram, Row, Variable};
pub use mps::{parse_mps, read_mps};
pub use normal::{Exact, NewtonStep, NormalMatrix};
pub use random::random_program;
pub use semidefinite::{SemidefiniteOptimum, SemidefiniteOutcome, SemidefiniteProgram, solve_semidefinite};
pub use solve::{MakeNormal, Optimum, Outcome, SolveOptions, Status, solve, solve_with};
pub use standard::{Reduced, Standard, reduce};
