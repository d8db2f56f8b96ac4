//! Tells when estimates fall no more.

/// Estimates of a window.
const WINDOW: usize = 25;

/// Compares the means of successive windows of [`WINDOW`] estimates, of F and of the norm of its gradient (or proximal step): there is a
/// plateau once the fall of both from one window to the next is below two standard errors of the difference. Estimates that still fall
/// steadily are never taken for one, for of a straight line the fall is `WINDOW` steps and two standard errors are 4; of noise without
/// a fall 1 in 44 is not, and the next window decides again. A fall that is slow beside the noise of the worker sets is cut short.
#[derive(Debug, Default)]
pub(super) struct Plateau {
    values: Windows,
    norms: Windows,
}

impl Plateau {
    /// Takes one more pair of estimates in.
    pub fn reached(&mut self, value: f64, norm: f64) -> bool {
        let (value, norm) = (self.values.fell(value), self.norms.fell(norm));
        value == Some(false) && norm == Some(false)
    }
}

/// Mean of the window before with its squared standard error, and the window that is being filled.
#[derive(Debug, Default)]
struct Windows {
    window: Vec<f64>,
    before: Option<(f64, f64)>,
}

impl Windows {
    /// Whether the window that this estimate fills is below the one before; nothing for other estimates.
    fn fell(&mut self, estimate: f64) -> Option<bool> {
        self.window.push(estimate);
        if self.window.len() < WINDOW {
            return None;
        }
        let count = WINDOW as f64;
        let mean = self.window.iter().sum::<f64>() / count;
        let variance = self.window.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count * (count - 1.0));
        self.window.clear();
        let before = self.before.replace((mean, variance));
        before.map(|(earlier, spread)| earlier - mean > 2.0 * (spread + variance).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first estimate at which a plateau is seen.
    fn found(estimate: impl Fn(usize) -> f64) -> Option<usize> {
        let mut plateau = Plateau::default();
        (0..1000).find(|&t| plateau.reached(estimate(t), 1.0))
    }

    #[test]
    fn noise_is_a_plateau_and_a_fall_is_none() {
        let noise = |t: usize| ((t * 7919 + 13) % 1009) as f64 / 1009.0 - 0.5;
        assert!(found(|t| 1.0 + 0.1 * noise(t)).is_some_and(|t| t < 250));
        assert_eq!(found(|t| 5.0 - 1e-3 * t as f64), None);
        assert_eq!(found(|t| 0.95f64.powi(t as i32)), None);
        // A fall, and then noise.
        let both = |t: usize| 0.9f64.powi(t as i32) + 0.01 * (1.0 + noise(t));
        assert!(found(both).is_some_and(|t| (50..400).contains(&t)));
        // What F can't show any more for rounding, its gradient can.
        let mut plateau = Plateau::default();
        assert!((0..1000).all(|t| !plateau.reached(1.0, 0.99f64.powi(t))));
        // Nothing changes any more.
        assert_eq!(found(|_| 1.0), Some(2 * WINDOW - 1));
    }
}
