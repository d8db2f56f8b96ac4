//! Assignment codes by their names on the command line.

use std::sync::Arc;

use super::{Aggregated, AssignmentCode, Detox, DracoCyclic, DracoRepetition, GradientCoding, aggregator_by_name};
use crate::coding::Tolerance;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::Seed;

/// The names that [`assignment_by_name`] knows, with their parameters.
pub const ASSIGNMENT_CODES: [&str; 3] =
    ["gradient-coding:layout=repetition|cyclic", "draco:layout=cyclic|repetition", "detox:group=N"];

/// The assignment code of `code` (`name:key=value,…`) with the `aggregator` of its replies, for m `workers` that carries `tolerance`;
/// `None` where neither is asked for: a data code's name, and no aggregator.
///
/// `uncoded` with an aggregator is robust aggregation alone; `detox` takes the median by default; the exact codes take none.
///
/// ```
/// use steadfast::coding::{Tolerance, assignment_by_name};
/// use steadfast::seed::Seed;
/// let two_liars = Tolerance { liars: 2, stragglers: 0 };
/// let code = |code, aggregator| assignment_by_name(code, aggregator, 15, two_liars, Seed(0));
/// assert_eq!(code("draco", None)?.map(|c| c.name()).as_deref(), Some("draco:layout=cyclic"));
/// assert_eq!(code("uncoded", Some("krum"))?.map(|c| c.redundancy()), Some(1.0));
/// assert!(code("real-parity", None)?.is_none());
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for unknown names and parameters, a tolerance that the code can't have with m workers, and an aggregator beside a
/// code that decodes.
pub fn assignment_by_name(
    code: &str,
    aggregator: Option<&str>,
    workers: usize,
    tolerance: Tolerance,
    seed: Seed,
) -> Result<Option<Arc<dyn AssignmentCode>>> {
    let mut params = Params::parse("code", code)?;
    let name = params.name().to_owned();
    if workers == 0 {
        return Err(Error::usage("workers", 0, "at least 1"));
    }
    if let Some(given) = aggregator.filter(|_| name != "detox" && name != "uncoded") {
        let allowed = "--code detox, or uncoded (the default beside an aggregator)";
        return Err(Error::usage(format!("--aggregator {given} with --code"), name, allowed));
    }
    let mut layout = |default: &str| params.take("layout", default.to_owned());
    let made: Arc<dyn AssignmentCode> = match name.as_str() {
        "gradient-coding" => match layout("repetition")?.as_str() {
            "repetition" => Arc::new(GradientCoding::repetition(workers, tolerance)?),
            "cyclic" => Arc::new(GradientCoding::cyclic(workers, tolerance, seed)?),
            other => return Err(params.refuse("layout", other, "repetition or cyclic")),
        },
        "draco" => match layout("cyclic")?.as_str() {
            "cyclic" => Arc::new(DracoCyclic::new(workers, tolerance, seed)?),
            "repetition" => Arc::new(DracoRepetition::new(workers, tolerance)?),
            other => return Err(params.refuse("layout", other, "cyclic or repetition")),
        },
        "detox" => {
            let group = params.count("group")?.unwrap_or(3);
            Arc::new(Detox::new(workers, tolerance, group, aggregator_by_name(aggregator.unwrap_or("median"))?)?)
        }
        "uncoded" => match aggregator {
            Some(aggregator) => Arc::new(Aggregated::new(workers, tolerance, aggregator_by_name(aggregator)?)?),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    params.finish()?;
    Ok(Some(made))
}
