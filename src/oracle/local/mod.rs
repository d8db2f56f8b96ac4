//! Work that every worker does on rows of its own, with no code: the communication-efficient second-order methods of paper 003.
//!
//! A worker holds rows, labels and the point; it computes values, gradients and products with its own Hessian, never forming
//! it, and runs inner solves with them. The master gets the mean of what the workers send.

mod conjugate;
mod kept;
mod lsmr;
mod part;
mod second_order;
mod solved;
mod svrg;
mod task;

pub use conjugate::{Conjugate, Inner};
pub use kept::KeptRound;
pub use task::{LocalTask, STEPS, Safeguard, candidate};

use std::sync::Arc;

use nalgebra::DVectorView;
use rayon::prelude::*;

use crate::data::Matrix;
use crate::device::{CpuLocal, DeviceInfo, LocalDevice, LocalForm};
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, BlockWork, Counters, Enough};
use crate::objective::Objective;
use crate::scalar::{Element, Precision};
use crate::seed::Seed;
use part::Part;
use task::{Context, Reply};

/// Where a method gets the mean of local work from.
pub trait LocalOracle: Send {
    /// m.
    fn workers(&self) -> usize;

    /// Writes the mean of what the workers send for `task` ([`LocalTask::up`] numbers), l2 included: one round. Where the
    /// broadcast is known to the workers already it is no communication. Returns the round's virtual seconds.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] for a dead worker, whose rows nobody else has; [`Error::Numerical`] for replies that are not finite
    /// (but for values and gradients at candidate steps, which may overflow), and for an inner solve that breaks down;
    /// [`Error::Usage`] for lengths that don't fit.
    fn mean(&mut self, task: &LocalTask<'_>, out: &mut [f64]) -> Result<f64>;

    /// Writes the mean of those directions p (K d) of workers that may lie to `out` that have `<p, g> <= -theta |g|^2` with the task's g
    /// and are not 10 times as long as the median: one round of [`LocalTask::Dino`] or [`LocalTask::Newton`].
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when none may be; [`Error::Usage`] for other tasks and lengths that don't fit; what an inner solve
    /// breaks down with.
    fn kept_mean(&mut self, task: &LocalTask<'_>, theta: f64, out: &mut [f64]) -> Result<KeptRound>;

    /// The solution of `(H_1 + shift I) x = b` with the first worker's Hessian where the workers are, found by the master, who holds
    /// that worker's rows too: no round. `None` where that matrix is not positive definite. With the virtual seconds.
    ///
    /// # Errors
    /// [`Error::Usage`] for a length that doesn't fit; failures of the device.
    fn precondition(&mut self, b: &[f64], shift: f64) -> Result<(Option<Vec<f64>>, f64)>;

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;
}

/// [`LocalOracle`] over simulated workers, the rows cut into contiguous parts whose sizes differ by one at most. Features are stored as
/// T. Products with Hessians, inner solves and SVRG are a [`LocalDevice`]'s, which is a [`CpuLocal`] if no other is given; all else is computed
/// in f64 on the CPU, workers in parallel. A mean waits for every worker.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{BlockFleet, Clock, Faults};
/// use steadfast::objective::{LeastSquares, Objective};
/// use steadfast::oracle::{LocalOracle, LocalTask, LocalWorkers};
/// use steadfast::seed::Seed;
/// let x = Matrix::Dense(Dense::new(2, 1, vec![1.0, 3.0])?);
/// let objective = Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: None, intercept: false };
/// let fleet = BlockFleet::new(Faults::none(2), Clock::default());
/// let mut workers = LocalWorkers::new(&x, &[1.0, 1.0], &objective, fleet, Seed(0))?;
/// // At w = 1: residuals 0 and 2, so f = (0 + 2)/2 and its gradient (0 * 1 + 2 * 3)/2.
/// let mut out = [0.0; 2];
/// workers.mean(&LocalTask::Gradient { weights: &[1.0], sent: 1 }, &mut out)?;
/// assert_eq!(out, [3.0, 1.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalWorkers<T: Element = f64> {
    parts: Vec<Part<T>>,
    device: Box<dyn LocalDevice>,
    form: LocalForm,
    /// Whether the device has the second derivatives of the workers' point.
    curved: bool,
    objective: Objective,
    fleet: BlockFleet,
    seed: Seed,
    stragglers: usize,
    width: usize,
}

impl<T: Element> LocalWorkers<T> {
    /// Gives the rows of `data` (n x d) and their labels to the workers of `fleet`.
    ///
    /// # Errors
    /// [`Error::Usage`] for more workers than rows (one would have no data), labels that don't match the rows, and an objective
    /// with a regularizer; what [`Objective::check`] refuses.
    pub fn new(data: &Matrix<T>, labels: &[f64], objective: &Objective, fleet: BlockFleet, seed: Seed) -> Result<Self> {
        let (n, workers) = (data.rows(), fleet.workers());
        if workers == 0 || workers > n {
            return Err(Error::usage("workers with rows of their own", workers, format!("1 to {n}, one row each")));
        }
        if labels.len() != n {
            return Err(Error::usage("labels", labels.len(), format!("one a row: {n}")));
        }
        if let Some(h) = &objective.regularizer {
            return Err(Error::usage("local work", h.name(), "a smooth objective"));
        }
        objective.check(labels)?;
        let k = objective.loss.outputs();
        let part = |at: usize| {
            let rows: Vec<usize> = (n * at / workers..n * (at + 1) / workers).collect();
            Part {
                labels: rows.iter().map(|&i| labels[i]).collect(),
                features: Arc::new(data.select_rows(&rows)),
                margins: vec![0.0; rows.len() * k],
                share: (workers * rows.len()) as f64 / n as f64,
            }
        };
        let parts: Vec<Part<T>> = (0..workers).map(part).collect();
        let form = LocalForm {
            classes: k,
            scale: workers as f64 / n as f64,
            l2: objective.l2,
            penalized: data.cols() - usize::from(objective.intercept),
        };
        let device = Box::new(CpuLocal::new(features(&parts), form)?);
        let (objective, width) = (objective.clone(), k * data.cols());
        Ok(LocalWorkers { parts, device, form, curved: false, objective, fleet, seed, stragglers: 0, width })
    }

