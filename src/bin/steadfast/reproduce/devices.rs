//! Stub.
use crate::args::ReproduceArgs;
use steadfast::Result;
pub fn run(_args: &ReproduceArgs) -> Result<u8> {
    Ok(0)
}
