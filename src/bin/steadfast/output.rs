//! What the program prints: one line for an error, JSON where asked.

use std::path::PathBuf;

use serde_json::json;
use steadfast::{Error, Result};

/// An error as one line on standard error, or as JSON on standard output.
pub fn error(error: &Error, json: bool) {
    if json {
        println!(
            "{}",
            json!({"error": {"kind": error.kind(), "message": error.to_string(), "got": error.got(), "allowed": error.allowed()}})
        );
    } else {
        eprintln!("steadfast: {}", error.to_string().replace('\n', " "));
    }
}

/// A value as one line of JSON on standard output.
///
/// # Errors
/// [`Error::Numerical`] when it can't be written as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::Numerical(format!("the result can't be written as JSON: {e}")))?;
    println!("{text}");
    Ok(())
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
