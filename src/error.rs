//! The one error type of the crate. Every variant carries what was got and what is allowed, so that a caller (or the
//! command line's `--json`) can say both without parsing a message.

use std::path::PathBuf;

/// What can go wrong, from bad arguments to more faults than the code can carry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument or option that can't be used (exit status 2).
    #[error("{what}: got {got}; allowed: {allowed}")]
    Usage {
        /// The option or parameter.
        what: String,
        /// The value it was given.
        got: String,
        /// The values it may have.
        allowed: String,
    },
    /// Input text or data that can't be used (exit status 2).
    #[error("{place}: {got}; allowed: {allowed}")]
    Input {
        /// File, line and column (as far as they are known), e.g. `heart.svm, line 3`.
        place: String,
        /// What stands there.
        got: String,
        /// What may stand there.
        allowed: String,
    },
    /// A file that can't be opened, read or written.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `create`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// True when it was found before the work began (exit status 2), false when it happened while running (1).
        before_work: bool,
        /// The system's own error.
        source: std::io::Error,
    },
    /// A device failed or ran out of something (exit status 1).
    #[error("device {device}: {message}")]
    Device {
        /// The device's name.
        device: String,
        /// What it reported.
        message: String,
    },
    /// The connection to the workers failed for a reason that is not a worker's fault (exit status 1).
    #[error("fleet: {0}")]
    Fleet(String),
    /// More faults than the code tolerates (exit status 3): the answer can't be certified, so none is given.
    #[error(
        "too many faults: {reason} (missing workers {erased:?}, suspected {suspected:?}); the code tolerates {tolerance}"
    )]
    TooManyFaults {
        /// Why the decoder or the gather refused.
        reason: String,
        /// Workers whose replies did not arrive or could not be read.
        erased: Vec<usize>,
        /// Workers named as liars before the decoder gave up (may be empty).
        suspected: Vec<usize>,
        /// What the code was built for, e.g. `4 liars and 1 straggler of 15 workers`.
        tolerance: String,
    },
    /// A computation that left the finite numbers or a method that can't go on (exit status 1).
    #[error("numerical failure: {0}")]
    Numerical(String),
    /// The user interrupted the run (exit status 130).
    #[error("interrupted")]
    Interrupted,
}

/// A piece of text for an error message: on one line, at most 40 characters, whatever its bytes.
pub(crate) fn quoted(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Usage`].
    pub fn usage(what: impl Into<String>, got: impl std::fmt::Display, allowed: impl Into<String>) -> Self {
        Error::Usage { what: what.into(), got: got.to_string(), allowed: allowed.into() }
    }

    /// An [`Error::Input`].
    pub fn input(place: impl Into<String>, got: impl std::fmt::Display, allowed: impl Into<String>) -> Self {
        Error::Input { place: place.into(), got: got.to_string(), allowed: allowed.into() }
    }

    /// Makes the [`Error::Io`] of a file that can't be read, before any work.
    pub fn reading(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Error::Io { action: "read", path, before_work: true, source }
    }

    /// A stable kebab-case name of the kind of error, as in the JSON output.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Usage { .. } => "usage",
            Error::Input { .. } => "input",
            Error::Io { .. } => "io",
            Error::Device { .. } => "device",
            Error::Fleet(_) => "fleet",
            Error::TooManyFaults { .. } => "too-many-faults",
            Error::Numerical(_) => "numerical",
            Error::Interrupted => "interrupted",
        }
    }

    /// What was got.
    pub fn got(&self) -> String {
        match self {
            Error::Usage { got, .. } | Error::Input { got, .. } => got.clone(),
            Error::Io { path, source, .. } => format!("{}: {source}", path.display()),
            Error::Device { message, .. } | Error::Fleet(message) | Error::Numerical(message) => message.clone(),
            Error::TooManyFaults { erased, suspected, .. } => format!("missing {erased:?}, suspected {suspected:?}"),
            Error::Interrupted => "interrupt".into(),
        }
    }

    /// What would have been allowed.
    pub fn allowed(&self) -> String {
        match self {
            Error::Usage { allowed, .. } | Error::Input { allowed, .. } => allowed.clone(),
            Error::Io { action, .. } => format!("a path that can be used to {action}"),
            Error::TooManyFaults { tolerance, .. } => tolerance.clone(),
            Error::Device { .. } | Error::Fleet(_) | Error::Numerical(_) | Error::Interrupted => String::new(),
        }
    }

    /// The exit status of the command line for this error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Usage { .. } | Error::Input { .. } => 2,
            Error::Io { before_work, .. } => {
                if *before_work {
                    2
                } else {
                    1
                }
            }
            Error::Device { .. } | Error::Fleet(_) | Error::Numerical(_) => 1,
            Error::TooManyFaults { .. } => 3,
            Error::Interrupted => 130,
        }
    }
}
