//! The private plan of who is slow, dead or lying. It acts at the worker's edge: on a worker's time, on whether it works at
//! all, and on the bytes of its reply, with nothing but the plan and that worker's own reply in hand, so that a worker in
//! another process can do it to itself. Omniscient attacks are the exception: the carrier of a simulated fleet tells the liars what
//! the honest workers send. The master's side (rounds, oracles, decoders) never sees any of it.
//!
//! [`FaultPlan::split`] gives two halves. The carrier of the fleet owns the [`Faults`]; an observer keeps the [`Witness`]
//! and asks it, after a step is finished, what was really injected.

mod attack;
mod faults;
mod plan;
mod roles;
mod witness;

pub use attack::{ATTACKS, Attack, PRODUCT_ATTACKS};
pub use faults::Faults;
pub use plan::FaultPlan;
pub use witness::{Injected, Witness};
