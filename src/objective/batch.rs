//! A loss over a block of rows: the loops behind [`Loss`]'s provided methods. They are compiled once for each loss (no
//! virtual call a row) and once for each vector width, with a fixed order of summation.
//!
//! Each is a struct with an inlined method, not a closure: only then does the loop get the vector unit's instructions.

use super::Loss;
use super::math::sum_of;
use pulp::{Arch, Simd, WithSimd};

/// Rows whose values are kept on the stack before they are summed.
const TILE: usize = 128;
/// Numbers of a row that fit the stack.
const STACK: usize = 64;

struct SumValues<'a, L: ?Sized> {
    loss: &'a L,
    margins: &'a [f64],
    labels: &'a [f64],
}

impl<L: Loss + ?Sized> WithSimd for SumValues<'_, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let k = self.loss.outputs();
        let mut tile = [0.0; TILE];
        let mut total = 0.0;
        for (labels, margins) in self.labels.chunks(TILE).zip(self.margins.chunks(TILE * k)) {
            if k == 1 {
                for ((t, &z), &y) in tile.iter_mut().zip(margins).zip(labels) {
                    *t = self.loss.value(&[z], y);
                }
            } else {
                for ((t, z), &y) in tile.iter_mut().zip(margins.chunks_exact(k)).zip(labels) {
                    *t = self.loss.value(z, y);
                }
            }
            total += sum_of(labels.len(), |i| tile[i]);
        }
        total
    }
}

struct Derivatives<'a, L: ?Sized> {
    loss: &'a L,
    margins: &'a [f64],
    labels: &'a [f64],
    scale: f64,
    out: &'a mut [f64],
}

impl<L: Loss + ?Sized> WithSimd for Derivatives<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let k = self.loss.outputs();
        if k == 1 {
            for ((o, &z), &y) in self.out.iter_mut().zip(self.margins).zip(self.labels) {
                let mut slope = [0.0];
                self.loss.derivative(&[z], y, &mut slope);
                *o = self.scale * slope[0];
            }
        } else {
            for ((o, z), &y) in self.out.chunks_exact_mut(k).zip(self.margins.chunks_exact(k)).zip(self.labels) {
                self.loss.derivative(z, y, o);
                for x in o {
                    *x *= self.scale;
                }
            }
        }
    }
}

struct SecondDerivatives<'a, L: ?Sized> {
    loss: &'a L,
    margins: &'a [f64],
    labels: &'a [f64],
    directions: &'a [f64],
    scale: f64,
    out: &'a mut [f64],
}

impl<L: Loss + ?Sized> WithSimd for SecondDerivatives<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let k = self.loss.outputs();
        if k == 1 {
            for (((o, &z), &y), &v) in self.out.iter_mut().zip(self.margins).zip(self.labels).zip(self.directions) {
                let mut product = [0.0];
                self.loss.second_derivative(&[z], y, &[v], &mut product);
                *o = self.scale * product[0];
            }
        } else {
            let rows = self.margins.chunks_exact(k).zip(self.directions.chunks_exact(k));
            for ((o, (z, v)), &y) in self.out.chunks_exact_mut(k).zip(rows).zip(self.labels) {
                self.loss.second_derivative(z, y, v, o);
                for x in o {
                    *x *= self.scale;
                }
            }
        }
    }
}

struct Line<'a, L: ?Sized> {
    loss: &'a L,
    margins: &'a [f64],
    directions: &'a [f64],
    labels: &'a [f64],
    step: f64,
    /// A moved row and its derivative: 2 K numbers.
    scratch: &'a mut [f64],
}

impl<L: Loss + ?Sized> WithSimd for Line<'_, L> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (f64, f64) {
        let k = self.loss.outputs();
        let (moved, slope) = self.scratch.split_at_mut(k);
        let (mut values, mut products) = ([0.0; TILE], [0.0; TILE]);
        let (mut value, mut product) = (0.0, 0.0);
        let tiles = self.margins.chunks(TILE * k).zip(self.directions.chunks(TILE * k));
        for (labels, (margins, directions)) in self.labels.chunks(TILE).zip(tiles) {
            let terms = values.iter_mut().zip(&mut products);
            if k == 1 {
                for (((t, p), (&z, &v)), &y) in terms.zip(margins.iter().zip(directions)).zip(labels) {
                    let mut slope = [0.0];
                    *t = self.loss.value_and_derivative(&[z + self.step * v], y, &mut slope);
                    *p = slope[0] * v;
                }
            } else {
                let rows = margins.chunks_exact(k).zip(directions.chunks_exact(k));
                for (((t, p), (z, v)), &y) in terms.zip(rows).zip(labels) {
                    for ((m, z), v) in moved.iter_mut().zip(z).zip(v) {
                        *m = z + self.step * v;
                    }
                    *t = self.loss.value_and_derivative(moved, y, slope);
                    *p = sum_of(k, |j| slope[j] * v[j]);
                }
            }
            value += sum_of(labels.len(), |i| values[i]);
            product += sum_of(labels.len(), |i| products[i]);
        }
        (value, product)
    }
}

