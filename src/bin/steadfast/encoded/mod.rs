//! `steadfast factorize` and `project`: least squares on encoded data that are no training.

pub mod factorize;
pub mod project;

use std::path::{Path, PathBuf};

pub use factorize::FactorizeArgs;
pub use project::ProjectArgs;

use steadfast::trace::check_writable;
use steadfast::{Error, Result};

/// Refuses files that can't be written, and two outputs in one.
fn check_outputs(outputs: [(&str, Option<&PathBuf>); 2]) -> Result<()> {
    if let [(_, Some(first)), (option, Some(second))] = outputs
        && first == second
    {
        let allowed = format!("another file than that of {}", outputs[0].0);
        return Err(Error::usage(option, second.display(), allowed));
    }
    outputs.into_iter().filter_map(|(_, path)| path).try_for_each(|path| check_writable(path))
}

/// How the program was called.
fn called() -> String {
    format!("steadfast {}", std::env::args().skip(1).collect::<Vec<_>>().join(" "))
}

/// The lines that say what was written.
fn wrote(written: &[&Path]) -> String {
    written.iter().map(|path| format!("  wrote {}\n", path.display())).collect()
}
