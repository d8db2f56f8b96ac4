//! What the readers of coordinate files share: lines with their numbers, faults before their place is known, and
//! entries in any order made into compressed rows.

use std::io::BufRead;

use super::compressed;
use super::libsvm::MAX_FEATURES;
use super::matrix::Csr;
use crate::error::{Error, Result, quoted};

/// Most rows or columns of a matrix read from coordinates, for the reason of [`MAX_FEATURES`].
pub const MAX_NODES: u32 = MAX_FEATURES;

/// What is wrong with a line, before its place is known.
pub(super) struct Fault {
    got: String,
    allowed: String,
}

pub(super) fn fault<T>(got: impl Into<String>, allowed: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { got: got.into(), allowed: allowed.into() })
}

/// Calls `take` for every line that is not blank and does not begin with `comment`, trimmed. A fault gets the line's
/// number.
pub(super) fn each_line(
    mut reader: impl BufRead,
    name: &str,
    comment: char,
    mut take: impl FnMut(&str) -> Result<(), Fault>,
) -> Result<()> {
    let mut bytes = Vec::new();
    let mut line = 0u64;
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|e| compressed::stream_error(name, line, e))? == 0 {
            return Ok(());
        }
        line += 1;
        let read = match std::str::from_utf8(&bytes) {
            Err(_) => fault(quoted(&bytes), "text in UTF-8"),
            Ok(text) => {
                let text = text.trim_start_matches('\u{feff}').trim();
                // The banner of MatrixMarket begins with the comment's sign, twice; only the first line can be one.
                let banner = line == 1 && comment == '%' && text.starts_with("%%");
                if text.is_empty() || (text.starts_with(comment) && !banner) { Ok(()) } else { take(text) }
            }
        };
        read.map_err(|fault| Error::input(format!("{name}, line {line}"), fault.got, fault.allowed))?;
    }
}

/// A finite number.
pub(super) fn number(text: &str) -> Result<f64, Fault> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        _ => fault(format!("value {}", quoted(text.as_bytes())), "a finite number"),
    }
}

/// Entries (row, column, value) in any order as compressed rows. Entries at one place are added, in the order in which
/// they came; sums of zero are left out.
pub(super) fn compress(rows: usize, cols: usize, mut entries: Vec<(u32, u32, f64)>, name: &str) -> Result<Csr<f64>> {
    entries.sort_by_key(|&(i, j, _)| (i, j));
    let mut offsets = vec![0; rows + 1];
    let (mut indices, mut values) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for same in entries.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (i, j, _) = same[0];
        let value: f64 = same.iter().map(|e| e.2).sum();
        if !value.is_finite() {
            let got = format!("entries at row {}, column {} that add up to {value}", i + 1, j + 1);
            return Err(Error::input(name, got, "a finite sum"));
        }
        if value != 0.0 {
            offsets[i as usize + 1] += 1;
            indices.push(j);
            values.push(value);
        }
    }
    for i in 0..rows {
        offsets[i + 1] += offsets[i];
    }
    Csr::new(rows, cols, offsets, indices, values)
}
