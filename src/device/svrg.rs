//! A round of SVRG steps at workers with rows of their own.

use crate::error::{Error, Result};
use crate::kernel::svrg_steps::SvrgLoss;

/// Writes a loss's derivatives at K margins of a row with a label.
pub type Derivative<'s> = dyn Fn(&[f64], f64, &mut [f64]) + Sync + 's;

/// Steps `u <- u - s (f_j'(u) - f_j'(w) + g + mu (u - w))` from u = w at every worker, over samples j that are drawn already; each f_j has
/// the l2 of [`super::LocalForm`] (Johnson and Zhang, 2013; InexactDANE of paper 003).
pub struct Svrg<'s> {
    /// w: K d.
    pub start: &'s [f64],
    /// g: K d.
    pub gradient: &'s [f64],
    /// mu.
    pub pull: f64,
    /// s.
    pub step: f64,
    /// The rows j of each worker, as many at each.
    pub rows: &'s [Vec<usize>],
    /// Of each of them the loss's K derivatives at w, and the label.
    pub known: &'s [Vec<f64>],
    /// The loss's derivatives.
    pub derivative: &'s Derivative<'s>,
    /// Which loss that is; none where a GPU has no such derivative.
    pub loss: Option<SvrgLoss>,
}

impl Svrg<'_> {
    /// Samples of a worker.
    pub fn samples(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// Refuses what does not fit workers of so many rows, K classes and `width` = K d.
    pub(super) fn check(&self, rows: &[usize], classes: usize, width: usize) -> Result<()> {
        let samples = self.samples();
        let fits =
            |(own, known): (&Vec<usize>, &Vec<f64>)| own.len() == samples && known.len() == samples * (classes + 1);
        let there = self.rows.iter().zip(rows).all(|(own, &rows)| own.iter().all(|&row| row < rows));
        let all = self.rows.len() == rows.len() && self.known.len() == rows.len() && there;
        if all
            && self.rows.iter().zip(self.known).all(fits)
            && self.start.len() == width
            && self.gradient.len() == width
        {
            return Ok(());
        }
        let got = format!("{} weights, {samples} samples at {} workers", self.start.len(), self.rows.len());
        let allowed =
            format!("{width} weights, samples of {} workers' rows with {} numbers each", rows.len(), classes + 1);
        Err(Error::usage("steps of SVRG", got, allowed))
    }
}
