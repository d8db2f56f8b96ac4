//! # The lasso through its dual, by the barrier method
//!
//! **Algorithm.** The dual of `|X w - y|^2/2 + lambda |w|_1` is `min |y - z|^2/2` over `|x_j'z| <= lambda` for each column x_j
//! (paper 001, section 3). Newton's method follows the minimizers of `tau |y - z|^2/2 - sum_j log(lambda - x_j'z) - sum_j
//! log(lambda + x_j'z)` for growing tau. With `beta_j = 1/(lambda - x_j'z)` and `gamma_j = 1/(lambda + x_j'z)` its gradient is
//! `tau (z - y) + X (beta - gamma)` and its Hessian `tau I + X diag(beta^2 + gamma^2) X'`, n x n: the second part is exact, or a
//! sketch over the d columns; `tau I` is never sketched. At a centre the primal point is `w = (beta - gamma)/tau`, with a duality gap
//! of at most `2 d / tau`; what is reported is the true gap of w and z. Off it, w is taken from the multipliers after the
//! Newton step, which meet the dual equations as far as the step solves its system. (The objective here has a factor of 1/n, so
//! `lambda = n l1`.)
//!
//! Newton systems are refined by conjugate gradients with exact products, preconditioned by the Hessian as it was made, for two
//! right-hand sides at once: towards the centre, and along the path.
//!
//! **Requires** the squared loss and l1 > 0, without l2, intercept or another start than 0. It is for `d >> n`: the master factors an
//! n x n matrix.
//!
//! **Cost.** The Hessian, one product, and two products for each step of conjugate gradients, of which there is mostly one with
//! the exact Hessian.

mod system;

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, dot, norm};
use super::{Method, Step};
use crate::error::{Error, Result};
use crate::objective::Objective;
use system::{Factor, Solution, solve};

/// Within this norm of a Newton step in the Hessian's norm a point counts as centred; below 1 the step stays inside.
const CENTRED: f64 = 0.5;
/// The norm of the first step.
const FIRST: f64 = 0.25;
/// Share of the way to the boundary that a step along the path goes, at first and at most.
const FRACTION: f64 = 0.9;
const LARGEST_FRACTION: f64 = 0.999;
/// Steps for one tau after which the rest is rounding.
const CORRECTIONS: usize = 60;
/// With a gap below this share of F, a path that does not reach its next centre is stopped by rounding.
const CLOSE: f64 = 1e-5;
/// Share of the way to the boundary that a step towards a centre goes at most.
const NEAR: f64 = 0.99;
/// Halvings of the bracket of a line search: the minimum along a line is not needed any sharper.
const HALVINGS: usize = 20;

/// The barrier method on the dual of the lasso.
///
/// ```
/// use steadfast::method::{DualBarrier, Method};
/// assert_eq!(DualBarrier::exact().name(), "dual-barrier");
/// assert_eq!(DualBarrier::oversketched().name(), "oversketched-dual-barrier");
/// ```
#[derive(Debug)]
pub struct DualBarrier {
    name: &'static str,
    /// n l1.
    lambda: f64,
    tau: f64,
    z: Vec<f64>,
    /// `lambda - X'z` and `lambda + X'z`, carried along: differences of large numbers would lose the small ones.
    upper: Vec<f64>,
    lower: Vec<f64>,
    /// The dual point that the iterate's gap is taken with.
    dual: Vec<f64>,
    hessian: Vec<f64>,
    fraction: f64,
    corrections: usize,
}

impl DualBarrier {
    fn named(name: &'static str) -> Self {
        DualBarrier {
            name,
            lambda: 0.0,
            tau: 0.0,
            z: Vec::new(),
            upper: Vec::new(),
            lower: Vec::new(),
            dual: Vec::new(),
            hessian: Vec::new(),
            fraction: FRACTION,
            corrections: 0,
        }
    }

    /// With the Hessian of all columns; the oracle of the problem must give that.
    pub fn exact() -> Self {
        DualBarrier::named("dual-barrier")
    }

    /// With a sketched Hessian where a sketch is cheaper.
    pub fn oversketched() -> Self {
        DualBarrier::named("oversketched-dual-barrier")
    }

    /// `beta^2 + gamma^2`.
    fn curvature(&self) -> Vec<f64> {
        self.upper.iter().zip(&self.lower).map(|(u, l)| u.powi(-2) + l.powi(-2)).collect()
    }

