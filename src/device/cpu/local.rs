//! Workers' own rows on the CPU: every worker a task of its own, in f64 whatever the rows are stored in.

use std::sync::Arc;

use nalgebra::DVectorView;
use rayon::prelude::*;

use super::SimdLevel;
use crate::data::Matrix;
use crate::device::local::{check_chain, check_parts, check_vector};
use crate::device::{DeviceInfo, LocalCurvature, LocalDevice, LocalForm, Op, Scalars, Svrg, VECTORS, Vector};
use crate::error::Result;
use crate::scalar::Element;

/// [`LocalDevice`] on the CPU, with rows stored in T that others may share. A worker's sums do not depend on who else computes.
#[derive(Debug)]
pub struct CpuLocal<T> {
    workers: Vec<Worker<T>>,
    form: LocalForm,
    softmax: bool,
    curved: bool,
}

/// One worker.
#[derive(Debug)]
struct Worker<T> {
    rows: Arc<Matrix<T>>,
    /// Its second derivatives.
    numbers: Vec<f64>,
    vectors: [Vec<f64>; VECTORS],
    /// `X_i v`, and then `D_i X_i v`.
    images: Vec<f64>,
    /// One row's images.
    row: Vec<f64>,
}

impl<T: Element> CpuLocal<T> {
    /// Workers with these rows (n_i x d).
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a worker without rows, or with another d.
    pub fn new(parts: Vec<Arc<Matrix<T>>>, form: LocalForm) -> Result<Self> {
        let shapes: Vec<_> = parts.iter().map(|rows| (rows.rows(), rows.cols())).collect();
        check_parts(&shapes, &form)?;
        let worker = |rows: Arc<Matrix<T>>| {
            let width = form.classes * rows.cols();
            let images = vec![0.0; form.classes * rows.rows()];
            let vectors = std::array::from_fn(|_| vec![0.0; width]);
            Worker { rows, numbers: Vec::new(), vectors, images, row: vec![0.0; form.classes] }
        };
        Ok(CpuLocal { workers: parts.into_iter().map(worker).collect(), form, softmax: false, curved: false })
    }
}

fn view(vector: &[f64]) -> DVectorView<'_, f64> {
    DVectorView::from_slice(vector, vector.len())
}

impl<T: Element> Worker<T> {
    /// `out = H_i v`.
    fn multiply(&mut self, form: &LocalForm, softmax: bool, vector: &[f64], out: &mut [f64]) {
        let k = form.classes;
        self.rows.multiply(vector, k, &mut self.images);
        if softmax {
            for (z, p) in self.images.chunks_exact_mut(k).zip(self.numbers.chunks_exact(k)) {
                let mean = view(z).dot(&view(p));
                z.iter_mut().zip(p).for_each(|(z, p)| *z = p * (*z - mean) * form.scale);
            }
        } else if k == 1 {
            self.images.iter_mut().zip(&self.numbers).for_each(|(z, second)| *z *= second * form.scale);
        } else {
            for (z, second) in self.images.chunks_exact_mut(k).zip(self.numbers.chunks_exact(k * k)) {
                self.row.copy_from_slice(z);
                let rows = second.chunks_exact(k);
                z.iter_mut().zip(rows).for_each(|(z, second)| *z = view(second).dot(&view(&self.row)) * form.scale);
            }
        }
        self.rows.multiply_transposed(&self.images, k, out);
        let d = self.rows.cols();
        for (v, out) in vector.chunks_exact(d).zip(out.chunks_exact_mut(d)) {
            v[..form.penalized].iter().zip(out).for_each(|(v, out)| *out += form.l2 * v);
        }
    }

    /// Steps of SVRG from `start`; `number` is this worker's.
    fn descend(&self, form: &LocalForm, round: &Svrg<'_>, number: usize) -> Vec<f64> {
        let (k, d) = (form.classes, self.rows.cols());
        let mut point = round.start.to_vec();
        let (mut here, mut margins) = (vec![0.0; k], vec![0.0; k]);
        for (&row, known) in round.rows[number].iter().zip(round.known[number].chunks_exact(k + 1)) {
            margins.fill(0.0);
            self.rows.for_each_in_row(row, |j, x| {
                margins.iter_mut().enumerate().for_each(|(c, z)| *z += x.to_f64() * point[c * d + j]);
            });
            (round.derivative)(&margins, known[k], &mut here);
            // l2 is in every sample's loss: its gradients at u and w differ by l2 (u - w) where it acts.
            let at = |(at, ((u, w), g)): (usize, ((&f64, &f64), &f64))| {
                let l2 = if at % d < form.penalized { form.l2 } else { 0.0 };
                g + round.pull * (u - w) + l2 * (u - w)
            };
            let mut change: Vec<f64> = point.iter().zip(round.start).zip(round.gradient).enumerate().map(at).collect();
            self.rows.for_each_in_row(row, |j, x| {
                (0..k).for_each(|c| change[c * d + j] += x.to_f64() * (here[c] - known[c]));
            });
            point.iter_mut().zip(&change).for_each(|(u, c)| *u -= round.step * c);
        }
        point
    }

