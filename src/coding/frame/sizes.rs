//! Sizes that a frame has, and the error for those it has not.

use rand::seq::index;

use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// More rows of the data than this are refused: beyond it sizes would leave the numbers that index a row.
pub(super) const MOST_COLUMNS: usize = 1 << 30;

/// Refuses no columns and too many.
pub(super) fn check_columns(frame: &str, columns: usize) -> Result<()> {
    if (1..=MOST_COLUMNS).contains(&columns) {
        return Ok(());
    }
    Err(Error::usage(format!("columns of the frame {frame}"), columns, format!("1 to {MOST_COLUMNS}")))
}

/// The error for a size that is not there: `sizes` ascend.
pub(super) fn no_such_size(frame: &str, columns: usize, sizes: impl Iterator<Item = usize>) -> Error {
    let mut below = None;
    let mut above = None;
    for size in sizes {
        if size < columns {
            below = Some(size);
        } else {
            above = Some(size);
            break;
        }
    }
    let allowed = match (below, above) {
        (Some(below), Some(above)) => {
            format!("a size that there is a {frame} frame for; the nearest are {below} and {above}")
        }
        (Some(only), None) | (None, Some(only)) => {
            format!("a size that there is a {frame} frame for; the nearest is {only}")
        }
        (None, None) => format!("a size that there is a {frame} frame for"),
    };
    Error::usage(format!("size of the frame {frame}"), format!("{columns} columns"), allowed)
}

/// `count` of `from` columns, ascending: all of them, or drawn at random.
pub(super) fn choose(from: usize, count: usize, seed: Seed) -> Vec<usize> {
    if count == from {
        return (0..from).collect();
    }
    let mut chosen = index::sample(&mut seed.stream(Purpose::Code, 0, 0), from, count).into_vec();
    chosen.sort_unstable();
    chosen
}
