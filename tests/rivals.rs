//! Assignment codes, robust aggregators, and training with them.

#[path = "rivals/aggregators.rs"]
mod aggregators;
#[path = "rivals/codes.rs"]
mod codes;
#[path = "rivals/lagrange.rs"]
mod lagrange;
#[path = "rivals/training.rs"]
mod training;
