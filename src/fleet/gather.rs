//! Gather policies: when a round has heard enough.

use crate::error::{Error, Result};
use crate::params::Params;

/// When a round has heard enough.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gather {
    /// All workers (those that can still answer).
    All,
    /// The first k replies.
    First(usize),
    /// As soon as the code can decode with its promised certainty.
    Decodable,
    /// Whatever came within so many seconds (virtual in a simulated fleet, wall time in a real one).
    Deadline(f64),
    /// Speculative execution, the baseline of paper 001 for uncoded work: when this share of the workers has answered, the tasks
    /// of the others are started once more on fresh workers, and of each the copy that comes first is taken. In a simulated
    /// fleet only.
    Speculative(f64),
}

/// What [`Gather::parse`] takes.
const ALLOWED: &str = "all, first:k=K, decodable, deadline:s=S, speculative:wait=X";

/// The share that paper 001 waits for.
const WAIT: f64 = 0.9;

/// Whether a share can be waited for.
fn is_share(wait: f64) -> bool {
    wait > 0.0 && wait <= 1.0
}

impl Gather {
    /// A policy by its name on the command line: `all`, `first:k=K`, `decodable`, `deadline:s=S` or `speculative:wait=X` (0.9
    /// unless given).
    ///
    /// # Errors
    /// [`Error::Usage`] for any other text, a k that is not a whole number from 1, seconds that are not above 0, or a share
    /// to wait for that is not above 0 and at most 1.
    ///
    /// ```
    /// use steadfast::fleet::Gather;
    /// assert_eq!(Gather::parse("first:k=12").unwrap(), Gather::First(12));
    /// assert_eq!(Gather::parse("speculative").unwrap(), Gather::Speculative(0.9));
    /// assert!(Gather::parse("majority").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = Params::parse("gather", text)?;
        let gather = match options.name() {
            "all" => Gather::All,
            "first" => Gather::First(options.count("k")?.ok_or_else(|| options.missing("k"))?),
            "decodable" => Gather::Decodable,
            "deadline" => {
                let fine = |s: &f64| s.is_finite() && *s > 0.0;
                let seconds = options.take_within("s", "finite seconds above 0", fine)?;
                Gather::Deadline(seconds.ok_or_else(|| options.missing("s"))?)
            }
            "speculative" => {
                let wait = options.take_within("wait", "a share above 0, at most 1", |x: &f64| is_share(*x))?;
                Gather::Speculative(wait.unwrap_or(WAIT))
            }
            _ => return Err(options.unknown(ALLOWED)),
        };
        options.finish()?;
        Ok(gather)
    }

    /// Refuses a policy that a fleet of `workers` can never meet.
    ///
    /// # Errors
    /// [`Error::Usage`] when k is 0 or passes the number of workers, a deadline is not above 0, or a share to wait for is not
    /// above 0 and at most 1.
    pub fn check(self, workers: usize) -> Result<()> {
        match self {
            Gather::First(k) if k == 0 || k > workers => {
                Err(Error::usage("gather first:k", k, format!("1 to {workers}, the number of workers")))
            }
            Gather::Deadline(seconds) if seconds.is_nan() || seconds <= 0.0 => {
                Err(Error::usage("gather deadline:s", seconds, "seconds above 0"))
            }
            Gather::Speculative(wait) if !is_share(wait) => {
                Err(Error::usage("gather speculative:wait", wait, "a share above 0, at most 1"))
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Gather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Gather::All => f.write_str("all"),
            Gather::First(k) => write!(f, "first:k={k}"),
            Gather::Decodable => f.write_str("decodable"),
            Gather::Deadline(seconds) => write!(f, "deadline:s={seconds}"),
            Gather::Speculative(wait) => write!(f, "speculative:wait={wait}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for text in ["all", "first:k=3", "decodable", "deadline:s=0.25", "speculative:wait=0.9"] {
            assert_eq!(Gather::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_names_say_what_is_allowed() {
        for text in [
            "",
            "speculative:wait=0",
            "speculative:wait=1.1",
            "speculative:k=3",
            "first",
            "first:k=0",
            "first:k=-1",
            "first:k=2.5",
            "first:k=3,k=4",
            "all:k=3",
            "deadline",
            "deadline:s=0",
            "deadline:s=inf",
            "deadline:s=NaN",
            "first:j=3",
            "first:k",
            "decodable:x=1",
        ] {
            let error = Gather::parse(text).unwrap_err();
            assert_eq!(error.exit_status(), 2, "{text}");
            assert!(!error.allowed().is_empty(), "{text}");
        }
        assert!(Gather::First(16).check(15).unwrap_err().to_string().contains("1 to 15"));
        assert!(Gather::First(15).check(15).is_ok());
    }
}
