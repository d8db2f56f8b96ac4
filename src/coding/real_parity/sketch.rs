//! Random combinations of the reply columns: m x P replies become m x r numbers in one pass, and every lie shows in them.

use rand::{Rng, RngExt};

/// The random combinations of one round. Columns are visited in runs of r; run by run a random cyclic shift deals the
/// columns to the r buckets, each column with a continuous random weight, and a bucket's weights have unit norm, so that
/// white noise stays white at the same level. With at most r columns the columns are taken as they are.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    buckets: usize,
    bits: Vec<u32>,
    weights: Vec<f64>,
    shifts: Vec<usize>,
    scales: Vec<f64>,
    sums: Vec<f64>,
}

impl Sketch {
    /// Draws the combinations for `rows * inverse_norms.len()` columns; column `b * vectors + l` is scaled by
    /// `inverse_norms[l]` (0 leaves it out). At most `most` buckets.
    pub(super) fn draw(&mut self, rows: usize, inverse_norms: &[f64], most: usize, stream: &mut impl Rng) {
        let columns = rows * inverse_norms.len();
        self.buckets = columns.min(most);
        self.weights.clear();
        self.shifts.clear();
        if columns <= most {
            for _ in 0..rows {
                self.weights.extend_from_slice(inverse_norms);
            }
            self.shifts.push(0);
            self.scales.clear();
            self.scales.resize(columns, 1.0);
            return;
        }
        self.bits.resize(columns, 0);
        stream.fill_bytes(bytemuck::cast_slice_mut(&mut self.bits));
        let r = self.buckets;
        self.shifts.extend((0..columns.div_ceil(r)).map(|_| stream.random_range(0..r)));
        self.sums.clear();
        self.sums.resize(2 * r, 0.0);
        self.weights.resize(columns, 0.0);
        pulp::Arch::new().dispatch(Weigh {
            bits: &self.bits,
            shifts: &self.shifts,
            buckets: r,
            inverse_norms,
            weights: &mut self.weights,
            sums: &mut self.sums,
        });
        self.scales.clear();
        self.scales.extend((0..r).map(|b| 1.0 / (self.sums[b] + self.sums[b + r]).sqrt()));
    }

    /// Number of combinations, r.
    pub(super) fn buckets(&self) -> usize {
        self.buckets
    }

    /// Additions behind one bucket, which set the round-off of the pass itself.
    pub(super) fn depth(&self) -> usize {
        self.shifts.len()
    }

    /// Combines the replies of `workers` (rows of `values`, one weight a number) into their rows of `out` (r numbers each), divided
    /// by `unit`.
    pub(super) fn apply(&mut self, values: &[f64], workers: &[usize], unit: f64, out: &mut [f64]) {
        let (r, columns) = (self.buckets, self.weights.len());
        // Four workers at a time share the weights, and one's sums are in registers' reach while another's are stored.
        for group in workers.chunks(4) {
            self.sums.clear();
            self.sums.resize(group.len() * 2 * r, 0.0);
            pulp::Arch::new().dispatch(Pass {
                values,
                columns,
                group,
                weights: &self.weights,
                shifts: &self.shifts,
                buckets: r,
                sums: &mut self.sums,
            });
            for (sums, &worker) in self.sums.chunks_exact(2 * r).zip(group) {
                let out = &mut out[worker * r..(worker + 1) * r];
                for (b, (o, scale)) in out.iter_mut().zip(&self.scales).enumerate() {
                    *o = (sums[b] + sums[b + r]) * scale / unit;
                }
            }
        }
    }
}

/// Turns random bits into weights and sums their squares by bucket, compiled for the vector unit at hand.
struct Weigh<'a> {
    bits: &'a [u32],
    shifts: &'a [usize],
    buckets: usize,
    inverse_norms: &'a [f64],
    weights: &'a mut [f64],
    sums: &'a mut [f64],
}

impl pulp::WithSimd for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let r = self.buckets;
        for (w, &bits) in self.weights.iter_mut().zip(self.bits) {
            // Magnitudes in [0.3, 1), so that no column is nearly left out, with random signs: 31 bits and a sign each.
            let magnitude = 0.3 + 0.7 / f64::from(1u32 << 31) * f64::from((bits >> 1).cast_signed());
            *w = f64::from_bits(magnitude.to_bits() | u64::from(bits & 1) << 63);
        }
        for (run, &shift) in self.weights.chunks(r).zip(self.shifts) {
            let sums = &mut self.sums[shift..shift + run.len()];
            for (sum, w) in sums.iter_mut().zip(run) {
                *sum += w * w;
            }
        }
        if let [scale] = self.inverse_norms {
            self.weights.iter_mut().for_each(|w| *w *= scale);
            return;
        }
        for row in self.weights.chunks_exact_mut(self.inverse_norms.len()) {
            for (w, scale) in row.iter_mut().zip(self.inverse_norms) {
                *w *= scale;
            }
        }
    }
}

/// The pass over the replies of a group of workers, compiled for the vector unit at hand.
struct Pass<'a> {
    values: &'a [f64],
    columns: usize,
    group: &'a [usize],
    weights: &'a [f64],
    shifts: &'a [usize],
    buckets: usize,
    sums: &'a mut [f64],
}

impl pulp::WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let r = self.buckets;
        for (run, &shift) in self.shifts.iter().enumerate() {
            let start = run * r;
            let length = r.min(self.columns - start);
            let weights = &self.weights[start..start + length];
            for (g, &worker) in self.group.iter().enumerate() {
                let from = worker * self.columns + start;
                let x = &self.values[from..from + length];
                let sums = &mut self.sums[g * 2 * r + shift..][..length];
                for j in 0..length {
                    sums[j] += x[j] * weights[j];
                }
            }
        }
    }
}
