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
}

/// What [`Gather::parse`] takes.
const ALLOWED: &str = "all, first:k=K, decodable, deadline:s=S";

impl Gather {
    /// A policy by its name on the command line: `all`, `first:k=K`, `decodable` or `deadline:s=S`.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other text, a k that is not a whole number from 1, or seconds that are not above 0.
    ///
    /// ```
    /// use steadfast::fleet::Gather;
    /// assert_eq!(Gather::parse("first:k=12").unwrap(), Gather::First(12));
    /// assert!(Gather::parse("speculative").is_err());
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
            _ => return Err(options.unknown(ALLOWED)),
        };
        options.finish()?;
        Ok(gather)
    }

    /// Refuses a policy that a fleet of `workers` can never meet.
    ///
    /// # Errors
    /// [`Error::Usage`] when k is 0 or passes the number of workers, or a deadline is not above 0.
    pub fn check(self, workers: usize) -> Result<()> {
        match self {
            Gather::First(k) if k == 0 || k > workers => {
                Err(Error::usage("gather first:k", k, format!("1 to {workers}, the number of workers")))
            }
            Gather::Deadline(seconds) if seconds.is_nan() || seconds <= 0.0 => {
                Err(Error::usage("gather deadline:s", seconds, "seconds above 0"))
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for text in ["all", "first:k=3", "decodable", "deadline:s=0.25"] {
            assert_eq!(Gather::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_names_say_what_is_allowed() {
        for text in [
            "",
            "speculative",
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
