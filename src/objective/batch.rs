//! A loss over a block of rows: the loops behind [`Loss`]'s provided methods. They are compiled once for each loss (no
//! virtual call a row) and for the machine's vector units, with a fixed order of summation.

use super::Loss;
use super::math::sum_of;
use pulp::Arch;

/// Rows whose values are kept on the stack before they are summed.
const TILE: usize = 128;
/// Numbers of a row that fit the stack.
const STACK: usize = 64;

/// Calls `work` with `len` zeros, on the stack if they are few.
#[inline(always)]
fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f64]) -> R) -> R {
    if len <= STACK { work(&mut [0.0; STACK][..len]) } else { work(&mut vec![0.0; len]) }
}

/// Sums `term` over rows 0..n, tile by tile, so that the terms are computed in vector code.
#[inline(always)]
fn tiled_sum(n: usize, mut fill: impl FnMut(usize, &mut [f64])) -> f64 {
    let mut tile = [0.0; TILE];
    let mut total = 0.0;
    let mut start = 0;
    while start < n {
        let len = TILE.min(n - start);
        fill(start, &mut tile[..len]);
        total += sum_of(len, |i| tile[i]);
        start += len;
    }
    total
}

pub(super) fn sum_values<L: Loss + ?Sized>(loss: &L, margins: &[f64], labels: &[f64]) -> f64 {
    let k = loss.outputs();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            tiled_sum(labels.len(), |start, tile| {
                let labels = &labels[start..start + tile.len()];
                if k == 1 {
                    let margins = &margins[start..start + tile.len()];
                    for ((t, &z), &y) in tile.iter_mut().zip(margins).zip(labels) {
                        *t = loss.value(&[z], y);
                    }
                } else {
                    for ((t, z), &y) in tile.iter_mut().zip(margins[start * k..].chunks_exact(k)).zip(labels) {
                        *t = loss.value(z, y);
                    }
                }
            })
        },
    )
}

pub(super) fn derivatives<L: Loss + ?Sized>(loss: &L, margins: &[f64], labels: &[f64], scale: f64, out: &mut [f64]) {
    let k = loss.outputs();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            if k == 1 {
                for ((o, &z), &y) in out.iter_mut().zip(margins).zip(labels) {
                    let mut slope = [0.0];
                    loss.derivative(&[z], y, &mut slope);
                    *o = scale * slope[0];
                }
            } else {
                for ((o, z), &y) in out.chunks_exact_mut(k).zip(margins.chunks_exact(k)).zip(labels) {
                    loss.derivative(z, y, o);
                    o.iter_mut().for_each(|x| *x *= scale);
                }
            }
        },
    );
}

pub(super) fn second_derivatives<L: Loss + ?Sized>(
    loss: &L,
    margins: &[f64],
    labels: &[f64],
    directions: &[f64],
    scale: f64,
    out: &mut [f64],
) {
    let k = loss.outputs();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            if k == 1 {
                for (((o, &z), &y), &v) in out.iter_mut().zip(margins).zip(labels).zip(directions) {
                    let mut product = [0.0];
                    loss.second_derivative(&[z], y, &[v], &mut product);
                    *o = scale * product[0];
                }
            } else {
                let rows = margins.chunks_exact(k).zip(directions.chunks_exact(k));
                for ((o, (z, v)), &y) in out.chunks_exact_mut(k).zip(rows).zip(labels) {
                    loss.second_derivative(z, y, v, o);
                    o.iter_mut().for_each(|x| *x *= scale);
                }
            }
        },
    );
}

pub(super) fn line<L: Loss + ?Sized>(
    loss: &L,
    margins: &[f64],
    directions: &[f64],
    labels: &[f64],
    step: f64,
) -> (f64, f64) {
    let k = loss.outputs();
    let mut slopes = 0.0;
    let values = Arch::new().dispatch(
        #[inline(always)]
        || {
            with_scratch(2 * k, |scratch| {
                let (moved, slope) = scratch.split_at_mut(k);
                let mut products = [0.0; TILE];
                tiled_sum(labels.len(), |start, tile| {
                    let len = tile.len();
                    let (labels, products) = (&labels[start..start + len], &mut products[..len]);
                    if k == 1 {
                        let rows = margins[start..start + len].iter().zip(&directions[start..start + len]);
                        for (((t, p), (&z, &v)), &y) in tile.iter_mut().zip(products.iter_mut()).zip(rows).zip(labels) {
                            let mut slope = [0.0];
                            *t = loss.value_and_derivative(&[z + step * v], y, &mut slope);
                            *p = slope[0] * v;
                        }
                    } else {
                        let rows = margins[start * k..].chunks_exact(k).zip(directions[start * k..].chunks_exact(k));
                        for (((t, p), (z, v)), &y) in tile.iter_mut().zip(products.iter_mut()).zip(rows).zip(labels) {
                            moved.iter_mut().zip(z).zip(v).for_each(|((m, z), v)| *m = z + step * v);
                            *t = loss.value_and_derivative(moved, y, slope);
                            *p = sum_of(k, |j| slope[j] * v[j]);
                        }
                    }
                    slopes += sum_of(len, |i| products[i]);
                })
            })
        },
    );
    (values, slopes)
}