    fn apply(&mut self, op: &Op, form: &LocalForm, softmax: bool, scalars: &mut Scalars) {
        match *op {
            Op::Product { from, to } => {
                let vector = std::mem::take(&mut self.vectors[from.0]);
                let mut out = std::mem::take(&mut self.vectors[to.0]);
                self.multiply(form, softmax, &vector, &mut out);
                self.vectors[from.0] = vector;
                self.vectors[to.0] = out;
            }
            Op::Combine { to, keep, from, times } => {
                let times = times.value(scalars);
                let keep = keep.map(|keep| keep.value(scalars));
                let mut out = std::mem::take(&mut self.vectors[to.0]);
                let pairs = out.iter_mut().zip(&self.vectors[from.0]);
                match keep {
                    Some(keep) => pairs.for_each(|(out, v)| *out = keep * *out + times * v),
                    None => pairs.for_each(|(out, v)| *out = times * v),
                }
                self.vectors[to.0] = out;
            }
            Op::Dot { a, b, to } => scalars[to.0] = view(&self.vectors[a.0]).dot(&view(&self.vectors[b.0])),
            Op::Norm { a, to } => scalars[to.0] = view(&self.vectors[a.0]).norm(),
        }
    }
}

impl<T: Element> LocalDevice for CpuLocal<T> {
    fn info(&self) -> DeviceInfo {
        super::describe(SimdLevel::detect(), rayon::current_num_threads())
    }

    fn workers(&self) -> usize {
        self.workers.len()
    }

    fn width(&self) -> usize {
        self.workers.first().map_or(0, |worker| worker.vectors[0].len())
    }

    fn roundoff(&self) -> f64 {
        f64::EPSILON / 2.0
    }

    fn curve(&mut self, curvature: &LocalCurvature) -> Result<()> {
        let rows: Vec<usize> = self.workers.iter().map(|worker| worker.rows.rows()).collect();
        curvature.check(self.form.classes, &rows)?;
        for (worker, numbers) in self.workers.iter_mut().zip(curvature.numbers()) {
            worker.numbers.clone_from(numbers);
        }
        self.softmax = matches!(curvature, LocalCurvature::Softmax(_));
        self.curved = true;
        Ok(())
    }

    fn write(&mut self, vector: Vector, numbers: &[f64]) -> Result<()> {
        check_vector(vector, numbers.len(), self.width())?;
        self.workers.iter_mut().for_each(|worker| worker.vectors[vector.0].copy_from_slice(numbers));
        Ok(())
    }

    fn read(&mut self, vector: Vector) -> Result<Vec<Vec<f64>>> {
        check_vector(vector, self.width(), self.width())?;
        Ok(self.workers.iter().map(|worker| worker.vectors[vector.0].clone()).collect())
    }

    fn run(&mut self, chain: &[Op], workers: &[usize], scalars: &mut [Scalars]) -> Result<()> {
        check_chain(chain, workers, scalars, self.workers.len(), self.curved)?;
        let (form, softmax) = (&self.form, self.softmax);
        self.workers.par_iter_mut().zip(scalars).enumerate().for_each(|(number, (worker, scalars))| {
            if workers.binary_search(&number).is_ok() {
                chain.iter().for_each(|op| worker.apply(op, form, softmax, scalars));
            }
        });
        Ok(())
    }

    fn svrg(&mut self, round: &Svrg<'_>) -> Result<Vec<Vec<f64>>> {
        let rows: Vec<usize> = self.workers.iter().map(|worker| worker.rows.rows()).collect();
        round.check(&rows, self.form.classes, self.width())?;
        let (form, workers) = (&self.form, &self.workers);
        Ok(workers.par_iter().enumerate().map(|(number, worker)| worker.descend(form, round, number)).collect())
    }
}
