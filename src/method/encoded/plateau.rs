//! Tells when estimates fall no more.

/// Estimates of a window.
const WINDOW: usize = 25;
/// Standard deviations of the rank sum of windows without a trend that a fall has to show: 1 window in 44 does by chance.
const EVIDENCE: f64 = 2.0;

/// Compares successive windows of [`WINDOW`] estimates, of F and of the norm of its gradient (or proximal step), by the test of Mann and
/// Whitney: a window has fallen where its estimates rank below those of the window before by more than chance explains. There is a
/// plateau once neither has. It looks at ranks alone, so a steady fall is one however small, and so is the start of a fast one; a fall
/// that is slow beside the noise of the worker sets is cut short.
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

/// The window before, and the one that is being filled.
#[derive(Debug, Default)]
struct Windows {
    before: Vec<f64>,
    window: Vec<f64>,
}

impl Windows {
    /// Whether the window that this estimate fills is below the one before; nothing for other estimates.
    fn fell(&mut self, estimate: f64) -> Option<bool> {
        self.window.push(estimate);
        if self.window.len() < WINDOW {
            return None;
        }
        let before = std::mem::replace(&mut self.before, std::mem::take(&mut self.window));
        if before.is_empty() {
            return None;
        }
        let pairs = before.iter().flat_map(|old| self.before.iter().map(move |new| old.total_cmp(new)));
        // Whole and half numbers: exact.
        let above: f64 = pairs.map(|order| 0.5 * f64::from(1 + order as i8)).sum();
        let count = WINDOW as f64;
        let deviation = count * ((2.0 * count + 1.0) / 12.0).sqrt();
        Some(above - 0.5 * count * count > EVIDENCE * deviation)
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
        assert_eq!(found(|t| 1.0 + 0.97f64.powi(t as i32)), None);
        // All of it in the first steps, and then a crawl.
        assert_eq!(found(|t| 100.0 * 0.1f64.powi(t as i32) - 1e-6 * t as f64), None);
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