    /// The Newton steps for the barrier alone (`-X (beta - gamma)`) and for the cost alone (`tau (y - z)`). Near a centre they all
    /// but cancel, so that one round has room for both: what it can't tell from round-off goes by the longest of its vectors.
    fn directions(&mut self, problem: &mut Problem<'_>) -> Result<[Solution; 2]> {
        let n = self.z.len();
        let curvature = self.curvature();
        self.hessian.resize(n * n, 0.0);
        problem.dual_hessian(&curvature, &mut self.hessian)?;
        (0..n).for_each(|i| self.hessian[i * n + i] += self.tau);
        let factor = Factor::new(&mut self.hessian, n)?;
        let push: Vec<f64> = self.upper.iter().zip(&self.lower).map(|(u, l)| 1.0 / u - 1.0 / l).collect();
        let mut inward = vec![0.0; n];
        problem.margins(&push, &mut inward)?;
        inward.iter_mut().for_each(|x| *x = -*x);
        let along = problem.labels().iter().zip(&self.z).map(|(y, z)| self.tau * (y - z)).collect();
        solve(problem, &factor, self.tau, &curvature, [inward, along])
    }

    /// Gives the iterate the primal point of the multipliers after `step`, where its gap is smaller than what it has.
    fn report(&mut self, problem: &Problem<'_>, iterate: &mut Iterate, step: &Solution) {
        let (d, n, tau) = (self.upper.len(), self.z.len() as f64, self.tau);
        let rates = |j: usize| (step.image[j] / self.upper[j], -step.image[j] / self.lower[j]);
        let weights: Vec<f64> = (0..d)
            .map(|j| {
                let (up, low) = rates(j);
                ((1.0 + up) / self.upper[j] - (1.0 + low) / self.lower[j]) / tau
            })
            .collect();
        // lambda |w_j| - w_j x_j'z, without cancellation.
        let slack = |j: usize| {
            let (up, low) = rates(j);
            if weights[j] > 0.0 { self.upper[j] * (1.0 - up) } else { self.lower[j] * (1.0 - low) }
        };
        let terms: Vec<f64> = (0..d).map(slack).collect();
        let sizes: Vec<f64> = weights.iter().map(|w| w.abs()).collect();
        // X w - y + z is what is left of the system, over tau.
        let gap = (dot(&sizes, &terms) + 0.5 * dot(&step.left, &step.left) / (tau * tau)) / n;
        if gap.is_nan() || iterate.duality_gap.is_some_and(|best| gap >= best) {
            return;
        }
        self.dual = self.z.iter().zip(&step.z).map(|(z, p)| z + p).collect();
        for (i, margin) in iterate.margins.iter_mut().enumerate() {
            *margin = problem.labels()[i] - self.dual[i] - step.left[i] / tau;
        }
        iterate.weights = weights;
        iterate.age += 1;
        iterate.value =
            problem.smooth_value(&iterate.weights, &iterate.margins) + problem.nonsmooth_value(&iterate.weights);
        problem.residuals(&iterate.margins, &mut iterate.residuals);
        for (j, g) in iterate.gradient.iter_mut().enumerate() {
            *g = -(0.5 * (self.lower[j] - self.upper[j]) + step.image[j]) / n;
        }
        self.judge(problem, iterate, gap);
    }

    /// Stationarity and gap of the iterate, which are no smaller than rounding makes them.
    fn judge(&self, problem: &Problem<'_>, iterate: &mut Iterate, gap: f64) {
        let mut scratch = vec![0.0; iterate.weights.len()];
        iterate.stationarity = problem.proximal_step_norm(&iterate.weights, &iterate.gradient, 1.0, &mut scratch);
        let noise = problem.rounding().value(iterate.value, norm(&iterate.weights), norm(&iterate.residuals));
        iterate.duality_gap = Some(gap.max(noise));
    }

    /// Moves z by `step`, which stays inside.
    fn advance(&mut self, step: f64, direction: &Solution) {
        add_scaled(&mut self.z, step, &direction.z);
        for (j, change) in direction.image.iter().enumerate() {
            self.upper[j] *= 1.0 - step * change / self.upper[j];
            self.lower[j] *= 1.0 + step * change / self.lower[j];
        }
    }

    /// The rates at which a direction nears the boundary: it is there at a step of 1 over the largest.
    fn rates(&self, direction: &Solution) -> Vec<f64> {
        let up = direction.image.iter().zip(&self.upper).map(|(a, u)| a / u);
        up.chain(direction.image.iter().zip(&self.lower).map(|(a, l)| -a / l)).collect()
    }

