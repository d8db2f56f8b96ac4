//! What rounding can explain: the errors of values and gradients that honest arithmetic (and the decoder's certificate)
//! allow, and the test that says a run can't improve any more.

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::norm;

/// Unit round-off of the master's arithmetic.
const MASTER: f64 = f64::EPSILON / 2.0;

/// Error levels of products, from the workers' unit round-off, the certificates, and the norm of X as far as the products
/// have shown it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rounding {
    unit: f64,
    rows: usize,
    cols: usize,
    /// Largest `|X v| / |v|` or `|X' u| / |u|` seen: a lower bound of |X|_2 that the first gradients make nearly tight.
    operator: f64,
    /// Certificate of the last product with X, and with X'.
    margins_bound: f64,
    pullback_bound: f64,
}

impl Rounding {
    pub(super) fn new(unit: f64, rows: usize, cols: usize) -> Self {
        Rounding { unit, rows, cols, operator: 0.0, margins_bound: 0.0, pullback_bound: 0.0 }
    }

    pub(super) fn saw_margins(&mut self, broadcast: f64, value: f64, bound: f64) {
        self.saw(broadcast, value);
        self.margins_bound = bound;
    }

    pub(super) fn saw_pullback(&mut self, broadcast: f64, value: f64, bound: f64) {
        self.saw(broadcast, value);
        self.pullback_bound = bound;
    }

    /// The same with the certificates of another moment: products between were neither margins nor gradients.
    pub(super) fn with_bounds_of(self, before: Rounding) -> Rounding {
        Rounding { margins_bound: before.margins_bound, pullback_bound: before.pullback_bound, ..self }
    }

    pub(super) fn saw(&mut self, broadcast: f64, value: f64) {
        let ratio = value / broadcast;
        if ratio.is_finite() {
            self.operator = self.operator.max(ratio);
        }
    }

    /// Typical relative error of a value F that the master sums from given margins: a few operations a row, and the random
    /// walk of the blocked sum (blocks of 64, then one sum over the blocks).
    fn summing(&self) -> f64 {
        MASTER * (8.0 + (64.0 + self.rows as f64 / 64.0).sqrt())
    }

    /// Differences of F below this, between points whose margins come from the same products, are rounding.
    pub fn along_a_ray(&self, value: f64) -> f64 {
        self.summing() * value.abs()
    }

    /// Typical error of margins of weights with norm `weights`: the workers' rounding of the broadcast and the product.
    pub fn margins(&self, weights: f64) -> f64 {
        self.unit * self.operator * weights
    }

    /// The largest error of the last margins, of weights with norm `weights`, that certificate and rounding allow.
    pub fn margins_at_most(&self, weights: f64) -> f64 {
        self.certified(self.margins_bound, self.cols, weights) + 4.0 * self.margins(weights)
    }

    /// The smooth part's largest curvature, `curvature |X|^2 / n + l2`, with |X| as far as it has been seen.
    pub fn lipschitz(&self, curvature: f64, l2: f64) -> f64 {
        curvature * self.operator * self.operator / self.rows as f64 + l2
    }

    /// Typical error of a gradient from residuals with norm `residuals`.
    pub fn gradient(&self, residuals: f64) -> f64 {
        self.unit * self.operator * residuals
    }

    /// Differences of F below this, between points whose margins are separate products, are rounding:
    /// `|r| |X w| u` beside the summing error, to first order in the margins' error.
    pub fn value(&self, value: f64, weights: f64, residuals: f64) -> f64 {
        self.along_a_ray(value) + residuals * self.margins(weights)
    }

    /// The largest error of the gradient that the certificates and rounding allow, to first order: the pullback's own
    /// error, plus the margins' error carried through the loss's second derivative (at most `curvature`) and X'.
    pub fn gradient_floor(&self, weights: f64, residuals: f64, curvature: f64, l2: f64) -> f64 {
        let margins = self.margins_at_most(weights);
        let pullback = self.certified(self.pullback_bound, self.rows, residuals) + 4.0 * self.gradient(residuals);
        pullback + self.operator * curvature * margins / self.rows as f64 + 4.0 * MASTER * l2 * weights
    }

    /// A certificate's bound; where the code can't give one, the worst case of dot products of `length` terms,
    /// `length u |X|_F |v|`, with `|X|_F <= sqrt(min(n, d)) |X|_2`, for a broadcast v of norm `broadcast`.
    fn certified(&self, bound: f64, length: usize, broadcast: f64) -> f64 {
        if bound.is_finite() {
            return bound;
        }
        let frobenius = (self.rows.min(self.cols) as f64).sqrt() * self.operator;
        length as f64 * self.unit * frobenius * broadcast
    }
}

/// Errors at one iterate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Floor {
    /// Of F.
    pub value: f64,
    /// Of the gradient's norm, at most.
    pub gradient: f64,
}

/// What rounding explains at the iterate: O(n K) work, no round.
pub(super) fn floor(problem: &Problem<'_>, iterate: &Iterate) -> Floor {
    let (weights, residuals) = (norm(&iterate.weights), norm(&iterate.residuals));
    let curvature = problem.curvature_bound(&iterate.margins);
    let rounding = problem.rounding();
    Floor {
        value: rounding.value(iterate.value, weights, residuals),
        gradient: rounding.gradient_floor(weights, residuals, curvature, problem.objective().l2),
    }
}

/// Iterations without measurable progress before a run is looked at.
const WINDOW: usize = 30;

/// Notices that a run makes no measurable progress: for [`WINDOW`] iterations F has not fallen below its best by more
/// than the rounding of its sum, nor has the norm of the gradient (or proximal step) halved. Slow progress adds up, because
/// the best value moves only when it was beaten. The larger errors of the products are left out on purpose: F that wanders
/// within them finds ever fewer new lows, so that the window passes soon, while F that creeps down steadily goes on.
#[derive(Debug)]
pub(super) struct Stall {
    value: f64,
    stationarity: f64,
    idle: usize,
}

impl Stall {
    pub fn new() -> Self {
        Stall { value: f64::INFINITY, stationarity: f64::INFINITY, idle: 0 }
    }

    /// True once in [`WINDOW`] iterations without progress.
    pub fn notice(&mut self, problem: &Problem<'_>, iterate: &Iterate) -> bool {
        let noise = problem.rounding().along_a_ray(iterate.value);
        let fell = iterate.value < self.value - noise;
        let halved = iterate.stationarity < 0.5 * self.stationarity;
        if fell {
            self.value = iterate.value;
        }
        if halved {
            self.stationarity = iterate.stationarity;
        }
        self.idle = if fell || halved { 0 } else { self.idle + 1 };
        if self.idle == WINDOW {
            self.idle = 0;
            return true;
        }
        false
    }
}
