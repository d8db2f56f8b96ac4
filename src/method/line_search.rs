//! # Line search
//!
//! Finds a step `a > 0` along a descent direction that satisfies the strong Wolfe conditions (Nocedal and Wright,
//! *Numerical Optimization*, 2nd ed., eq. (3.7))
//!
//! ```text
//! phi(a) <= phi(0) + c1 a phi'(0)          sufficient decrease
//! |phi'(a)| <= c2 |phi'(0)|                curvature
//! ```
//!
//! by keeping a bracket whose left end decreases enough and still descends, and whose right end does not (ibid., algorithms
//! 3.5 and 3.6, with the roles of the ends fixed). Where values of phi differ by rounding only, sufficient decrease is
//! replaced by the approximate condition of Hager and Zhang (*SIAM J. Optim.* 16, 2005, eq. (4.1)), which needs slopes
//! alone: `|phi(a) - phi(0)| <= noise` and `phi'(a) <= (2 c1 - 1) phi'(0)`.
//!
//! **Requires** phi continuously differentiable where it is finite; `+inf` and NaN are taken as "too far". **Cost**: no
//! rounds; phi is evaluated at the master from margins it has.

/// phi at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// a.
    pub step: f64,
    /// phi(a).
    pub value: f64,
    /// phi'(a).
    pub slope: f64,
}

/// Why a step was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The strong Wolfe conditions hold as computed.
    Wolfe,
    /// The curvature condition holds, and the approximate condition stands for sufficient decrease.
    ApproximateWolfe,
}

/// The constants of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineSearch {
    /// c1, in (0, 1/2).
    pub sufficient_decrease: f64,
    /// c2, in (c1, 1); infinite asks for sufficient decrease alone (Armijo backtracking).
    pub curvature: f64,
    /// Evaluations of phi before it gives up.
    pub trials: usize,
}

impl LineSearch {
    /// Strong Wolfe: c1 = 1e-4, and c2 = 0.3, tighter than the usual 0.9 because a trial costs no round.
    pub const WOLFE: LineSearch = LineSearch { sufficient_decrease: 1e-4, curvature: 0.3, trials: 60 };

    /// Armijo: sufficient decrease alone.
    pub const ARMIJO: LineSearch = LineSearch { sufficient_decrease: 1e-4, curvature: f64::INFINITY, trials: 60 };

    /// Searches from `first`. `start` is phi at 0, with a negative slope; values of phi within `noise` of each other are
    /// taken as equal. The sample that is returned is the last one that was evaluated; `None` when no trial passed.
    pub fn search(
        &self,
        start: Sample,
        first: f64,
        noise: f64,
        mut phi: impl FnMut(f64) -> Sample,
    ) -> Option<(Sample, Accepted)> {
        if !(start.slope < 0.0 && start.value.is_finite() && first > 0.0 && first.is_finite()) {
            return None;
        }
        let mut bracket = Bracket { left: start, right: None, width_before: f64::INFINITY };
        let mut step = first;
        for _ in 0..self.trials {
            let sample = phi(step);
            match self.judge(&start, &bracket.left, &sample, noise) {
                Verdict::Accept(why) => return Some((sample, why)),
                Verdict::TooFar => bracket.right = Some(sample),
                Verdict::TooShort => bracket.left = sample,
            }
            step = bracket.next(noise)?;
        }
        None
    }

    fn judge(&self, start: &Sample, left: &Sample, sample: &Sample, noise: f64) -> Verdict {
        if !(sample.value.is_finite() && sample.slope.is_finite()) {
            return Verdict::TooFar;
        }
        let c1 = self.sufficient_decrease;
        let decreases = sample.value <= start.value + c1 * sample.step * start.slope;
        let approximately =
            (sample.value - start.value).abs() <= noise && sample.slope <= (2.0 * c1 - 1.0) * start.slope;
        if !(decreases || approximately) {
            return Verdict::TooFar;
        }
        if sample.slope.abs() <= self.curvature * start.slope.abs() {
            return Verdict::Accept(if decreases { Accepted::Wolfe } else { Accepted::ApproximateWolfe });
        }
        if sample.slope >= 0.0 || sample.value > left.value + noise { Verdict::TooFar } else { Verdict::TooShort }
    }
}

enum Verdict {
    Accept(Accepted),
    TooFar,
    TooShort,
}

/// `left` descends and decreases enough; `right`, once there is one, does not: an acceptable step lies between.
struct Bracket {
    left: Sample,
    right: Option<Sample>,
    width_before: f64,
}

impl Bracket {
    /// The next trial, or `None` when the bracket has no number inside.
    fn next(&mut self, noise: f64) -> Option<f64> {
        let left = self.left;
        let Some(right) = self.right else {
            // No minimizer in reach yet: four times as far; beyond the numbers, give up.
            let next = 4.0 * left.step;
            return next.is_finite().then_some(next);
        };
        let width = right.step - left.step;
        let guess = if !(right.value.is_finite() && right.slope.is_finite()) {
            left.step + 0.1 * width
        } else if width > 0.66 * self.width_before {
            left.step + 0.5 * width
        } else if (right.value - left.value).abs() <= noise {
            secant(&left, &right)
        } else {
            cubic(&left, &right)
        };
        self.width_before = width;
        let inside = if guess.is_finite() { guess } else { left.step + 0.5 * width };
        let next = inside.clamp(left.step + 0.05 * width, right.step - 0.05 * width);
        (next > left.step && next < right.step).then_some(next)
    }
}

/// The zero of the line through two slopes.
fn secant(left: &Sample, right: &Sample) -> f64 {
    left.step - left.slope * (right.step - left.step) / (right.slope - left.slope)
}

