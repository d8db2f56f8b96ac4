//! Robust aggregation: one vector out of n, of which f may be anything. Each rule has its authors' defaults and asks for the n that
//! its analysis asks for; none is told which vectors lie.

mod bulyan;
mod centered_clipping;
mod coordinates;
mod geometric_median;
mod krum;

pub use bulyan::Bulyan;
pub use centered_clipping::CenteredClipping;
pub use coordinates::{Mean, Median, TrimmedMean};
pub use geometric_median::GeometricMedian;
pub use krum::Krum;

use crate::error::{Error, Result};
use crate::params::Params;

/// The names that [`aggregator_by_name`] knows, with their parameters.
pub const AGGREGATORS: [&str; 8] = [
    "mean",
    "median",
    "trimmed-mean",
    "geometric-median:iterations=N,smoothing=X",
    "krum",
    "multi-krum:select=N",
    "bulyan",
    "centered-clipping:radius=X,iterations=N",
];

/// A rule that makes one vector of n, of which f may lie.
///
/// ```
/// use steadfast::coding::aggregator_by_name;
/// let median = aggregator_by_name("median")?;
/// median.check(3, 1)?;
/// let mut out = [0.0];
/// median.aggregate(&[&[1.0], &[1e9], &[2.0]], 1, &[0.0], &mut out);
/// assert_eq!(out, [2.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub trait Aggregator: Send + Sync + std::fmt::Debug {
    /// Name on the command line, with the parameters that are not the default.
    fn name(&self) -> String;

    /// How many vectors it needs to carry f `liars`, 0 where any number will do, and that condition in words.
    fn needs(&self, liars: usize) -> (usize, &'static str);

    /// Refuses too few `vectors`.
    ///
    /// # Errors
    /// [`Error::Usage`] with the least number of vectors and the largest number of liars.
    fn check(&self, vectors: usize, liars: usize) -> Result<()> {
        let (least, condition) = self.needs(liars);
        if vectors >= least {
            return Ok(());
        }
        let most = (0..liars).rev().find(|&f| vectors >= self.needs(f).0);
        let most = most.map_or("none even without liars".into(), |f| format!("at most {f} liars"));
        Err(Error::usage(
            format!("aggregator {}", self.name()),
            format!("{vectors} vectors with {liars} liars"),
            format!("{condition}: {least} vectors, or {most}"),
        ))
    }

    /// Makes one of the finite `vectors`, of which `liars` may be anything, into `out`; `previous` is what it made last (zeros at first).
    fn aggregate(&self, vectors: &[&[f64]], liars: usize, previous: &[f64], out: &mut [f64]);
}

/// An aggregator by its name on the command line.
///
/// # Errors
/// [`Error::Usage`] for an unknown name or parameter.
pub fn aggregator_by_name(spec: &str) -> Result<Box<dyn Aggregator>> {
    let mut params = Params::parse("aggregator", spec)?;
    let made: Box<dyn Aggregator> = match params.name() {
        "mean" => Box::new(Mean),
        "median" => Box::new(Median),
        "trimmed-mean" => Box::new(TrimmedMean),
        "geometric-median" => {
            let default = GeometricMedian::default();
            Box::new(GeometricMedian {
                iterations: params.count("iterations")?.unwrap_or(default.iterations),
                smoothing: params.positive("smoothing", default.smoothing)?,
            })
        }
        "krum" => Box::new(Krum::SINGLE),
        "multi-krum" => Box::new(Krum::multi(params.count("select")?)),
        "bulyan" => Box::new(Bulyan),
        "centered-clipping" => {
            let default = CenteredClipping::default();
            Box::new(CenteredClipping {
                radius: params.positive("radius", default.radius)?,
                iterations: params.count("iterations")?.unwrap_or(default.iterations),
            })
        }
        _ => return Err(params.unknown(AGGREGATORS.join(", "))),
    };
    params.finish()?;
    Ok(made)
}
