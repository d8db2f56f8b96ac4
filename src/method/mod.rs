//! Methods and the solve loop.
