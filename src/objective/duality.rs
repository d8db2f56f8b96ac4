//! How far from the optimum a point can be: an upper bound of `F(w) - min F` from what a method already has.

use super::Objective;
use super::math::sum_of;

impl Objective {
    /// An upper bound of `F(w) - min F` from the margins and the gradient g of the mean loss at w (`X' residuals`, K x d,
    /// without l2), with no further round; up to the rounding of margins and gradient. It tends to 0 at the optimum.
    ///
    /// With `R = (l2/2) |.|^2 + h`, f_i the loss of row i, * the convex conjugate and the dual point `theta_i = s f_i'(z_i)`,
    /// whose pullback is `X' theta / n = s g`, it is Fenchel's
    ///
    /// `F(w) - D(theta) = (1/n) sum_i [f_i(z_i) + f_i*(theta_i) - theta_i z_i] + [R(w) + R*(-s g) + <s g, w>]`,
    ///
    /// both brackets at least 0 and the first 0 at s = 1. The smaller value of s = 1 and, where g is not feasible, of the
    /// largest feasible s below is taken:
    ///
    /// - **l2 > 0**, any h: every s is feasible; `R*(v) = <v, u> - R(u)` at `u = prox_{h / l2}(v / l2)`. Without h the bound
    ///   is `|g + l2 w|^2 / (2 l2)`.
    /// - **l1, l2 = 0**: `s = min(1, l1 / |g|_inf)`, second bracket `sum_j [l1 |w_j| + s g_j w_j]`.
    /// - **bounded constraint C, l2 = 0**: `max_{u in C} <g, w - u>`.
    ///
    /// `None` where no bound is known: a loss that does not say it is convex; l2 = 0 without a regularizer, or with
    /// non-negativity or a box that is open to one side; an l1 step that needs a conjugate the loss does not have; weights
    /// outside the constraint; and a free intercept, whose dual point must sum to 0: use [`Objective::duality_gap_centred`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::objective::{LeastSquares, L1, Objective, Penalized};
    /// // One row x = 2, y = 3, l1 = 1: the minimum of (2w - 3)^2 / 2 + |w| is 11/8, at w = 5/4.
    /// let l1 = Arc::new(L1::new(1.0, Penalized::new(1, false)?)?);
    /// let objective = Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: Some(l1), intercept: false };
    /// let gap = |w: f64| objective.duality_gap(&[2.0 * w], &[3.0], &[w], &[2.0 * (2.0 * w - 3.0)]).unwrap();
    /// assert_eq!(gap(1.25), 0.0);
    /// assert!(gap(1.0) >= objective.value(&[2.0], &[3.0], &[1.0]) - 11.0 / 8.0);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn duality_gap(
        &self,
        margins: &[f64],
        labels: &[f64],
        weights: &[f64],
        gradient_of_loss: &[f64],
    ) -> Option<f64> {
        if self.intercept || !self.loss.is_convex() {
            return None;
        }
        self.best_bound(margins, labels, weights, gradient_of_loss, &vec![0.0; self.loss.outputs()])
    }

    /// [`Objective::duality_gap`] with a free intercept: the dual point is centred, `theta_i - mean(theta)`, which needs the
    /// column means `X'1 / n` (d numbers, the last 1), one pullback for a whole run.
    ///
    /// `None` also where a centred dual point leaves the conjugate's domain, as the logistic loss's may while rows are
    /// classified more surely than the intercept's gradient is small.
    pub fn duality_gap_centred(
        &self,
        margins: &[f64],
        labels: &[f64],
        weights: &[f64],
        gradient_of_loss: &[f64],
        column_means: &[f64],
    ) -> Option<f64> {
        if !self.intercept {
            return self.duality_gap(margins, labels, weights, gradient_of_loss);
        }
        if !self.loss.is_convex() {
            return None;
        }
        let (d, _) = self.columns(weights.len());
        let centre: Vec<f64> = gradient_of_loss.chunks_exact(d).map(|g| g[d - 1]).collect();
        let mut centred = gradient_of_loss.to_vec();
        for (g, c) in centred.chunks_exact_mut(d).zip(&centre) {
            g.iter_mut().zip(column_means).for_each(|(g, mean)| *g -= c * mean);
        }
        self.best_bound(margins, labels, weights, &centred, &centre)
    }

    /// The smaller of the bounds at the dual points `s (n residuals - centre)`, whose pullback is `s gradient`, for s = 1 and
    /// for the largest feasible s below.
    fn best_bound(
        &self,
        margins: &[f64],
        labels: &[f64],
        weights: &[f64],
        gradient: &[f64],
        centre: &[f64],
    ) -> Option<f64> {
        let dual: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let feasible = self.regularizer.as_ref().map_or(1.0, |h| h.dual_scale(&dual));
        let bound = |scale: f64| -> Option<f64> {
            let penalty = self.penalty_part(weights, &dual, scale)?;
            // Not evaluated where the other part is infinite: it costs a pass over the rows.
            if penalty.is_finite() { Some(penalty + self.loss_part(margins, labels, centre, scale)?) } else { None }
        };
        let unscaled = bound(1.0);
        let scaled = if feasible < 1.0 { bound(feasible) } else { None };
        let best = unscaled.into_iter().chain(scaled).fold(f64::INFINITY, f64::min);
        best.is_finite().then(|| best.max(0.0))
    }

    /// `R(w) + R*(v) - <v, w>` at `v = scale dual`, for `R = (l2/2) |.|^2 + h` on the penalized weights.
    fn penalty_part(&self, weights: &[f64], dual: &[f64], scale: f64) -> Option<f64> {
        let scaled: Vec<f64> = dual.iter().map(|v| scale * v).collect();
        let h_value = self.regularizer.as_ref().map_or(0.0, |h| h.value(weights));
        if !h_value.is_finite() {
            return None;
        }
        if self.l2 == 0.0 {
            return self.regularizer.as_ref()?.fenchel_gap(weights, &scaled);
        }
        // R*(v) = <v, u> - R(u) at the u below.
        let mut u: Vec<f64> = scaled.iter().map(|v| v / self.l2).collect();
        let mut difference = 0.0;
        if let Some(h) = &self.regularizer {
            h.prox(1.0 / self.l2, &mut u);
            difference = h_value - h.value(&u);
        }
        let (d, penalized) = self.columns(weights.len());
        let rows = weights.chunks_exact(d).zip(u.chunks_exact(d)).zip(scaled.chunks_exact(d));
        let smooth = |((w, u), v): ((&[f64], &[f64]), &[f64])| {
            sum_of(penalized, |j| (w[j] - u[j]) * (0.5 * self.l2 * (w[j] + u[j]) - v[j]))
        };
        Some(rows.map(smooth).sum::<f64>() + difference)
    }

    /// `(1/n) sum_i [f_i(z_i) + f_i*(theta_i) - <theta_i, z_i>]` at `theta_i = scale (f_i'(z_i) - centre)`.
    fn loss_part(&self, margins: &[f64], labels: &[f64], centre: &[f64], scale: f64) -> Option<f64> {
        if scale == 1.0 && centre.iter().all(|&c| c == 0.0) {
            return Some(0.0);
        }
        let k = self.loss.outputs();
        let n = labels.len() as f64;
        let (total, unknown) = self.sum_rows(labels.len(), |rows| {
            let mut dual = vec![0.0; k];
            let (mut sum, mut unknown) = (0.0, 0.0);
            for (z, &y) in margins[rows.start * k..rows.end * k].chunks_exact(k).zip(&labels[rows]) {
                let value = self.loss.value_and_derivative(z, y, &mut dual);
                dual.iter_mut().zip(centre).for_each(|(t, c)| *t = scale * (*t - c));
                match self.loss.conjugate(&dual, y) {
                    Some(conjugate) => sum += value + conjugate - sum_of(k, |j| dual[j] * z[j]),
                    None => unknown += 1.0,
                }
            }
            (sum, unknown)
        });
        (unknown == 0.0).then(|| (total / n).max(0.0))
    }
}
