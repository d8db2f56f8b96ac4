//! `dino-table2`, `-table3`, `-fig1`, `-fig2` and `-gaps`: the experiments of paper 003, counted in communications.

mod figures;
mod gaps;
mod problems;
mod race;
mod tables;

pub use figures::{fig1, fig2};
pub use gaps::run as gaps;
pub use tables::{table2, table3};
