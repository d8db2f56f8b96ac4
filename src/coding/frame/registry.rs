//! Frames by their names on the command line.

use std::sync::Arc;

use super::{Copies, Encoding, FastFrame, Frame, GaussianFrame, Paley, Steiner};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::Seed;

/// The names of frames, with their parameters.
pub const FRAMES: [&str; 6] =
    ["hadamard", "steiner:size=N", "paley:size=N", "hadamard-etf:size=N", "gaussian", "haar-wavelet"];

/// Whether a code's name (with or without parameters) is that of a frame.
pub fn is_frame(spec: &str) -> bool {
    let bare = |text: &str| text.split(':').next().unwrap_or_default().trim().to_owned();
    FRAMES.iter().any(|name| bare(name) == bare(spec))
}

/// The encoding of `spec` (`name:key=value,…`) for n rows of data (`columns`) on m `workers`: a frame, or for comparison `uncoded` and
/// `replication:factor=N` (2 unless given). A frame covers any n, with the smallest of its sizes that is large enough, of which n
/// columns are taken; with `size=N` it has exactly N columns, and n must be N.
///
/// ```
/// use steadfast::coding::frame_by_name;
/// use steadfast::seed::Seed;
/// assert_eq!(frame_by_name("steiner", 100, 8, Seed(0))?.frame().redundancy(), 2.4);
/// assert!(frame_by_name("steiner:size=100", 100, 8, Seed(0)).is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for an unknown name or parameter, a size that there is none of (the nearest are named) or that is not n, and
/// more workers than rows.
pub fn frame_by_name(spec: &str, columns: usize, workers: usize, seed: Seed) -> Result<Encoding> {
    let mut params = Params::parse("code", spec)?;
    let name = params.name().to_owned();
    let mut size = None;
    if matches!(name.as_str(), "steiner" | "paley" | "hadamard-etf") {
        size = params.count("size")?;
    }
    let frame: Arc<dyn Frame> = match (name.as_str(), size) {
        ("hadamard", _) => Arc::new(FastFrame::hadamard(columns, seed)?),
        ("haar-wavelet", _) => Arc::new(FastFrame::haar(columns, seed)?),
        ("gaussian", _) => Arc::new(GaussianFrame::new(columns, seed)?),
        ("steiner", None) => Arc::new(Steiner::covering(columns)?),
        ("steiner", Some(size)) => Arc::new(Steiner::new(size)?),
        ("paley", None) => Arc::new(Paley::covering(columns, seed)?),
        ("paley", Some(size)) => Arc::new(Paley::new(size)?),
        ("hadamard-etf", None) => Arc::new(FastFrame::of_hadamard_etf(columns, seed)?),
        ("hadamard-etf", Some(size)) => Arc::new(FastFrame::hadamard_etf(size)?),
        ("uncoded" | "replication", _) => {
            let copies = if name == "uncoded" { 1 } else { params.count("factor")?.unwrap_or(2) };
            params.finish()?;
            return Encoding::of_copies(Copies::new(columns, copies)?, workers, seed);
        }
        _ => return Err(params.unknown(format!("{}, uncoded, replication:factor=N", FRAMES.join(", ")))),
    };
    params.finish()?;
    if frame.columns() != columns {
        let allowed = format!("{columns}, the rows of the data; or no size, which covers any");
        return Err(Error::usage(format!("code {name}:size"), frame.columns(), allowed));
    }
    Encoding::new(frame, workers, seed)
}
