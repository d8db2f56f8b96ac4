//! The fast Walsh-Hadamard transform of many columns at once: on the CPU, and twin of `shaders/walsh_hadamard.wgsl`.

use std::ops::{Add, Sub};

use super::Kernel;
use crate::error::{Error, Result};

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "walsh_hadamard",
    f32: include_str!("../../shaders/walsh_hadamard.wgsl"),
    f16: include_str!("../../shaders/walsh_hadamard.wgsl"),
    workgroup_bytes: 16 << 10,
};

/// Rows of a workgroup.
pub const ROWS: usize = 256;
/// Columns of a workgroup.
pub const COLUMNS: usize = 16;
/// Levels of butterflies of a pass, at most: the bits in which the rows of a workgroup differ.
const LEVELS: u32 = ROWS.ilog2();

/// The Walsh-Hadamard transform (natural order, not normalized) of every column of `values` (rows x cols, row-major), in place; the
/// number of rows is a power of two. `log2(rows)` sweeps of `rows cols / 2` butterflies `(a, b) -> (a + b, a - b)`; in each the distance
/// of the two doubles.
///
/// ```
/// use steadfast::kernel::walsh_hadamard;
/// let mut values = [1.0, 2.0, 3.0, 4.0];
/// walsh_hadamard(&mut values, 1);
/// assert_eq!(values, [10.0, -2.0, -4.0, 0.0]);
/// ```
pub fn walsh_hadamard<T: Copy + Add<Output = T> + Sub<Output = T>>(values: &mut [T], cols: usize) {
    let mut half = cols;
    while half > 0 && half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (upper, lower) = block.split_at_mut(half);
            for (a, b) in upper.iter_mut().zip(lower) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// What the passes of a transform do together: row j of `out` becomes row `places[j]` of `given`, or zeros where there is none, and then
/// its columns are transformed. `given` has any number of rows, `out` as many as `places`, a power of two; `cols` columns each. The
/// passes sum as [`walsh_hadamard`] does, and what only adds and subtracts is rounded alike everywhere: the bits are the same.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin(places: &[u32], cols: usize, given: &[f32], out: &mut [f32]) {
    for (to, &place) in out.chunks_exact_mut(cols).zip(places) {
        let from = place as usize * cols;
        if from < given.len() {
            to.copy_from_slice(&given[from..from + cols]);
        } else {
            to.fill(0.0);
        }
    }
    walsh_hadamard(out, cols);
}

/// One pass of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// The lowest of the eight bits in which the rows of a workgroup differ.
    pub shift: u32,
    /// The levels of the pass among them, a bit each.
    pub levels: u32,
}

/// The passes of a transform of so many rows, a power of two. The last of them has its eight bits overlap those of the one before.
///
/// ```
/// use steadfast::kernel::walsh_hadamard::{Pass, passes};
/// assert_eq!(passes(1024), [Pass { shift: 0, levels: 0xff }, Pass { shift: 2, levels: 0xc0 }]);
/// assert_eq!(passes(8), [Pass { shift: 0, levels: 7 }]);
/// ```
pub fn passes(rows: usize) -> Vec<Pass> {
    let bits = rows.max(1).ilog2();
    let pass = |first: u32| {
        let end = (first + LEVELS).min(bits);
        let shift = end.saturating_sub(LEVELS);
        Pass { shift, levels: ((1 << (end - first)) - 1) << (first - shift) }
    };
    // One row has no levels, and is copied all the same.
    (0..bits.max(1)).step_by(LEVELS as usize).map(pass).collect()
}

/// A device that transforms columns in f32 ([`twin`] says what it computes).
pub trait HadamardDevice {
    /// What it is called in messages and records.
    fn name(&self) -> String;

    /// The columns of so many rows that one call takes, at most.
    fn most_columns(&self, rows: usize) -> usize;

    /// `out` (as many rows as `places`, a power of two) becomes the transform of the rows of `given` in their places; both have `cols`
    /// columns, row-major. An entry errs by at most `k u / (1 - k u)` times the sum of its column's magnitudes, `k = log2(rows)` and
    /// `u = 2^-24`.
    ///
    /// # Errors
    /// [`Error::Usage`] for lengths that don't fit, [`Error::Device`] for what does not fit the device, or its failure.
    fn transform(&mut self, places: &[u32], cols: usize, given: &[f32], out: &mut [f32]) -> Result<()>;
}

/// Refuses lengths that don't fit.
///
/// # Errors
/// [`Error::Usage`].
pub fn check_lengths(places: &[u32], cols: usize, given: &[f32], out: &[f32]) -> Result<()> {
    let rows = places.len();
    if rows.is_power_of_two()
        && cols > 0
        && given.len().is_multiple_of(cols)
        && rows.checked_mul(cols) == Some(out.len())
    {
        return Ok(());
    }
    let got = format!("{rows} places, {cols} columns, {} numbers and room for {}", given.len(), out.len());
    Err(Error::usage("Walsh-Hadamard transform", got, "a power of two of places, whole rows, room for a row a place"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every level once, each from the one below, within the eight bits of its pass.
    #[test]
    fn passes_do_every_level_in_order() {
        for bits in 0..26 {
            let levels: Vec<u32> = passes(1 << bits)
                .iter()
                .flat_map(|pass| {
                    (0..32).filter(|at| pass.levels >> at & 1 == 1).map(|at| pass.shift + at).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(levels, (0..bits).collect::<Vec<_>>());
            assert!(passes(1 << bits).iter().all(|pass| pass.levels < 256 && pass.shift + 8 <= bits.max(8)));
        }
    }

    /// Against the matrix written out: whole numbers, so exactly.
    #[test]
    fn the_twin_places_rows_and_multiplies_with_the_matrix() {
        let (rows, cols, given) = (16, 3, 5);
        let values: Vec<f32> = (0..given * cols).map(|k| (k * 7 % 11) as f32 - 5.0).collect();
        let places: Vec<u32> = (0..16).map(|j| if j % 3 == 1 { j / 3 } else { 99 }).collect();
        let mut out = vec![f32::NAN; rows * cols];
        twin(&places, cols, &values, &mut out);
        for i in 0..rows {
            for c in 0..cols {
                let sign = |j: usize| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
                let terms =
                    (0..rows).filter(|&j| places[j] < 5).map(|j| sign(j) * values[places[j] as usize * cols + c]);
                assert_eq!(out[i * cols + c], terms.sum::<f32>(), "{i} {c}");
            }
        }
        assert!(
            check_lengths(&places[..15], 3, &values, &out).is_err() && check_lengths(&places, 3, &values, &out).is_ok()
        );
        assert!(check_lengths(&places, 3, &values[1..], &out).is_err() && check_lengths(&places, 0, &[], &[]).is_err());
    }
}
