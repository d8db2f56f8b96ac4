//! Directions of workers that may lie, beside a gradient that is certified: what descends along it and is not far too long is kept.
//!
//! A liar can still send a direction that passes. It costs speed, not the optimum: a mean of directions that descend by theta does so
//! itself, and the step is searched with values of F that no worker sends.

use nalgebra::DVectorView;

use super::part::{Part, curvature};
use super::task::{LocalTask, Reply};
use super::{LocalOracle, LocalWorkers, second_order};
use crate::device::{CpuLocal, LocalDevice, LocalForm};
use crate::error::{Error, Result};
use crate::fleet::{BlockWork, Labels, RowWork};
use crate::objective::Objective;
use crate::scalar::Element;

/// Directions longer than so many median ones are left out.
const LONGEST: f64 = 10.0;
/// A slope of exactly `-theta |g|^2`, as corrected directions have, is computed to so many round-offs of `|p| |g|`.
const SLACK: f64 = 4.0 * f64::EPSILON;

/// Who was in time, and whose direction was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRound {
    /// Workers whose directions make the mean, ascending.
    pub kept: Vec<usize>,
    /// Workers that were late or silent, ascending.
    pub late: Vec<usize>,
    /// Virtual seconds.
    pub seconds: f64,
}

/// The workers' side of a round.
struct Job<'j, T> {
    task: &'j LocalTask<'j>,
    own: &'j [Reply],
    work: &'j [BlockWork],
    parts: &'j [Part<T>],
    objective: &'j Objective,
    form: &'j LocalForm,
}

impl<T: Element> Job<'_, T> {
    /// What `worker` sends with poisoned labels: -y, or K - 1 - y where y is the number of a class.
    fn poisoned(&self, worker: usize) -> Result<Reply> {
        let last = self.objective.loss.outputs() as f64 - 1.0;
        let mut part = self.parts[worker].clone();
        part.labels.iter_mut().for_each(|y| *y = if last > 0.0 { last - *y } else { -*y });
        let mut device = CpuLocal::new(vec![part.features.clone()], *self.form)?;
        let rows = part.labels.len();
        device.curve(&curvature(&[part], self.objective))?;
        Ok(second_order::replies(&mut device, self.task, &[rows])?.remove(0))
    }
}

impl<T: Element> RowWork for Job<'_, T> {
    fn cost(&self, worker: usize) -> BlockWork {
        self.work[worker]
    }

    fn reply(&self, worker: usize, labels: Labels, out: &mut [f64]) -> Result<()> {
        match labels {
            Labels::Own => out.copy_from_slice(&self.own[worker].numbers),
            Labels::Flipped => out.copy_from_slice(&self.poisoned(worker)?.numbers),
        }
        Ok(())
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    DVectorView::from_slice(a, a.len()).dot(&DVectorView::from_slice(b, b.len()))
}

/// Which rows of `replies` (the first numbers of which are directions) may be kept.
fn choose(replies: &[&[f64]], gradient: &[f64], theta: f64) -> Vec<bool> {
    let square = dot(gradient, gradient);
    let lengths: Vec<f64> = replies.iter().map(|p| dot(p, p).sqrt()).collect();
    let mut order: Vec<f64> = lengths.iter().copied().filter(|length| length.is_finite()).collect();
    order.sort_unstable_by(f64::total_cmp);
    // The lower median: with more than half the workers honest, at most the longest honest direction.
    let median = order.get(order.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    let fine = |(direction, length): (&&[f64], &f64)| {
        let slope = dot(direction, gradient);
        // No comparison holds with a NaN.
        *length <= LONGEST * median && slope <= SLACK * length * square.sqrt() - theta * square
    };
    replies.iter().zip(&lengths).map(fine).collect()
}

impl<T: Element> LocalWorkers<T> {
    /// [`LocalOracle::kept_mean`].
    pub(super) fn kept(&mut self, task: &LocalTask<'_>, theta: f64, out: &mut [f64]) -> Result<KeptRound> {
        let (LocalTask::Dino { gradient, .. } | LocalTask::Newton { gradient, .. }) = *task else {
            return Err(Error::usage("a round of directions", "another task", "Dino or Newton"));
        };
        let (workers, width) = (self.workers(), self.width);
        if out.len() != width || gradient.len() != width {
            let got = format!("{} numbers to write, a gradient of {}", out.len(), gradient.len());
            return Err(Error::usage("a round of directions", got, format!("{width} of both")));
        }
        let own = self.compute(task)?;
        let work = self.work(task, &own);
        let (parts, objective, form) = (&self.parts, &self.objective, &self.form);
        let job = Job { task, own: &own, work: &work, parts, objective, form };
        let needed = workers.saturating_sub(self.stragglers);
        let enough = |present: &[bool]| present.iter().filter(|&&there| there).count() >= needed;
        let length = task.up(width);
        let mut replies = vec![0.0; workers * length];
        let arrived = self.fleet.collect(&job, gradient, 1, &enough, &mut replies)?;
        let (here, late): (Vec<usize>, Vec<usize>) = (0..workers).partition(|&worker| arrived.present[worker]);
        let rows: Vec<&[f64]> = here.iter().map(|&worker| &replies[worker * length..][..width]).collect();
        let chosen = choose(&rows, gradient, theta);
        let kept: Vec<usize> = here.iter().zip(&chosen).filter(|(_, fine)| **fine).map(|(&worker, _)| worker).collect();
        if kept.is_empty() {
            return Err(Error::TooManyFaults {
                reason: "no worker sent a direction that descends along the gradient".into(),
                erased: late,
                suspected: here,
                tolerance: "one; where curvature is negative take coded-dino".into(),
            });
        }
        out.fill(0.0);
        for &worker in &kept {
            out.iter_mut().zip(&replies[worker * length..]).for_each(|(mean, x)| *mean += x);
        }
        out.iter_mut().for_each(|mean| *mean /= kept.len() as f64);
        Ok(KeptRound { kept, late, seconds: arrived.seconds })
    }
}
