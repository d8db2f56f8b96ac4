//! Tight frames (paper 000): what they are, what subsets of workers keep, what shards of them hold, and what training on them gives.

#[path = "frames/dropped.rs"]
mod dropped;
#[path = "frames/inputs.rs"]
mod inputs;
#[path = "frames/problems.rs"]
mod problems;
#[path = "frames/properties.rs"]
mod properties;
#[path = "frames/shards.rs"]
mod shards;
#[path = "frames/spectra.rs"]
mod spectra;
#[path = "frames/training.rs"]
mod training;