    /// Has products with Hessians, inner solves and SVRG computed on the device that `make` makes of the workers' rows and the form of their
    /// Hessians.
    ///
    /// # Errors
    /// As `make`; [`Error::Usage`] for a device of other workers.
    pub fn on(
        mut self,
        make: impl FnOnce(Vec<Arc<Matrix<T>>>, LocalForm) -> Result<Box<dyn LocalDevice>>,
    ) -> Result<Self> {
        self.device = make(features(&self.parts), self.form)?;
        self.curved = false;
        let (got, wanted) = ((self.device.workers(), self.device.width()), (self.parts.len(), self.width));
        if got != wanted {
            return Err(Error::usage("local device: workers and weights", format!("{got:?}"), format!("{wanted:?}")));
        }
        Ok(self)
    }

    /// What solves.
    pub fn device(&self) -> DeviceInfo {
        self.device.info()
    }

    /// Has rounds of directions end without this many of the workers.
    pub fn without(mut self, stragglers: usize) -> Self {
        self.stragglers = stragglers;
        self
    }

    /// Adds what l2 does to a mean of which workers sent the loss's part alone.
    fn add_l2(&self, task: &LocalTask<'_>, out: &mut [f64]) {
        let width = self.width;
        match task {
            LocalTask::Gradient { weights, .. } => {
                self.objective.add_l2_gradient(weights, &mut out[..width]);
                out[width] += self.objective.l2_value(weights);
            }
            LocalTask::Sample { weights, .. } => self.objective.add_l2_gradient(weights, out),
            LocalTask::Values { weights, direction } => {
                for k in 0..STEPS {
                    let (there, slope) = self.l2_along(weights, direction, candidate(k));
                    out[k] += self.objective.l2_value(&there);
                    out[STEPS + k] +=
                        DVectorView::from_slice(&slope, width).dot(&DVectorView::from_slice(direction, width));
                }
            }
            LocalTask::Gradients { weights, direction } => {
                for (k, out) in out.chunks_exact_mut(width + 1).enumerate() {
                    let (there, slope) = self.l2_along(weights, direction, candidate(k));
                    out.iter_mut().zip(&slope).for_each(|(g, l2)| *g += l2);
                    out[width] += self.objective.l2_value(&there);
                }
            }
            _ => {}
        }
    }

