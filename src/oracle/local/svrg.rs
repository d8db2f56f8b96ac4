//! InexactDANE's local problem, solved by steps of SVRG on the workers' device.

use rand::RngExt;
use rayon::prelude::*;

use super::part::Part;
use super::task::{Context, Reply};
use crate::device::{LocalDevice, Svrg};
use crate::error::Result;
use crate::kernel::svrg_steps::SvrgLoss;
use crate::objective::{Loss, Objective};
use crate::scalar::Element;
use crate::seed::{Purpose, Seed};

/// What the steps are told.
pub(super) struct Descent<'d> {
    pub(super) weights: &'d [f64],
    pub(super) gradient: &'d [f64],
    pub(super) pull: f64,
    pub(super) step: f64,
    pub(super) samples: usize,
}

/// Draws a row of `count`.
pub(super) fn draw(rng: &mut impl RngExt, count: usize) -> usize {
    rng.random_range(0..count)
}

/// Rows drawn with replacement, and of each the loss's derivatives at the worker's point and the label.
fn drawn<T: Element>(part: &Part<T>, context: &Context<'_>, samples: usize) -> (Vec<usize>, Vec<f64>) {
    let k = context.objective.loss.outputs();
    let mut rng = context.seed.stream(Purpose::Method, context.worker as u64, context.round);
    let rows: Vec<usize> = (0..samples).map(|_| draw(&mut rng, part.labels.len())).collect();
    let mut known = vec![0.0; samples * (k + 1)];
    for (known, &row) in known.chunks_exact_mut(k + 1).zip(&rows) {
        let label = part.labels[row];
        context.objective.loss.derivative(&part.margins[row * k..(row + 1) * k], label, &mut known[..k]);
        known[k] = label;
    }
    (rows, known)
}

/// The loss as a GPU has it.
fn known_loss(loss: &dyn Loss) -> Option<SvrgLoss> {
    match loss.id().name.as_str() {
        "squared" => Some(SvrgLoss::Squared),
        "logistic" => Some(SvrgLoss::Logistic),
        "nonlinear-least-squares" => Some(SvrgLoss::NonlinearLeastSquares),
        "softmax" => Some(SvrgLoss::Softmax),
        _ => None,
    }
}

/// Where each worker ends; its point is the snapshot.
pub(super) fn replies<T: Element>(
    device: &mut dyn LocalDevice,
    parts: &[Part<T>],
    objective: &Objective,
    (seed, round): (Seed, u64),
    descent: &Descent<'_>,
) -> Result<Vec<Reply>> {
    let Descent { weights, gradient, pull, step, samples } = *descent;
    let own = |(worker, part): (usize, &Part<T>)| drawn(part, &Context { objective, worker, round, seed }, samples);
    let (rows, known): (Vec<_>, Vec<_>) = parts.par_iter().enumerate().map(own).unzip();
    let loss = &*objective.loss;
    let derivative = |margins: &[f64], label: f64, out: &mut [f64]| loss.derivative(margins, label, out);
    let points = device.svrg(&Svrg {
        start: weights,
        gradient,
        pull,
        step,
        rows: &rows,
        known: &known,
        derivative: &derivative,
        loss: known_loss(loss),
    })?;
    // Two gradients of one row each a sample.
    Ok(points.into_iter().map(|numbers| Reply { numbers, rows: 4 * samples as u64 }).collect())
}
