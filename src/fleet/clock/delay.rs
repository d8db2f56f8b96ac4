//! Delay models: how long after a round's start a worker begins to be useful.

use std::sync::Arc;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};

use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::{Purpose, Seed};

/// A random delay in seconds, drawn for every (worker, round) on its own.
///
/// ```
/// use steadfast::fleet::Delay;
/// use steadfast::seed::Seed;
/// let delay = Delay::parse("exponential:shift=0.5,mean=2")?;
/// let seconds = delay.seconds(Seed(1), 3, 7);
/// assert!(seconds >= 0.5);
/// assert_eq!(seconds, delay.seconds(Seed(1), 3, 7));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Delay {
    /// No delay.
    #[default]
    None,
    /// `shift` plus an exponential of the given mean.
    Exponential {
        /// Least delay, seconds.
        shift: f64,
        /// Mean beyond the shift, seconds.
        mean: f64,
    },
    /// Log-normal.
    LogNormal {
        /// Median, seconds.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto: `scale * U^(-1/alpha)`, at most `cap` (paper 000's background tasks: alpha 1.5, cap 50).
    Pareto {
        /// Least delay, seconds.
        scale: f64,
        /// Exponent of the tail.
        alpha: f64,
        /// Largest delay, seconds (may be infinite).
        cap: f64,
    },
    /// Paper 000, logistic regression: `.5 N(.5, .2^2) + .5 N(20, 5^2)` seconds, negative draws cut to 0.
    Bimodal,
    /// Paper 000, lasso: `.8 N(.2, .1^2) + .1 N(.6, .2^2) + .1 N(1, .4^2)` seconds, negative draws cut to 0.
    Trimodal,
    /// Figure 1 of paper 001, 3,000 serverless workers: median 40 s, about 5 % at 100 s or more, two of 3,000 near 375 s.
    Lambda,
    /// Delays read from a file; each (worker, round) draws one of them.
    Trace {
        /// The file, as it was named.
        file: String,
        /// Its delays, seconds.
        seconds: Arc<[f64]>,
    },
}

/// What [`Delay::parse`] takes.
const ALLOWED: &str = "none, exponential:shift=S,mean=S, lognormal:median=S,sigma=X, pareto:scale=S,alpha=X,cap=S, bimodal, \
                       trimodal, lambda, trace:FILE";

/// Weight, mean and standard deviation of the parts of a mixture of normal distributions.
type Mixture<const N: usize> = [(f64, f64, f64); N];
const BIMODAL: Mixture<2> = [(0.5, 0.5, 0.2), (0.5, 20.0, 5.0)];
const TRIMODAL: Mixture<3> = [(0.8, 0.2, 0.1), (0.1, 0.6, 0.2), (0.1, 1.0, 0.4)];

/// The bulk of Figure 1 is log-normal: its median, and the sigma that puts 5 % at 100 s: ln(100 / 40) / 1.6449. That
/// gives 0.1 of 3,000 beyond 375 s, so the two that were seen there are a part of their own.
const LAMBDA_MEDIAN: f64 = 40.0;
const LAMBDA_SIGMA: f64 = 0.557;
const LAMBDA_STUCK: (f64, f64, f64) = (2.0 / 3000.0, 375.0, 5.0);