pub(super) fn sum_values<L: Loss + ?Sized>(loss: &L, margins: &[f64], labels: &[f64]) -> f64 {
    Arch::new().dispatch(SumValues { loss, margins, labels })
}

pub(super) fn derivatives<L: Loss + ?Sized>(loss: &L, margins: &[f64], labels: &[f64], scale: f64, out: &mut [f64]) {
    Arch::new().dispatch(Derivatives { loss, margins, labels, scale, out });
}

pub(super) fn second_derivatives<L: Loss + ?Sized>(
    loss: &L,
    margins: &[f64],
    labels: &[f64],
    directions: &[f64],
    scale: f64,
    out: &mut [f64],
) {
    Arch::new().dispatch(SecondDerivatives { loss, margins, labels, directions, scale, out });
}

pub(super) fn line<L: Loss + ?Sized>(
    loss: &L,
    margins: &[f64],
    directions: &[f64],
    labels: &[f64],
    step: f64,
) -> (f64, f64) {
    let (mut stack, mut heap) = ([0.0; STACK], Vec::new());
    let scratch = if 2 * loss.outputs() <= STACK {
        &mut stack[..2 * loss.outputs()]
    } else {
        heap.resize(2 * loss.outputs(), 0.0);
        &mut heap[..]
    };
    Arch::new().dispatch(Line { loss, margins, directions, labels, step, scratch })
}

pub(super) fn sum_fenchel_gaps<L: Loss + ?Sized>(
    loss: &L,
    margins: &[f64],
    labels: &[f64],
    scale: f64,
    centre: &[f64],
) -> Option<f64> {
    let k = centre.len();
    let mut dual = vec![0.0; k];
    let mut tile = [0.0; TILE];
    let mut total = 0.0;
    for (labels, margins) in labels.chunks(TILE).zip(margins.chunks(TILE * k)) {
        for ((t, z), &y) in tile.iter_mut().zip(margins.chunks_exact(k)).zip(labels) {
            let value = loss.value_and_derivative(z, y, &mut dual);
            for (d, c) in dual.iter_mut().zip(centre) {
                *d = scale * (*d - c);
            }
            *t = value + loss.conjugate(&dual, y)? - sum_of(k, |j| dual[j] * z[j]);
        }
        total += sum_of(labels.len(), |i| tile[i]);
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{LeastSquares, Logistic, NonlinearLeastSquares, Poisson};
    use pulp::Scalar;

    /// What the vector units compute is what plain code computes, bit for bit.
    fn same_bits<L: Loss>(loss: &L, z: &[f64], v: &[f64], y: &[f64]) {
        let plain = Scalar.vectorize(SumValues { loss, margins: z, labels: y });
        assert_eq!(plain, sum_values(loss, z, y));

        let mut scratch = [0.0; 2];
        let work = Line { loss, margins: z, directions: v, labels: y, step: 0.3, scratch: &mut scratch };
        assert_eq!(Scalar.vectorize(work), line(loss, z, v, y, 0.3));

        let (mut plain, mut fast) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        Scalar.vectorize(Derivatives { loss, margins: z, labels: y, scale: 0.1, out: &mut plain });
        derivatives(loss, z, y, 0.1, &mut fast);
        assert_eq!(plain, fast);
    }

    #[test]
    fn every_vector_width_gives_the_same_bits() {
        let of = |f: fn(f64) -> f64| (0..1001).map(|i| f(f64::from(i))).collect::<Vec<f64>>();
        let (z, v) = (of(|i| 30.0 * (0.37 * i).sin()), of(|i| (0.77 * i).cos()));
        let y = of(|i| if i % 3.0 == 0.0 { 1.0 } else { -1.0 });
        same_bits(&LeastSquares, &z, &v, &y);
        same_bits(&Logistic, &z, &v, &y);
        same_bits(&Poisson, &z, &v, &y);
        same_bits(&NonlinearLeastSquares, &z, &v, &y);
    }
}
