//! # FISTA with adaptive restart
//!
//! **Algorithm.** The proximal-gradient step taken from the extrapolated point `y = x + beta (x - x_before)` (Beck and
//! Teboulle, *SIAM J. Imaging Sci.* 2, 2009, algorithm FISTA with backtracking). The step is also grown again, with
//! the momentum corrected for it as in Scheinberg, Goldfarb and Bai (*Found. Comput. Math.* 14, 2014):
//! `s_k t_k^2 = s_{k+1} t_{k+1} (t_{k+1} - 1)`. The momentum restarts when it points uphill or F rises (O'Donoghue and
//! Candes, *Found. Comput. Math.* 15, 2015), which gives the linear rate of strong convexity without knowing its constant.
//!
//! **Requires** a convex smooth part; any regularizer with a proximal operator, or none. No step size is asked for.
//!
//! **Cost.** Two rounds an iteration: the margins of x+, and the gradient at y, whose margins are a combination of margins
//! at hand; one more for each step that was too long; one extra at the start, for the first step. The duality gap comes
//! from the same products, the best bound on the way counting. It stops on the gap where the objective has one, else on
//! `|y - x+| / s`; before it does, one more round gives the gap of x+ by its own dual point, which is the one that counts.

use super::forward_backward::ForwardBackward;
use super::iterate::Iterate;
use super::problem::Problem;
use super::{Method, Step};
use crate::error::Result;
use crate::objective::Objective;

/// FISTA with backtracking, step growth and adaptive restart.
///
/// ```
/// use steadfast::method::{Fista, Method};
/// assert_eq!(Fista::default().name(), "fista");
/// ```
#[derive(Debug)]
pub struct Fista {
    engine: ForwardBackward,
    /// t of the paper: 1 without momentum.
    t: f64,
}

impl Default for Fista {
    fn default() -> Self {
        Fista { engine: ForwardBackward::default(), t: 1.0 }
    }
}

impl Fista {
    /// The weight of `x - x_before` in the next point.
    fn momentum(&mut self) -> f64 {
        let ratio = self.engine.step / self.engine.next_step;
        let next = 0.5 * (1.0 + (1.0 + 4.0 * ratio * self.t * self.t).sqrt());
        let momentum = (self.t - 1.0) / next;
        self.t = next;
        momentum
    }
}

impl Method for Fista {
    fn name(&self) -> &'static str {
        "fista"
    }

    fn check(&self, _: &Objective) -> Result<()> {
        Ok(())
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.restart();
        self.engine.start(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        // x+ = prox(y - s g), backtracking on s.
        let taken = self.engine.take(problem, iterate)?;
        // Restart when the momentum did harm.
        if taken.against > 0.0 || taken.rose {
            self.restart();
        }
        // y+ = x+ + beta (x+ - x), and the gradient there.
        let momentum = self.momentum();
        self.engine.move_point(problem, iterate, momentum)?;
        Ok(Step::Moved { length: self.engine.step })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.engine.verify(problem, iterate)
    }

    fn restart(&mut self) {
        self.t = 1.0;
    }
}