impl Delay {
    /// A model by its name on the command line; a `trace:FILE` is read at once.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown name or a parameter out of range, [`Error::Io`] and [`Error::Input`] for a trace that
    /// can't be read.
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = Params::parse("delay", text)?;
        let delay = match options.name() {
            "trace" if !options.rest().is_empty() => return Delay::from_trace(options.rest()),
            "none" => Delay::None,
            "exponential" => Delay::Exponential {
                shift: options
                    .take_within("shift", "finite seconds from 0", |x: &f64| x.is_finite() && *x >= 0.0)?
                    .unwrap_or(0.0),
                mean: options.positive("mean", 1.0)?,
            },
            "lognormal" => Delay::LogNormal {
                median: options.positive("median", 1.0)?,
                sigma: options
                    .take_within("sigma", "a number from 0 to 10", |x: &f64| (0.0..=10.0).contains(x))?
                    .unwrap_or(0.5),
            },
            "pareto" => Delay::Pareto {
                scale: options.positive("scale", 1.0)?,
                alpha: options
                    .take_within("alpha", "a finite number from 0.05", |x: &f64| x.is_finite() && *x >= 0.05)?
                    .unwrap_or(1.5),
                cap: options
                    .take_within("cap", "finite seconds above 0", |x: &f64| x.is_finite() && *x > 0.0)?
                    .unwrap_or(f64::INFINITY),
            },
            "bimodal" => Delay::Bimodal,
            "trimodal" => Delay::Trimodal,
            "lambda" => Delay::Lambda,
            _ => return Err(options.unknown(ALLOWED)),
        };
        options.finish()?;
        Ok(delay)
    }

    /// Reads a trace: delays in seconds, separated by commas, white space or line ends; a first line without any number is
    /// a header.
    fn from_trace(file: &str) -> Result<Self> {
        let text = std::fs::read_to_string(file).map_err(Error::reading(file))?;
        let mut seconds = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let cells = || line.split(|c: char| c == ',' || c.is_whitespace()).filter(|cell| !cell.is_empty());
            if number == 0 && cells().all(|cell| cell.parse::<f64>().is_err()) {
                continue;
            }
            for cell in cells() {
                match cell.parse::<f64>() {
                    Ok(delay) if delay.is_finite() && delay >= 0.0 => seconds.push(delay),
                    _ => {
                        return Err(Error::input(
                            format!("{file}, line {}", number + 1),
                            cell,
                            "finite seconds from 0",
                        ));
                    }
                }
            }
        }
        if seconds.is_empty() {
            return Err(Error::input(file, "no delays", "at least one number of seconds"));
        }
        Ok(Delay::Trace { file: file.into(), seconds: seconds.into() })
    }

    /// The delay of `worker` in `round`, seconds: finite and not negative.
    pub fn seconds(&self, seed: Seed, worker: usize, round: u64) -> f64 {
        if *self == Delay::None {
            return 0.0;
        }
        let stream = &mut seed.stream(Purpose::Delay, worker as u64, round);
        match self {
            Delay::None => 0.0,
            Delay::Exponential { shift, mean } => {
                let unit: f64 = Exp1.sample(stream);
                shift + mean * unit
            }
            Delay::LogNormal { median, sigma } => lognormal(*median, *sigma, stream),
            // 1 - U is above 0, so the power is finite.
            Delay::Pareto { scale, alpha, cap } => {
                (scale * (1.0 - stream.random::<f64>()).powf(-alpha.recip())).min(*cap)
            }
            Delay::Bimodal => mixture(&BIMODAL, stream),
            Delay::Trimodal => mixture(&TRIMODAL, stream),
            Delay::Lambda => {
                if stream.random::<f64>() < LAMBDA_STUCK.0 {
                    mixture(&[LAMBDA_STUCK], stream)
                } else {
                    lognormal(LAMBDA_MEDIAN, LAMBDA_SIGMA, stream)
                }
            }
            Delay::Trace { seconds, .. } => seconds[stream.random_range(0..seconds.len())],
        }
    }
}

impl std::fmt::Display for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Delay::None => f.write_str("none"),
            Delay::Exponential { shift, mean } => write!(f, "exponential:shift={shift},mean={mean}"),
            Delay::LogNormal { median, sigma } => write!(f, "lognormal:median={median},sigma={sigma}"),
            Delay::Pareto { scale, alpha, cap } if cap.is_infinite() => write!(f, "pareto:scale={scale},alpha={alpha}"),
            Delay::Pareto { scale, alpha, cap } => write!(f, "pareto:scale={scale},alpha={alpha},cap={cap}"),
            Delay::Bimodal => f.write_str("bimodal"),
            Delay::Trimodal => f.write_str("trimodal"),
            Delay::Lambda => f.write_str("lambda"),
            Delay::Trace { file, .. } => write!(f, "trace:{file}"),
        }
    }
}

fn lognormal(median: f64, sigma: f64, stream: &mut impl Rng) -> f64 {
    let normal: f64 = StandardNormal.sample(stream);
    median * (sigma * normal).exp()
}