/// The minimizer of the cubic through two values and slopes (Nocedal and Wright, eq. (3.59)); NaN when it has none.
fn cubic(left: &Sample, right: &Sample) -> f64 {
    let width = right.step - left.step;
    let d1 = left.slope + right.slope - 3.0 * (right.value - left.value) / width;
    let d2 = (d1 * d1 - left.slope * right.slope).sqrt();
    right.step - width * (right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(search: LineSearch, first: f64, noise: f64, f: impl Fn(f64) -> (f64, f64)) -> (Sample, Accepted, usize) {
        let (value, slope) = f(0.0);
        let mut trials = 0;
        let mut last = 0.0;
        let (sample, why) = search
            .search(Sample { step: 0.0, value, slope }, first, noise, |step| {
                trials += 1;
                last = step;
                let (value, slope) = f(step);
                Sample { step, value, slope }
            })
            .expect("an acceptable step exists");
        assert_eq!(last, sample.step, "the sample returned is the last one evaluated");
        (sample, why, trials)
    }

    fn assert_strong_wolfe(search: LineSearch, sample: Sample, f: impl Fn(f64) -> (f64, f64)) {
        let (v0, s0) = f(0.0);
        let (v, s) = f(sample.step);
        assert!(v <= v0 + search.sufficient_decrease * sample.step * s0, "sufficient decrease at {sample:?}");
        assert!(s.abs() <= search.curvature * s0.abs(), "curvature at {sample:?}");
    }

    /// The three convex and two non-convex functions below, from steps 1e-3 to 1e3, as in More and Thuente (1994).
    #[test]
    fn strong_wolfe_holds_from_any_first_step() {
        type Phi = fn(f64) -> (f64, f64);
        let functions: [(&str, Phi); 5] = [
            ("quadratic", |a| (0.5 * (a - 2.0) * (a - 2.0), a - 2.0)),
            ("exponential", |a| ((a - 3.0).exp() - a, (a - 3.0).exp() - 1.0)),
            ("logistic", |a| ((-a).exp().ln_1p() + 0.01 * a * a, -1.0 / (1.0 + a.exp()) + 0.02 * a)),
            ("more-thuente 1", |a| {
                let b = 2.0;
                let q = a * a + b;
                (-a / q, (a * a - b) / (q * q))
            }),
            ("more-thuente 2", |a| {
                let t = a + 0.004;
                (t.powi(5) - 2.0 * t.powi(4), 5.0 * t.powi(4) - 8.0 * t.powi(3))
            }),
        ];
        for (name, f) in functions {
            for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
                for search in [LineSearch::WOLFE, LineSearch { curvature: 0.9, ..LineSearch::WOLFE }] {
                    let (sample, why, trials) = run(search, first, 0.0, f);
                    assert_eq!(why, Accepted::Wolfe, "{name} from {first}");
                    assert_strong_wolfe(search, sample, f);
                    assert!(trials <= 25, "{name} from {first}: {trials} trials");
                }
            }
        }
    }

    #[test]
    fn overflow_to_infinity_means_back_off() {
        let f = |a: f64| ((1e4 * a).exp() - 1e5 * a, 1e4 * (1e4 * a).exp() - 1e5);
        assert!(f(1.0).0.is_infinite());
        let (sample, _, _) = run(LineSearch::WOLFE, 1.0, 0.0, f);
        assert_strong_wolfe(LineSearch::WOLFE, sample, f);
    }

    #[test]
    fn armijo_accepts_the_first_decrease() {
        let f = |a: f64| (0.5 * (a - 2.0) * (a - 2.0), a - 2.0);
        let (sample, _, trials) = run(LineSearch::ARMIJO, 1e-3, 0.0, f);
        assert_eq!((sample.step, trials), (1e-3, 1));
        let (sample, _, _) = run(LineSearch::ARMIJO, 100.0, 0.0, f);
        assert!(sample.step > 0.0 && sample.step < 4.0);
    }

    /// Values rounded to multiples of 1e-6 around 1, with a true decrease of 5e-13: only slopes can tell.
    #[test]
    fn below_the_noise_of_values_slopes_decide() {
        let rounded = |a: f64| {
            let value = 1.0 + 0.5 * (a - 1e-6) * (a - 1e-6);
            ((value * 1e6).round() / 1e6 + if a > 0.0 { 1e-6 } else { 0.0 }, a - 1e-6)
        };
        let (sample, why, _) = run(LineSearch::WOLFE, 1e-4, 2e-6, rounded);
        assert_eq!(why, Accepted::ApproximateWolfe);
        assert!((sample.slope).abs() <= 0.3 * 1e-6);
        // Without an allowance for noise no step decreases F as computed.
        let start = Sample { step: 0.0, value: 1.0, slope: -1e-6 };
        let trial = |step| Sample { step, value: rounded(step).0, slope: rounded(step).1 };
        assert!(LineSearch::WOLFE.search(start, 1e-4, 0.0, trial).is_none());
    }

    #[test]
    fn no_descent_direction_is_refused_without_a_trial() {
        let mut asked = 0;
        for slope in [0.0, 1.0, f64::NAN] {
            let start = Sample { step: 0.0, value: 1.0, slope };
            assert!(
                LineSearch::WOLFE
                    .search(start, 1.0, 0.0, |step| {
                        asked += 1;
                        Sample { step, value: 0.0, slope: 0.0 }
                    })
                    .is_none()
            );
        }
        assert_eq!(asked, 0);
    }

    #[test]
    fn an_unbounded_function_ends() {
        let start = Sample { step: 0.0, value: 0.0, slope: -1.0 };
        assert!(LineSearch::WOLFE.search(start, 1.0, 0.0, |a| Sample { step: a, value: -a, slope: -1.0 }).is_none());
    }
}
