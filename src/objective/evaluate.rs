//! The objective over all rows, from margins that the caller already has: no pass over the data.

use super::Objective;

impl Objective {
    /// `(1/n) sum_i loss(margins_i, label_i)`. `margins` is n x K, row-major.
    pub fn mean_loss(&self, margins: &[f64], labels: &[f64]) -> f64 {
        let k = self.loss.outputs();
        let sums: Vec<f64> = labels
            .chunks(64)
            .zip(margins.chunks(64 * k))
            .map(|(ys, zs)| ys.iter().zip(zs.chunks_exact(k)).map(|(&y, z)| self.loss.value(z, y)).sum())
            .collect();
        sums.iter().sum::<f64>() / labels.len() as f64
    }

    /// `(1/n) loss'(margins_i, label_i)` for every row, into `out` (n x K, row-major): what is pulled back through X'.
    pub fn residuals(&self, margins: &[f64], labels: &[f64], out: &mut [f64]) {
        let k = self.loss.outputs();
        let scale = 1.0 / labels.len() as f64;
        for ((&y, z), o) in labels.iter().zip(margins.chunks_exact(k)).zip(out.chunks_exact_mut(k)) {
            self.loss.derivative(z, y, o);
            o.iter_mut().for_each(|x| *x *= scale);
        }
    }

    /// `(l2/2) |w|^2` without the intercept's weights. `weights` is K x d, row-major.
    pub fn l2_value(&self, weights: &[f64]) -> f64 {
        let d = weights.len() / self.loss.outputs();
        let penalized = d - usize::from(self.intercept);
        0.5 * self.l2 * weights.chunks_exact(d).map(|w| w[..penalized].iter().map(|x| x * x).sum::<f64>()).sum::<f64>()
    }

    /// Adds `l2 w` (without the intercept's weights) to `gradient`.
    pub fn add_l2_gradient(&self, weights: &[f64], gradient: &mut [f64]) {
        let d = weights.len() / self.loss.outputs();
        let penalized = d - usize::from(self.intercept);
        for (w, g) in weights.chunks_exact(d).zip(gradient.chunks_exact_mut(d)) {
            w[..penalized].iter().zip(g).for_each(|(w, g)| *g += self.l2 * w);
        }
    }
}
