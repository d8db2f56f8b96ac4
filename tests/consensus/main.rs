//! Networks and consensus optimization: spectra against closed forms, methods against independently computed runs.

mod fixtures;
mod inputs;
mod network;
mod optimum;
mod spectra;