    /// The step along `direction` that minimizes the barrier function on the way to the boundary.
    fn search(&self, problem: &Problem<'_>, direction: &Solution, rates: &[f64]) -> f64 {
        let offset: Vec<f64> = self.z.iter().zip(problem.labels()).map(|(z, y)| z - y).collect();
        let (slope, curvature) = (self.tau * dot(&direction.z, &offset), self.tau * dot(&direction.z, &direction.z));
        let ones = vec![1.0; rates.len()];
        let derivative = |a: f64| {
            let pushes: Vec<f64> = rates.iter().map(|t| t / (1.0 - a * t)).collect();
            slope + a * curvature + dot(&ones, &pushes)
        };
        let fastest = rates.iter().fold(0.0, |top: f64, &t| top.max(t));
        let mut high = if fastest > 0.0 { NEAR / fastest } else { 1.0 };
        if derivative(high) <= 0.0 {
            return high;
        }
        let mut low = 0.0;
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if derivative(middle) < 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Method for DualBarrier {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        let penalty = objective.regularizer.as_ref().map_or_else(|| "no penalty".into(), |h| h.name());
        let lasso = objective.loss.id().name == "squared" && penalty.starts_with("l1:");
        if lasso && objective.l2 == 0.0 && !objective.intercept {
            return Ok(());
        }
        let intercept = if objective.intercept { ", an intercept" } else { "" };
        let got = format!("loss {}, l2 = {}, {penalty}{intercept}", objective.loss.id().name, objective.l2);
        Err(Error::usage(
            format!("method {}", self.name),
            got,
            "squared loss with l1 > 0 alone (fista takes any loss and penalty)",
        ))
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.weights.iter().any(|w| *w != 0.0) {
            let allowed = "none: the path starts from z = 0, where w = 0";
            return Err(Error::usage(format!("method {} with a start", self.name), "weights that are not 0", allowed));
        }
        let (n, d) = (problem.rows(), problem.dimension());
        let mut unit = vec![0.0; d];
        unit[0] = 1.0;
        self.lambda = n as f64 * problem.nonsmooth_value(&unit);
        // p'H p <= tau |y|^2 for the first step.
        let size = norm(problem.labels());
        self.tau = if size > 0.0 { (FIRST / size).powi(2) } else { 1.0 };
        self.z = vec![0.0; n];
        self.dual = vec![0.0; n];
        (self.upper, self.lower) = (vec![self.lambda; d], vec![self.lambda; d]);
        (self.fraction, self.corrections) = (FRACTION, 0);
        problem.gradient(iterate)?;
        self.judge(problem, iterate, 0.5 * size * size / n as f64);
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let [inward, along] = problem.aside(|problem| self.directions(problem))?;
        let newton = inward.plus(1.0, &along);
        let rates = self.rates(&newton);
        let decrement = (self.tau * dot(&newton.z, &newton.z) + dot(&rates, &rates)).sqrt();
        if !decrement.is_finite() {
            return Err(Error::Numerical("a Newton step of the dual barrier is not finite; scale the features".into()));
        }
        if decrement > CENTRED {
            self.corrections += 1;
            let step = self.search(problem, &newton, &rates);
            if self.corrections > CORRECTIONS || step <= 0.0 {
                // The smallest slacks are lost in the errors of products first, and with them the way to the next centre.
                let close = iterate.duality_gap.is_some_and(|gap| gap <= CLOSE * iterate.value);
                return Ok(if close { Step::Rounding } else { Step::Stuck });
            }
            self.advance(step, &newton);
            return Ok(Step::Moved { length: step });
        }
        self.report(problem, iterate, &newton);
        if self.corrections <= 1 {
            self.fraction = (1.0 - (1.0 - self.fraction) / 3.0).min(LARGEST_FRACTION);
        } else if self.corrections > 4 {
            self.fraction = FRACTION;
        }
        self.corrections = 0;
        // The path is nearly straight in 1/tau: from 1/tau to (1 - share)/tau goes `share * along`.
        let tangent = self.rates(&along);
        let fraction = self.fraction;
        let share = rates
            .iter()
            .zip(&tangent)
            .fold(fraction, |share, (t, a)| if *a > 0.0 { share.min((fraction - t) / a) } else { share });
        self.advance(1.0, &newton.plus(share, &along));
        self.tau /= 1.0 - share;
        Ok(Step::Moved { length: share })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.age == 0 {
            return Ok(());
        }
        let n = self.dual.len();
        problem.refresh(iterate, &mut vec![0.0; n])?;
        // Of the dual point over n, which is a gradient but for what the system left.
        let each: Vec<f64> = self.dual.iter().map(|z| z / n as f64).collect();
        let mut image = vec![0.0; iterate.weights.len()];
        problem.pullback(&each, &mut image)?;
        image.iter_mut().for_each(|x| *x *= n as f64);
        // Rounding may leave the dual point outside.
        let largest = image.iter().fold(0.0, |top: f64, x| top.max(x.abs()));
        let scale = if largest > self.lambda { self.lambda / largest } else { 1.0 };
        let off: Vec<f64> = (0..n).map(|i| iterate.margins[i] - problem.labels()[i] + scale * self.dual[i]).collect();
        let sizes: Vec<f64> = iterate.weights.iter().map(|w| w.abs()).collect();
        let slacks: Vec<f64> = iterate
            .weights
            .iter()
            .zip(&image)
            .map(|(w, a)| self.lambda - scale * if *w > 0.0 { *a } else { -a })
            .collect();
        let gap = (dot(&sizes, &slacks) + 0.5 * dot(&off, &off)) / n as f64;
        self.judge(problem, iterate, gap);
        Ok(())
    }

    fn restart(&mut self) {
        self.corrections = 0;
    }
}
