//! Twin of `shaders/svrg_steps.wgsl`: a step of SVRG at one worker on a dense row.

use super::tree::tree_sum;
use super::{INVOCATIONS, Kernel};
use crate::scalar::Element;

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "svrg_steps",
    f32: concat!(
        include_str!("../../shaders/shared/svrg.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/dense_f32.wgsl"),
        include_str!("../../shaders/svrg_steps.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/svrg.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/dense_f16.wgsl"),
        include_str!("../../shaders/svrg_steps.wgsl")
    ),
    workgroup_bytes: 4608,
};

/// Most classes.
pub const CLASSES: usize = 64;

/// Losses whose derivative the kernel has, by their numbers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SvrgLoss {
    /// `z - y`.
    Squared = 0,
    /// `-y / (1 + exp(y z))`.
    Logistic = 1,
    /// `2 (log(1 + exp(z)) - y) / (1 + exp(-z))`.
    NonlinearLeastSquares = 2,
    /// Probabilities, less 1 at the label's class.
    Softmax = 3,
}

/// What stays the same from step to step.
#[derive(Debug, Clone, Copy)]
pub struct SvrgForm<'f> {
    /// K.
    pub classes: usize,
    /// The loss.
    pub loss: SvrgLoss,
    /// The first columns so many are penalized.
    pub penalized: usize,
    /// Length of a step.
    pub step: f32,
    /// mu.
    pub pull: f32,
    /// l2.
    pub l2: f32,
    /// w: K d.
    pub start: &'f [f32],
    /// g: K d.
    pub gradient: &'f [f32],
}

fn softplus(z: f32) -> f32 {
    z.max(0.0) + (1.0 + (-z.abs()).exp()).ln()
}

fn sigmoid(z: f32) -> f32 {
    let e = (-z.abs()).exp();
    (if z < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// The loss's derivative at the margins of a row, less what is `known` (K numbers, and the label).
fn changes(loss: SvrgLoss, margins: &[f32], known: &[f32]) -> Vec<f32> {
    let (z, label) = (margins[0], known[margins.len()]);
    match loss {
        SvrgLoss::Squared => vec![z - label - known[0]],
        SvrgLoss::Logistic => vec![-label * sigmoid(-label * z) - known[0]],
        SvrgLoss::NonlinearLeastSquares => vec![2.0 * (softplus(z) - label) * sigmoid(z) - known[0]],
        SvrgLoss::Softmax => {
            let largest = margins.iter().copied().fold(f32::MIN, f32::max);
            let powers: Vec<f32> = margins.iter().map(|z| (z - largest).exp()).collect();
            let mut s = [0.0; 4];
            powers.iter().enumerate().for_each(|(k, power)| s[k % 4] += power);
            let total = (s[0] + s[1]) + (s[2] + s[3]);
            let at = |k: usize| if f64::from(label) == k as f64 { 1.0 } else { 0.0 };
            powers.iter().enumerate().map(|(k, power)| power / total - at(k) - known[k]).collect()
        }
    }
}

/// `point` (K d) after one step, from the row's images, the row by its (column, value), and what is known of the sample.
pub(super) fn step(form: &SvrgForm<'_>, images: &[f32], row: &[(usize, f32)], known: &[f32], point: &mut [f32]) {
    let d = point.len() / form.classes;
    let change = changes(form.loss, images, known);
    for (at, u) in point.iter_mut().enumerate() {
        let moved = *u - form.start[at];
        let mut slope = form.gradient[at] + form.pull * moved;
        if at % d < form.penalized {
            slope += form.l2 * moved;
        }
        *u -= form.step * slope;
    }
    for (k, change) in change.iter().enumerate() {
        row.iter().for_each(|&(column, x)| point[k * d + column] -= form.step * change * x);
    }
}

/// `point` (K d) after a step with a row (d values); `known` are the K derivatives at the start and the label.
pub fn twin<T: Element<Acc = f32>>(form: &SvrgForm<'_>, row: &[T], known: &[f32], point: &mut [f32]) {
    let d = row.len();
    let image = |own: &[f32]| {
        let component = |c: usize| {
            let width = 16 / size_of::<T>();
            let mut lanes = vec![0.0; INVOCATIONS];
            for (lane, sum) in lanes.iter_mut().enumerate() {
                for unit in (lane..d.div_ceil(width)).step_by(INVOCATIONS) {
                    for j in (unit * width + c..d.min((unit + 1) * width)).step_by(4) {
                        *sum += row[j].widen() * own[j];
                    }
                }
            }
            tree_sum(&mut lanes)
        };
        (component(0) + component(1)) + (component(2) + component(3))
    };
    let images: Vec<f32> = point.chunks_exact(d).map(image).collect();
    let row: Vec<(usize, f32)> = row.iter().map(|x| x.widen()).enumerate().collect();
    step(form, &images, &row, known, point);
}
