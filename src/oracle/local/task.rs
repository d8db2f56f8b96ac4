//! What workers with rows of their own can be asked, and how each is answered.

use super::conjugate::{Conjugate, Inner};
use super::part::Part;
use super::svrg::draw;
use crate::objective::Objective;
use crate::scalar::Element;
use crate::seed::{Purpose, Seed};

/// Candidate steps of a distributed line search: 1, 1/2, .. 2^-50, all evaluated in one round.
pub const STEPS: usize = 51;

/// Candidate step k, `2^-k`.
pub fn candidate(k: usize) -> f64 {
    (0..k).fold(1.0, |step, _| step / 2.0)
}

/// The safeguard and the inner solves of DINO and DINGO.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Safeguard {
    /// theta: directions p have `<p, g> <= -theta |g|^2`.
    pub theta: f64,
    /// phi: weight of the identity below each Hessian.
    pub phi: f64,
    /// When inner solves end.
    pub inner: Inner,
    /// What solves the corrections.
    pub conjugate: Conjugate,
}

/// One round of local work. What every worker i sends is averaged over the workers; K d numbers a vector.
#[derive(Debug, Clone, Copy)]
pub enum LocalTask<'t> {
    /// Moves to `weights` and sends `(grad f_i, f_i)`: K d + 1.
    Gradient {
        /// w.
        weights: &'t [f64],
        /// Numbers broadcast for it: 0 where workers know the point, 1 for a step along a direction that they have, else K d.
        sent: usize,
    },
    /// DINO's direction p_i (paper 003, algorithm 1, lines 4 to 11): K d.
    Dino {
        /// w, where no round for the gradient brought workers there: a step is broadcast too.
        weights: Option<&'t [f64]>,
        /// g.
        gradient: &'t [f64],
        /// theta, phi and the solves.
        safeguard: Safeguard,
    },
    /// DINGO's three: `H_i g`, `H_i^+ g` and `(H_i; phi I)^+ (g; 0)`, at `weights`: 3 K d.
    Dingo {
        /// w, for which a step is broadcast.
        weights: &'t [f64],
        /// g.
        gradient: &'t [f64],
        /// theta, phi and the solves.
        safeguard: Safeguard,
    },
    /// DINGO's third case: the last of those with what makes its slope along `H g` at most `-theta |g|^2`: K d.
    DingoCorrected {
        /// g, which the workers have.
        gradient: &'t [f64],
        /// H g.
        image: &'t [f64],
        /// theta, phi and the solves.
        safeguard: Safeguard,
    },
    /// GIANT's direction `-H_i^-1 g` by conjugate gradients, and 1 where they met negative curvature: K d + 1.
    Newton {
        /// As of `Dino`.
        weights: Option<&'t [f64]>,
        /// g.
        gradient: &'t [f64],
        /// When the solve ends.
        inner: Inner,
    },
    /// `H_i v`: K d.
    Hessian {
        /// v.
        vector: &'t [f64],
    },
    /// `f_i` and its slope at every candidate step: 2 x [`STEPS`].
    Values {
        /// w.
        weights: &'t [f64],
        /// p.
        direction: &'t [f64],
    },
    /// `(grad f_i, f_i)` at every candidate step: [`STEPS`] x (K d + 1).
    Gradients {
        /// w.
        weights: &'t [f64],
        /// p.
        direction: &'t [f64],
    },
    /// InexactDANE's local solution by steps of SVRG from w, the snapshot: K d.
    Svrg {
        /// w.
        weights: &'t [f64],
        /// eta times the gradient at w.
        gradient: &'t [f64],
        /// mu: the pull back to w.
        pull: f64,
        /// Step of a sample.
        step: f64,
        /// Samples.
        samples: usize,
    },
    /// The mean gradient of a fifth of the worker's rows, drawn with replacement, at `weights`: K d.
    Sample {
        /// w.
        weights: &'t [f64],
        /// Numbers broadcast for it.
        sent: usize,
    },
}

/// What a worker sends, and how many rows it read for it, each time anew.
pub(super) struct Reply {
    pub(super) numbers: Vec<f64>,
    pub(super) rows: u64,
}

/// What a worker knows of the run.
pub(super) struct Context<'c> {
    pub(super) objective: &'c Objective,
    pub(super) worker: usize,
    pub(super) round: u64,
    pub(super) seed: Seed,
}

