//! Codes by their names on the command line.

use super::{DataCode, Replication, Tolerance, Uncoded};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::Seed;
use std::sync::Arc;

/// The names that [`code_by_name`] knows, with their parameters.
pub const CODES: &[&str] = &["uncoded", "replication:factor=N"];

/// The code of `spec` (`name:key=value,…`) for m `workers` that carries `tolerance`. With `uncertified`, it may also decode
/// beyond its guarantee and say so, if it can. `seed` is for random bases.
///
/// ```
/// use steadfast::coding::{Tolerance, code_by_name};
/// use steadfast::seed::Seed;
/// let one_liar = Tolerance { liars: 1, stragglers: 0 };
/// assert_eq!(code_by_name("replication:factor=5", 15, one_liar, false, Seed(1))?.blocks(), 3);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for an unknown name (the known ones are listed) or parameter, and for a tolerance that the code can't
/// have with m workers (the largest one is named).
pub fn code_by_name(
    spec: &str,
    workers: usize,
    tolerance: Tolerance,
    uncertified: bool,
    seed: Seed,
) -> Result<Arc<dyn DataCode>> {
    let mut params = Params::parse(spec)?;
    // Neither of these codes has a random basis or anything to try beyond its guarantee.
    let _ = (uncertified, seed);
    match params.name() {
        "uncoded" => {
            params.finish()?;
            if tolerance != Tolerance::default() {
                let allowed = "no liars and no stragglers: it has no redundancy (choose another code)";
                return Err(Error::usage("uncoded", tolerance, allowed));
            }
            Ok(Arc::new(Uncoded::new(workers)?))
        }
        "replication" => {
            let factor = params.take_optional("factor")?;
            params.finish()?;
            Ok(Arc::new(Replication::new(workers, tolerance, factor)?))
        }
        other => Err(Error::usage("code", other, CODES.join(", "))),
    }
}
