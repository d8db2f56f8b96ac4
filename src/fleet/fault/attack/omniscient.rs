//! Attacks of liars who know what the honest workers send in the round: statistics of it, or a reply to copy.

use crate::fleet::round::norm;

/// What the liars of a round overheard.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Mean of the honest replies, entry by entry.
    mean: Vec<f64>,
    /// Their standard deviation.
    deviation: Vec<f64>,
    /// The honest reply that is farthest from the mean.
    outlier: Vec<f64>,
}

impl Crowd {
    /// Takes in the honest replies of the round.
    pub(super) fn overhear(&mut self, honest: &[&[f64]]) {
        let Some(first) = honest.first() else { return };
        // As many terms a sum as there are workers.
        let count = honest.len() as f64;
        let average = |out: &mut Vec<f64>, term: &dyn Fn(&[f64], usize) -> f64| {
            out.clear();
            out.extend((0..first.len()).map(|at| honest.iter().map(|reply| term(reply, at)).sum::<f64>() / count));
        };
        average(&mut self.mean, &|reply, at| reply[at]);
        let mean = &self.mean;
        average(&mut self.deviation, &|reply, at| (reply[at] - mean[at]).powi(2));
        self.deviation.iter_mut().for_each(|variance| *variance = variance.sqrt());
        let distance = |reply: &[f64]| {
            let difference: Vec<f64> = reply.iter().zip(mean).map(|(x, m)| x - m).collect();
            norm(&difference)
        };
        let mut farthest = (first, distance(first));
        for reply in &honest[1..] {
            let away = distance(reply);
            if away > farthest.1 {
                farthest = (reply, away);
            }
        }
        self.outlier.clear();
        self.outlier.extend_from_slice(farthest.0);
    }

    /// `mean - z deviation`: within the spread of the honest, and all on one side (Baruch, Baruch and Goldberg, NeurIPS 2019).
    pub(super) fn a_little_is_enough(&self, z: f64, reply: &mut [f64]) {
        reply.iter_mut().zip(&self.mean).zip(&self.deviation).for_each(|((x, m), s)| *x = m - z * s);
    }

    /// `-factor mean`: a negative inner product with the truth (Xie, Koyejo and Gupta, UAI 2019).
    pub(super) fn inner_product(&self, factor: f64, reply: &mut [f64]) {
        reply.iter_mut().zip(&self.mean).for_each(|(x, m)| *x = -factor * m);
    }

    /// The reply of one honest worker again (Karimireddy, He and Jaggi, ICLR 2022). The authors copy the worker that is extreme along a
    /// direction learnt over rounds; here it is the farthest from the mean of this round, as liars may change.
    pub(super) fn mimic(&self, reply: &mut [f64]) {
        reply.copy_from_slice(&self.outlier);
    }
}

/// The largest z at which a majority of m workers, of which f lie, still holds an honest one that is farther out: `Phi^-1((m - f - s) /
/// (m - f))`, s = floor(m / 2 + 1) - f the honest ones that the liars need beside them (Baruch et al., algorithm 3).
pub(super) fn little_enough(workers: usize, liars: usize) -> f64 {
    let honest = workers.saturating_sub(liars).max(1) as f64;
    let needed = (workers / 2 + 1).saturating_sub(liars) as f64;
    normal_quantile(((honest - needed) / honest).clamp(0.5, 1.0 - 1e-6))
}

/// `Phi^-1(p)` for p in [0.5, 1), to 4.5e-4 (Abramowitz and Stegun, 26.2.23): an attack needs no more.
fn normal_quantile(p: f64) -> f64 {
    let t = (-2.0 * (1.0 - p).ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        for (p, z) in [(0.5, 0.0), (0.841_344_7, 1.0), (0.975, 1.959_964), (0.999, 3.090_232)] {
            assert!((normal_quantile(p) - z).abs() < 4.6e-4, "{p}");
        }
        // 50 workers, 24 liars: 2 honest ones are needed, Phi^-1(24 / 26) = 1.426 (table 1 of Baruch et al. has 1.43).
        assert!((little_enough(50, 24) - 1.426).abs() < 1e-3);
    }

    #[test]
    fn the_crowd_is_overheard() {
        let mut crowd = Crowd::default();
        crowd.overhear(&[&[1.0, 0.0], &[3.0, 0.0], &[2.0, 6.0]]);
        let mut reply = [0.0; 2];
        crowd.inner_product(0.5, &mut reply);
        assert_eq!(reply, [-1.0, -1.0]);
        crowd.mimic(&mut reply);
        assert_eq!(reply, [2.0, 6.0]);
        crowd.a_little_is_enough(1.0, &mut reply);
        // Variances 2/3 and 8.
        assert!(
            (reply[0] - (2.0 - (2.0f64 / 3.0).sqrt())).abs() < 1e-15 && (reply[1] - (2.0 - 8f64.sqrt())).abs() < 1e-15
        );
    }
}
