//! What the program prints and writes: one line for an error, JSON where asked; files that are tried before any work.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use steadfast::trace::check_writable;
use steadfast::{Error, Result};

/// How the program was called.
pub fn called() -> String {
    format!("steadfast {}", std::env::args().skip(1).collect::<Vec<_>>().join(" "))
}

/// Refuses files that can't be written, and two outputs in one. With each goes its option.
///
/// # Errors
/// [`Error::Usage`], [`Error::Io`].
pub fn check(outputs: &[(&str, Option<&PathBuf>)]) -> Result<()> {
    let given: Vec<_> = outputs.iter().filter_map(|(option, path)| Some((*option, (*path)?))).collect();
    for (at, (option, path)) in given.iter().enumerate() {
        if let Some((other, _)) = given[..at].iter().find(|(_, earlier)| earlier == path) {
            return Err(Error::usage(*option, path.display(), format!("another file than that of {other}")));
        }
        check_writable(path)?;
    }
    Ok(())
}

/// The lines that say what was written.
pub fn wrote(written: &[impl AsRef<Path>]) -> String {
    written.iter().map(|path| format!("  wrote {}\n", path.as_ref().display())).collect()
}

/// Writes `text` to standard output. A reader that has gone (`steadfast … | head`) has what it wanted: no error.
///
/// # Errors
/// [`Error::Io`] when it can't be written for another reason.
pub fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Io { action: "write", path: "standard output".into(), before_work: false, source })
        }
        _ => Ok(()),
    }
}

/// A line on standard error; there is nobody left to tell if that fails.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", line.replace(['\n', '\r'], " "));
}

/// An error as one line on standard error, or as JSON on standard output.
pub fn error(error: &Error, json: bool) {
    if json {
        let value = json!({
            "error": {"kind": error.kind(), "message": error.to_string(), "got": error.got(), "allowed": error.allowed()}
        });
        // The exit status still tells.
        let _ = text(&format!("{value}\n"));
    } else {
        note(&format!("steadfast: {error}"));
    }
}

/// A value as one line of JSON on standard output.
///
/// # Errors
/// [`Error::Numerical`] when it can't be written as JSON; as [`text`].
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    let line = serde_json::to_string(value)
        .map_err(|e| Error::Numerical(format!("the result can't be written as JSON: {e}")))?;
    text(&format!("{line}\n"))
}

/// `{"final": …, "written": [paths]}`.
///
/// # Errors
/// As [`json`].
pub fn outcome(end: &impl serde::Serialize, written: &[PathBuf]) -> Result<()> {
    let end =
        serde_json::to_value(end).map_err(|e| Error::Numerical(format!("the result can't be written as JSON: {e}")))?;
    json(&json!({"final": end, "written": written}))
}
