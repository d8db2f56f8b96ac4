//! A problem's Hessians: formed by workers, or only multiplied with.

use super::Problem;
use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::objective::CurvatureForm;
use crate::oracle::{HessianOracle, HessianRound};

pub(super) struct HessianRef<'a>(pub(super) &'a mut dyn HessianOracle);

impl std::fmt::Debug for HessianRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HessianOracle")
    }
}

impl Problem<'_> {
    /// Whether Hessians are formed; else they can only be multiplied with.
    pub fn forms_hessian(&self) -> bool {
        self.hessian.is_some()
    }

    /// The Hessian of the smooth part at the iterate, exact or sketched, into `out` (K d x K d, symmetric): one round.
    ///
    /// # Errors
    /// As [`HessianOracle::hessian`]; [`Error::Usage`] without such an oracle, or for a loss whose second derivatives have no
    /// form that workers know.
    pub fn hessian(&mut self, iterate: &Iterate, out: &mut [f64]) -> Result<HessianRound> {
        let form = self.objective.curvature(&iterate.margins, self.labels, &mut self.curvature);
        let (Some(oracle), Some(form)) = (&mut self.hessian, form) else {
            return Err(Error::usage(
                format!("the Hessian of loss {}", self.objective.loss.id().name),
                "no way to form it",
                "a loss with a curvature form and an oracle for it",
            ));
        };
        let round = oracle.0.hessian(form, &self.curvature, out)?;
        self.keep_hessian(round, out);
        Ok(round)
    }

    /// The Hessian that was asked for last from whole blocks of its sketch alone: as [`HessianOracle::whole`].
    ///
    /// # Errors
    /// As [`HessianOracle::whole`]; [`Error::Usage`] when none was asked for.
    pub fn whole_hessian(&mut self, out: &mut [f64]) -> Result<HessianRound> {
        let (Some(oracle), Some(form)) = (&mut self.hessian, self.objective.loss.curvature_form()) else {
            return Err(Error::usage("whole blocks", "no Hessian", "one that was asked for before"));
        };
        let round = oracle.0.whole(form, out)?;
        self.keep_hessian(round, out);
        Ok(round)
    }

    /// Counts a Hessian and adds its l2 term.
    fn keep_hessian(&mut self, round: HessianRound, out: &mut [f64]) {
        self.tally.seconds += round.seconds;
        self.last_hessian = Some(round);
        let width = self.dimension();
        let d = self.oracle.0.cols();
        let penalized = d - usize::from(self.objective.intercept);
        for i in (0..width).filter(|i| i % d < penalized) {
            out[i * width + i] += self.objective.l2;
        }
    }

    /// `X diag(weights) X'`, exact or sketched over the columns (d weights), into `out` (n x n, symmetric): one round of an oracle
    /// that holds X'.
    ///
    /// # Errors
    /// As [`HessianOracle::hessian`]; [`Error::Usage`] without such an oracle.
    pub fn dual_hessian(&mut self, weights: &[f64], out: &mut [f64]) -> Result<HessianRound> {
        let Some(oracle) = &mut self.hessian else {
            return Err(Error::usage("a Hessian in the rows' space", "no way to form it", "an oracle that holds X'"));
        };
        // The oracle divides by its number of rows.
        let rows = weights.len() as f64;
        self.curvature.clear();
        self.curvature.extend(weights.iter().map(|w| rows * w));
        let round = oracle.0.hessian(CurvatureForm::Scalar, &self.curvature, out)?;
        self.tally.seconds += round.seconds;
        self.last_hessian = Some(round);
        Ok(round)
    }

    /// The exact Hessian of the smooth part at the iterate times `direction`, into `out` (K d): two rounds. `margins` holds
    /// n K numbers.
    ///
    /// # Errors
    /// As [`Problem::margins`].
    pub fn hessian_product(
        &mut self,
        iterate: &Iterate,
        direction: &[f64],
        margins: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.margins(direction, margins)?;
        self.curvature.resize(margins.len(), 0.0);
        let mut residuals = std::mem::take(&mut self.curvature);
        self.objective.hessian_residuals(&iterate.margins, self.labels, margins, &mut residuals);
        let done = self.pullback(&residuals, out);
        self.curvature = residuals;
        self.objective.add_l2_gradient(direction, out);
        done
    }

    /// Doubles the sketch, where there is one.
    pub fn grow_sketch(&mut self) {
        if let Some(oracle) = &mut self.hessian {
            oracle.0.grow();
        }
    }
}