/// One draw of a mixture of normal distributions (the last part takes what is left of the weights), cut at 0.
fn mixture(parts: &[(f64, f64, f64)], stream: &mut impl Rng) -> f64 {
    let mut left: f64 = stream.random();
    let last = parts.len() - 1;
    let at = parts[..last].iter().position(|(weight, ..)| {
        left -= weight;
        left < 0.0
    });
    let (_, mean, deviation) = parts[at.unwrap_or(last)];
    let normal: f64 = StandardNormal.sample(stream);
    (mean + deviation * normal).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorted delays of 200 rounds of 3,000 workers.
    fn sample(delay: &Delay) -> Vec<f64> {
        let mut all: Vec<f64> = (0..200)
            .flat_map(|round| (0..3000).map(move |w| (w, round)))
            .map(|(w, r)| delay.seconds(Seed(5), w, r))
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        all
    }

    /// Asserts that a share p of the sample lies below `quantile`, within 5 standard deviations of the binomial (chance
    /// of a false alarm 6e-7 a call).
    fn assert_share_below(sample: &[f64], quantile: f64, p: f64) {
        let n = sample.len() as f64;
        let share = sample.partition_point(|&x| x < quantile) as f64 / n;
        let deviation = (p * (1.0 - p) / n).sqrt();
        assert!((share - p).abs() <= 5.0 * deviation, "{share} of the delays below {quantile}, not {p}");
    }

    /// The normal distribution function at a few points, from tables.
    const PHI_1: f64 = 0.841_344_746;

    #[test]
    fn lambda_has_the_quantiles_of_figure_1() {
        let all = sample(&Delay::Lambda);
        let stuck = 2.0 / 3000.0;
        assert_share_below(&all, 40.0, 0.5 * (1.0 - stuck));
        // ln(2.5) / 0.557 = 1.64505; Phi of it is 0.950020.
        assert_share_below(&all, 100.0, 0.950_020 * (1.0 - stuck));
        // Two of 3,000 near 375 s: the log-normal part adds 8.4e-5 of its own beyond 350 s (z = 3.8943: 4.9e-5).
        assert_share_below(&all, 350.0, 1.0 - stuck - 4.9e-5);
        assert!(all[all.len() / 2] > 39.0 && all[all.len() / 2] < 41.0);
    }

    #[test]
    fn closed_forms_hold() {
        assert_share_below(&sample(&Delay::parse("exponential:shift=0.5,mean=2").unwrap()), 2.5, 1.0 - (-1f64).exp());
        assert_share_below(&sample(&Delay::parse("lognormal:median=3,sigma=1").unwrap()), 3.0 * 1f64.exp(), PHI_1);
        assert_share_below(&sample(&Delay::parse("pareto:scale=1,alpha=2,cap=50").unwrap()), 10.0, 0.99);
        assert!(sample(&Delay::parse("pareto:alpha=1.5,cap=50").unwrap()).last().unwrap() <= &50.0);
        assert_share_below(&sample(&Delay::Bimodal), 25.0, 0.5 + 0.5 * PHI_1);
        assert_share_below(&sample(&Delay::Bimodal), 0.7, 0.5 * PHI_1 + 0.5 * 5.7e-5);
        // .3 s is one deviation above .2, 1.5 below .6 (Phi = .066807) and 1.75 below 1 (Phi = .040059).
        assert_share_below(&sample(&Delay::Trimodal), 0.3, 0.8 * PHI_1 + 0.1 * 0.066_807 + 0.1 * 0.040_059);
        assert_eq!(Delay::None.seconds(Seed(1), 2, 3), 0.0);
    }

    #[test]
    fn names_go_there_and_back_and_bad_ones_are_refused() {
        for text in [
            "none",
            "exponential:shift=0,mean=1",
            "lognormal:median=1,sigma=0.5",
            "pareto:scale=1,alpha=1.5",
            "pareto:scale=1,alpha=1.5,cap=50",
            "bimodal",
            "trimodal",
            "lambda",
        ] {
            assert_eq!(Delay::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "weibull",
            "exponential:mean=0",
            "exponential:rate=1",
            "lognormal:sigma=-1",
            "pareto:alpha=0",
            "bimodal:x=1",
            "pareto:cap=inf",
            "exponential:mean",
            "trace:",
            "trace:/nonexistent/delays.csv",
        ] {
            assert_eq!(Delay::parse(text).unwrap_err().exit_status(), 2, "{text}");
        }
    }

    #[test]
    fn traces_are_read_line_by_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("delays.csv");
        let name = format!("trace:{}", path.display());
        std::fs::write(&path, "seconds\n0.5, 1.5\n2\n\n").unwrap();
        let delay = Delay::parse(&name).unwrap();
        assert_eq!(delay.to_string(), name);
        assert_share_below(&sample(&delay), 1.0, 1.0 / 3.0);
        for (text, place) in
            [("1\n-2\n", "line 2"), ("1\n2,x\n", "line 2"), ("1\nNaN\n", "line 2"), ("seconds\n", "no delays")]
        {
            std::fs::write(&path, text).unwrap();
            let error = Delay::parse(&name).unwrap_err();
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}