impl LocalTask<'_> {
    /// Numbers that a worker sends back for weights of `width` = K d.
    pub fn up(&self, width: usize) -> usize {
        match self {
            LocalTask::Gradient { .. } | LocalTask::Newton { .. } => width + 1,
            LocalTask::Dingo { .. } => 3 * width,
            LocalTask::Values { .. } => 2 * STEPS,
            LocalTask::Gradients { .. } => STEPS * (width + 1),
            _ => width,
        }
    }

    /// Numbers that are broadcast.
    pub(super) fn down(&self) -> usize {
        match self {
            LocalTask::Gradient { sent, .. } | LocalTask::Sample { sent, .. } => *sent,
            LocalTask::Dino { weights, gradient, .. } | LocalTask::Newton { weights, gradient, .. } => {
                gradient.len() + usize::from(weights.is_some())
            }
            LocalTask::Svrg { gradient, .. } => gradient.len(),
            LocalTask::Dingo { gradient, .. } => gradient.len() + 1,
            LocalTask::DingoCorrected { image, .. } => image.len(),
            LocalTask::Hessian { vector } => vector.len(),
            LocalTask::Values { direction, .. } | LocalTask::Gradients { direction, .. } => direction.len(),
        }
    }

    /// Where workers go before they answer, if they move.
    pub(super) fn point(&self) -> Option<&[f64]> {
        match self {
            LocalTask::Gradient { weights, .. }
            | LocalTask::Dingo { weights, .. }
            | LocalTask::Sample { weights, .. } => Some(weights),
            LocalTask::Dino { weights, .. } | LocalTask::Newton { weights, .. } => *weights,
            _ => None,
        }
    }

    /// One worker's answer, l2 left out where all would send the same; none where it is the device's.
    pub(super) fn reply<T: Element>(&self, part: &Part<T>, context: &Context<'_>) -> Option<Reply> {
        let objective = context.objective;
        let n = part.labels.len() as u64;
        let (numbers, rows) = match *self {
            LocalTask::Gradient { weights, .. } => {
                let mut numbers = vec![0.0; weights.len() + 1];
                part.loss_gradient(objective, &part.margins, &mut numbers[..weights.len()]);
                numbers[weights.len()] = part.loss(objective);
                (numbers, 2 * n)
            }
            LocalTask::Values { direction, .. } => {
                let images = part.images(direction);
                let lines: Vec<_> = (0..STEPS).map(|k| part.line(objective, &images, candidate(k))).collect();
                (lines.iter().map(|l| l.value).chain(lines.iter().map(|l| l.slope)).collect(), n)
            }
            LocalTask::Gradients { direction, .. } => {
                let (images, width) = (part.images(direction), direction.len());
                let mut numbers = vec![0.0; STEPS * (width + 1)];
                for (k, out) in numbers.chunks_exact_mut(width + 1).enumerate() {
                    let step = candidate(k);
                    let margins: Vec<f64> = part.margins.iter().zip(&images).map(|(z, u)| z + step * u).collect();
                    part.loss_gradient(objective, &margins, &mut out[..width]);
                    out[width] = objective.mean_loss(&margins, &part.labels) * part.share;
                }
                (numbers, (1 + STEPS as u64) * n)
            }
            LocalTask::Sample { weights, .. } => (sampled(part, context, weights.len()), 2 * Self::sample(part) as u64),
            LocalTask::Dino { .. }
            | LocalTask::Dingo { .. }
            | LocalTask::DingoCorrected { .. }
            | LocalTask::Newton { .. }
            | LocalTask::Hessian { .. }
            | LocalTask::Svrg { .. } => return None,
        };
        Some(Reply { numbers, rows })
    }

    /// A fifth of the rows, at least one.
    fn sample<T>(part: &Part<T>) -> usize {
        (part.labels.len() / 5).max(1)
    }
}

/// The mean gradient of a fifth of the rows, at least one.
fn sampled<T: Element>(part: &Part<T>, context: &Context<'_>, width: usize) -> Vec<f64> {
    let loss = &context.objective.loss;
    let mut rng = context.seed.stream(Purpose::Method, context.worker as u64, context.round);
    let (k, count) = (loss.outputs(), LocalTask::sample(part));
    let mut residuals = vec![0.0; part.margins.len()];
    let mut derivative = vec![0.0; k];
    for _ in 0..count {
        let row = draw(&mut rng, part.labels.len());
        let own = row * k..(row + 1) * k;
        loss.derivative(&part.margins[own.clone()], part.labels[row], &mut derivative);
        residuals[own].iter_mut().zip(&derivative).for_each(|(r, g)| *r += g / count as f64);
    }
    let mut gradient = vec![0.0; width];
    part.features.multiply_transposed(&residuals, k, &mut gradient);
    gradient
}
