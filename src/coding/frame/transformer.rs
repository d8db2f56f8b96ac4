//! The subsampled Hadamard frame on a device.

use super::Encoding;
use super::encode::{TILE, TILES};
use crate::error::{Error, Result};
use crate::kernel::HadamardDevice;

/// A device and what it has to know of a frame.
pub(super) struct Transformer<'d> {
    device: &'d mut dyn HadamardDevice,
    /// For each row of the transform the row of the data that it is, `u32::MAX` where it is zero.
    places: Vec<u32>,
    /// What encoded numbers are multiplied by, in f64, when they are back.
    factor: f64,
    /// Columns of a call, at most: as many as the CPU has at a time.
    pub widest: usize,
}

impl<'d> Transformer<'d> {
    /// # Errors
    /// [`Error::Usage`] for a frame that is not columns of a Hadamard matrix.
    pub fn new(device: &'d mut dyn HadamardDevice, encoding: &Encoding) -> Result<Self> {
        let frame = encoding.frame();
        let Some((chosen, factor)) = frame.hadamard_columns() else {
            let got = format!("{} on {}", frame.name(), device.name());
            return Err(Error::usage("a frame on a device", got, "hadamard (others are applied on the CPU)"));
        };
        let mut places = vec![u32::MAX; frame.rows()];
        chosen.iter().zip(0..).for_each(|(&at, row)| places[at] = row);
        let widest = device.most_columns(places.len()).min(TILE * TILES);
        Ok(Transformer { device, places, factor, widest })
    }

    /// `S x` for so many columns of the data, row-major, rounded to f32 on the way.
    ///
    /// # Errors
    /// The device's; [`Error::Numerical`] for what f32 can't hold.
    pub fn transform(&mut self, cols: usize, x: &[f64]) -> Result<Vec<f64>> {
        #[allow(clippy::cast_possible_truncation, reason = "the device computes in f32")]
        let given: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let mut out = vec![0.0; self.places.len() * cols];
        self.device.transform(&self.places, cols, &given, &mut out)?;
        if out.iter().any(|x| !x.is_finite()) {
            let message = format!("encoded numbers beyond the range of f32, in which {} computes", self.device.name());
            return Err(Error::Numerical(message));
        }
        Ok(out.iter().map(|&x| self.factor * f64::from(x)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::{EncodedShard, encode_rows, encode_rows_on, frame_by_name};
    use crate::data::{Csr, Dense, Matrix};
    use crate::kernel::walsh_hadamard::{check_lengths, twin};
    use crate::seed::Seed;

    /// Computes what a GPU does, a few columns at a time.
    struct Twin(usize);

    impl HadamardDevice for Twin {
        fn name(&self) -> String {
            "twin".into()
        }

        fn most_columns(&self, _rows: usize) -> usize {
            self.0
        }

        fn transform(&mut self, places: &[u32], cols: usize, given: &[f32], out: &mut [f32]) -> Result<()> {
            check_lengths(places, cols, given, out)?;
            assert!(cols <= self.0, "{cols} columns");
            twin(places, cols, given, out);
            Ok(())
        }
    }

    fn dense(shard: &EncodedShard) -> &Dense<f64> {
        match shard {
            EncodedShard::Whole(Matrix::Dense(dense)) => dense,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn shards_are_those_of_the_cpu_to_the_rounding_of_f32() {
        let (n, d) = (90, 41);
        let values: Vec<f64> = (0..n * d).map(|k| (k as f64 * 0.618_033_988_7).fract() - 0.5).collect();
        let data = Dense::new(n, d, values).unwrap();
        let sparse =
            Matrix::Csr(Csr::new(n, d, (0..=n).collect(), (0..90).map(|i| i % 41).collect(), vec![1.1; n]).unwrap());
        let encoding = frame_by_name("hadamard", n, 6, Seed(3)).unwrap();
        for (data, width) in [(Matrix::Dense(data.clone()), 7), (Matrix::Dense(data), 10_000), (sparse, 16)] {
            let on_cpu = encode_rows(&encoding, &data).unwrap();
            let on_device = encode_rows_on(Some(&mut Twin(width)), &encoding, &data).unwrap();
            let mut sums = vec![0.0; d];
            (0..n).for_each(|i| data.for_each_in_row(i, |j, x| sums[j] += x.abs()));
            let mut different = 0;
            for (a, b) in on_cpu.iter().zip(&on_device) {
                for (at, (a, b)) in dense(a).values().iter().zip(dense(b).values()).enumerate() {
                    // The data are rounded once, and each of 8 additions; a tenth covers f64 and higher orders.
                    let bound = 1.1 * 9.0 * 2f64.powi(-24) * sums[at % d] / (n as f64).sqrt();
                    assert!((a - b).abs() <= bound, "{at}: {a} {b}");
                    different += usize::from(a != b);
                }
            }
            assert!(different > 0, "not in f32");
        }
    }

    #[test]
    fn other_frames_and_numbers_beyond_f32_are_refused() {
        let data = |x: f64| Matrix::Dense(Dense::new(10, 1, vec![x; 10]).unwrap());
        for name in ["steiner", "hadamard-etf", "haar-wavelet", "uncoded"] {
            let encoding = frame_by_name(name, 10, 2, Seed(0)).unwrap();
            let error = encode_rows_on(Some(&mut Twin(4)), &encoding, &data(1.0)).unwrap_err();
            assert!(error.to_string().contains("hadamard (others"), "{error}");
        }
        let encoding = frame_by_name("hadamard", 10, 2, Seed(0)).unwrap();
        let error = encode_rows_on(Some(&mut Twin(4)), &encoding, &data(3e38)).unwrap_err();
        assert!(error.to_string().contains("range of f32"), "{error}");
    }
}
