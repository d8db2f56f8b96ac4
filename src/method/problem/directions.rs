//! Local directions for a problem: what GIANT asks for beside certified products.

use super::Problem;
use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::oracle::{DirectionOracle, PointCurvature};

pub(super) struct DirectionRef<'a>(pub(super) &'a mut dyn DirectionOracle);

impl std::fmt::Debug for DirectionRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DirectionOracle")
    }
}

impl<'a> Problem<'a> {
    /// With an oracle of averaged local directions, for methods that want one.
    pub fn with_directions(mut self, oracle: Option<&'a mut dyn DirectionOracle>) -> Self {
        self.directions = oracle.map(DirectionRef);
        self
    }

    /// The average of the local Newton directions at the iterate, into `out` (K d): one round.
    ///
    /// # Errors
    /// As [`DirectionOracle::direction`]; [`Error::Usage`] without such an oracle, or for a loss whose second derivatives have
    /// no form that workers know.
    pub fn local_direction(&mut self, iterate: &Iterate, out: &mut [f64]) -> Result<()> {
        let form = self.objective.curvature(&iterate.margins, self.labels, &mut self.curvature);
        let (Some(oracle), Some(form)) = (&mut self.directions, form) else {
            return Err(Error::usage(
                format!("local directions for loss {}", self.objective.loss.id().name),
                "no way to form them",
                "a loss with a curvature form and an oracle for it",
            ));
        };
        let penalized = self.oracle.0.cols() - usize::from(self.objective.intercept);
        let curvature = PointCurvature { form, numbers: &self.curvature, l2: self.objective.l2, penalized };
        let round = oracle.0.direction(&curvature, &iterate.gradient, out)?;
        self.tally.seconds += round.seconds;
        Ok(())
    }
}
