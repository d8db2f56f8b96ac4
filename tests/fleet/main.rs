//! The fleet: rounds, faults, virtual time, and real worker processes on the loopback interface. No GPU, no files.

mod attacks;
mod device;
mod hostile;
mod round;
mod simulated;
mod tcp;
