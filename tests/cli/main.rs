//! The program itself: the built binary, with the shipped data and small files of its own.

mod append;
mod bad_data;
mod bad_options;
#[cfg(target_os = "linux")]
mod checkpoints;
mod consensus;
mod determinism;
mod dino;
mod encoded;
mod encoded_problems;
mod ends;
mod files;
mod linear;
mod lp;
mod models;
mod program;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod workers;
