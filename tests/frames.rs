//! Tight frames (paper 000): what they are, what subsets of workers keep, what shards of them hold, and what training on them gives.

#[path = "frames/properties.rs"]
mod properties;
#[path = "frames/shards.rs"]
mod shards;
#[path = "frames/spectra.rs"]
mod spectra;