    /// `w + step p`, and l2's gradient there.
    fn l2_along(&self, weights: &[f64], direction: &[f64], step: f64) -> (Vec<f64>, Vec<f64>) {
        let there: Vec<f64> = weights.iter().zip(direction).map(|(w, p)| w + step * p).collect();
        let mut gradient = vec![0.0; there.len()];
        self.objective.add_l2_gradient(&there, &mut gradient);
        (there, gradient)
    }
    /// Moves the workers where `task` has them, and computes what each would send.
    fn compute(&mut self, task: &LocalTask<'_>) -> Result<Vec<Reply>> {
        if let Some(weights) = task.point() {
            if weights.len() != self.width {
                return Err(Error::usage(
                    "local work",
                    format!("{} weights", weights.len()),
                    format!("{}", self.width),
                ));
            }
            self.parts.par_iter_mut().for_each(|part| part.move_to(weights));
            self.curved = false;
        }
        let (objective, round, seed) = (&self.objective, self.fleet.counters().rounds, self.seed);
        let work = |(worker, part): (usize, &Part<T>)| task.reply(part, &Context { objective, worker, round, seed });
        let replies: Option<Vec<Reply>> = self.parts.par_iter().enumerate().map(work).collect();
        if let Some(replies) = replies {
            return Ok(replies);
        }
        if let LocalTask::Svrg { weights, gradient, pull, step, samples } = *task {
            let descent = svrg::Descent { weights, gradient, pull, step, samples };
            return svrg::replies(&mut *self.device, &self.parts, &self.objective, (seed, round), &descent);
        }
        self.curve()?;
        let rows: Vec<usize> = self.parts.iter().map(|part| part.labels.len()).collect();
        second_order::replies(&mut *self.device, task, &rows)
    }

    /// Gives the device the second derivatives of the workers' point, if it has others.
    fn curve(&mut self) -> Result<()> {
        if !self.curved {
            self.device.curve(&part::curvature(&self.parts, &self.objective))?;
            self.curved = true;
        }
        Ok(())
    }

    /// What each worker has to do for such replies.
    fn work(&self, task: &LocalTask<'_>, replies: &[Reply]) -> Vec<BlockWork> {
        let (k, up, down) = (self.objective.loss.outputs(), task.up(self.width), task.down());
        let work = |(reply, part): (&Reply, &Part<T>)| {
            let multiply_adds = reply.rows * (part.features.stored() * k) as u64 / part.labels.len() as u64;
            BlockWork { multiply_adds, down, up }
        };
        replies.iter().zip(&self.parts).map(work).collect()
    }
}

fn features<T>(parts: &[Part<T>]) -> Vec<Arc<Matrix<T>>> {
    parts.iter().map(|part| part.features.clone()).collect()
}

impl<T: Element> LocalOracle for LocalWorkers<T> {
    fn workers(&self) -> usize {
        self.parts.len()
    }

    fn mean(&mut self, task: &LocalTask<'_>, out: &mut [f64]) -> Result<f64> {
        let up = task.up(self.width);
        if out.len() != up {
            return Err(Error::usage("local work", format!("{} numbers to write", out.len()), format!("{up}")));
        }
        let replies = self.compute(task)?;
        let work = self.work(task, &replies);
        let seconds = self.fleet.run(Enough::All, Precision::F64, &|worker| work[worker])?.seconds;
        out.fill(0.0);
        for reply in &replies {
            out.iter_mut().zip(&reply.numbers).for_each(|(mean, x)| *mean += x);
        }
        let m = self.parts.len() as f64;
        out.iter_mut().for_each(|mean| *mean /= m);
        self.add_l2(task, out);
        let may_overflow = matches!(task, LocalTask::Values { .. } | LocalTask::Gradients { .. });
        if !may_overflow && out.iter().any(|x| !x.is_finite()) {
            let finite = |reply: &Reply| reply.numbers.iter().all(|x| x.is_finite());
            let worker = replies.iter().position(|reply| !finite(reply)).unwrap_or(0);
            return Err(Error::Numerical(format!(
                "what worker {worker} sent is not finite: its loss overflows; scale the features, or take a smaller step"
            )));
        }
        Ok(seconds)
    }

    fn kept_mean(&mut self, task: &LocalTask<'_>, theta: f64, out: &mut [f64]) -> Result<KeptRound> {
        self.kept(task, theta, out)
    }

    fn precondition(&mut self, b: &[f64], shift: f64) -> Result<(Option<Vec<f64>>, f64)> {
        if b.len() != self.width {
            return Err(Error::usage("a preconditioner", format!("{} numbers", b.len()), format!("{}", self.width)));
        }
        self.curve()?;
        let solved = second_order::preconditioned(&mut *self.device, b, shift)?;
        let multiply_adds = solved.passes * (self.parts[0].features.stored() * self.objective.loss.outputs()) as u64;
        Ok((solved.x, self.fleet.at_master(multiply_adds)))
    }

    fn counters(&self) -> Counters {
        let stored = self.parts.iter().map(|part| part.features.stored() as u64).sum();
        Counters { stored, ..self.fleet.counters() }
    }
}
