//! What frames cost and keep, for comparison with codes that decode.

use crate::coding::{Encoding, SubsetSpectrum, frame_by_name};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// Columns of the frame whose subsets are looked at: their spectrum hardly depends on the size.
const SAMPLE: usize = 120;
/// Subsets.
const SUBSETS: usize = 60;
/// In the order of a table.
const NAMES: [&str; 6] = ["steiner", "paley", "hadamard", "hadamard-etf", "gaussian", "haar-wavelet"];

/// One frame for n rows on m workers of which the first k replies are taken.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FramePlan {
    /// Name on the command line.
    pub name: String,
    /// beta = N / n, where there is a frame for n rows.
    pub redundancy: Option<f64>,
    /// What subsets of k workers keep, measured on a frame of at most 120 columns (whose redundancy may be another).
    pub spectrum: Option<SubsetSpectrum>,
    /// Why there is none.
    pub refused: Option<String>,
}

impl FramePlan {
    /// All frames for data of `rows` rows on `workers`, `stragglers` of which are not waited for.
    ///
    /// # Errors
    /// [`Error::Usage`] for no rows or workers, and as many stragglers as workers.
    ///
    /// ```
    /// use steadfast::coding::FramePlan;
    /// let steiner = FramePlan::all(496, 8, 1)?.remove(0);
    /// assert!((steiner.redundancy.unwrap() - 1024.0 / 496.0).abs() < 1e-12);
    /// assert!(steiner.spectrum.unwrap().smallest > 0.1);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn all(rows: usize, workers: usize, stragglers: usize) -> Result<Vec<FramePlan>> {
        if rows == 0 || workers == 0 || stragglers >= workers {
            let got = format!("{rows} rows, {workers} workers, {stragglers} stragglers");
            return Err(Error::usage("frames", got, "at least 1 row, and fewer stragglers than workers"));
        }
        let each = |name: &str| {
            let found = Self::measure(name, rows, workers, workers - stragglers);
            let refused = found.as_ref().err().map(ToString::to_string);
            let (redundancy, spectrum) = found.ok().unzip();
            FramePlan { name: name.into(), redundancy, spectrum, refused }
        };
        Ok(NAMES.iter().map(|name| each(name)).collect())
    }

    fn measure(name: &str, rows: usize, workers: usize, kept: usize) -> Result<(f64, SubsetSpectrum)> {
        let encoding: Encoding = frame_by_name(name, rows, workers, Seed(0))?;
        encoding.check_first(kept, false)?;
        let sample = if rows <= SAMPLE { encoding.clone() } else { frame_by_name(name, SAMPLE, workers, Seed(0))? };
        Ok((encoding.frame().redundancy(), sample.spectrum(kept, SUBSETS, Seed(0))?))
    }
}
