//! The answers that take products with the workers' Hessians: inner solves and single products, all workers at once on their device.

use nalgebra::DVectorView;

use super::conjugate::{Conjugate, Inner, System, solve};
use super::lsmr::lsmr;
use super::solved::{Solved, scaled, unit};
use super::task::{LocalTask, Reply, Safeguard};
use crate::device::{LocalDevice, Op, SCALARS, Vector};
use crate::error::{Error, Result};

/// Residual of a preconditioner's solve: conjugate gradients around it take it for the same matrix at every step.
const PRECONDITIONED: f64 = 1e-12;
/// Where rounding does not let it get there.
const MOST_PRECONDITIONING: usize = 2000;

/// What the workers of `device`, with so many `rows` each, send for `task`. Nothing for a task that no Hessian is needed for.
pub(super) fn replies(device: &mut dyn LocalDevice, task: &LocalTask<'_>, rows: &[usize]) -> Result<Vec<Reply>> {
    let sent = match *task {
        LocalTask::Dino { gradient, safeguard, .. } => {
            let least = lsmr(device, gradient, safeguard.phi, safeguard.inner)?;
            let passes: Vec<u64> = least.iter().map(|solved| solved.passes).collect();
            let mut sent = corrected(device, least, gradient, dot(gradient, gradient), safeguard)?;
            sent.iter_mut().zip(passes).for_each(|(sent, passes)| sent.1 += passes);
            sent
        }
        LocalTask::Dingo { gradient, safeguard, .. } => {
            let mut sent = product(device, gradient)?;
            for damp in [0.0, safeguard.phi] {
                for (sent, solved) in sent.iter_mut().zip(lsmr(device, gradient, damp, safeguard.inner)?) {
                    sent.0.extend(solved.x.into_iter().flatten());
                    sent.1 += solved.passes;
                }
            }
            // One pass more moves the workers.
            sent.iter_mut().for_each(|sent| sent.1 += 1);
            sent
        }
        LocalTask::DingoCorrected { gradient, image, safeguard } => {
            // Workers keep this from the round before: it is computed here again, at no cost of theirs.
            let least = lsmr(device, gradient, safeguard.phi, safeguard.inner)?;
            corrected(device, least, image, dot(gradient, gradient), safeguard)?
        }
        LocalTask::Newton { gradient, inner, .. } => {
            let all: Vec<usize> = (0..rows.len()).collect();
            let found = solve(Conjugate::Gradients, System::Hessian, device, &all, gradient, inner)?;
            found.into_iter().map(|solved| (newton(solved.x, gradient.len()), solved.passes)).collect()
        }
        LocalTask::Hessian { vector } => product(device, vector)?,
        _ => Vec::new(),
    };
    let reply = |((numbers, passes), rows): ((Vec<f64>, u64), &usize)| Reply { numbers, rows: passes * *rows as u64 };
    Ok(sent.into_iter().zip(rows).map(reply).collect())
}

/// The solution of `(H_1 + shift I) x = b` with the Hessian of the first worker alone, and the passes over its rows.
pub(super) fn preconditioned(device: &mut dyn LocalDevice, b: &[f64], shift: f64) -> Result<Solved> {
    let inner = Inner { iterations: MOST_PRECONDITIONING, tolerance: PRECONDITIONED };
    let mut found = solve(Conjugate::Gradients, System::Shifted { shift }, device, &[0], b, inner)?;
    Ok(found.swap_remove(0))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    DVectorView::from_slice(a, a.len()).dot(&DVectorView::from_slice(b, b.len()))
}

/// `-x` and whether there was none.
fn newton(x: Option<Vec<f64>>, width: usize) -> Vec<f64> {
    let failed = f64::from(u8::from(x.is_none()));
    let mut numbers = x.map_or_else(|| vec![0.0; width], |x| x.iter().map(|x| -x).collect());
    numbers.push(failed);
    numbers
}

/// `H_i v`, and the passes over the rows that each took.
fn product(device: &mut dyn LocalDevice, vector: &[f64]) -> Result<Vec<(Vec<f64>, u64)>> {
    let (from, to) = (Vector(0), Vector(1));
    let workers: Vec<usize> = (0..device.workers()).collect();
    let unit = unit(vector);
    device.write(from, &scaled(vector, unit))?;
    device.run(&[Op::Product { from, to }], &workers, &mut vec![[0.0; SCALARS]; workers.len()])?;
    Ok(device.read(to)?.into_iter().map(|product| (scaled(&product, 1.0 / unit), 2)).collect())
}

/// `-least`, where its slope along `along` is at most `-theta square`; else that less the multiple of `(H^2 + phi^2 I)^-1 along` which
/// makes the slope exactly this. With the passes that the corrections took.
fn corrected(
    device: &mut dyn LocalDevice,
    least: Vec<Solved>,
    along: &[f64],
    square: f64,
    safeguard: Safeguard,
) -> Result<Vec<(Vec<f64>, u64)>> {
    let Safeguard { theta, phi, inner, conjugate } = safeguard;
    let mut sent: Vec<(Vec<f64>, u64)> =
        least.into_iter().map(|solved| (solved.x.into_iter().flatten().map(|x| -x).collect(), 0)).collect();
    let missing: Vec<f64> = sent.iter().map(|(direction, _)| theta * square + dot(direction, along)).collect();
    let workers: Vec<usize> = (0..sent.len()).filter(|&worker| missing[worker] > 0.0).collect();
    if workers.is_empty() {
        return Ok(sent);
    }
    let mut found = solve(conjugate, System::DampedSquare { damp: phi }, device, &workers, along, inner)?;
    for worker in workers {
        let Solved { x, passes } = std::mem::replace(&mut found[worker], Solved { x: None, passes: 0 });
        let (correction, slope) =
            x.map(|x| (dot(&x, along), x)).filter(|&(slope, _)| slope > 0.0).map(|(slope, x)| (x, slope)).ok_or_else(
                || Error::Numerical(format!("H^2 + phi^2 I is not positive definite in rounding; raise phi ({phi:e})")),
            )?;
        let times = missing[worker] / slope;
        sent[worker].0.iter_mut().zip(&correction).for_each(|(p, c)| *p -= times * c);
        sent[worker].1 = passes;
    }
    Ok(sent)
}
