//! Gradient coding (Tandon, Lei, Dimakis and Karampatziakis, ICML 2017): exact whatever s workers are missing, and helpless against
//! liars.

use nalgebra::{DMatrix, DVector};
use rand_distr::{Distribution, StandardNormal};

use super::vote::Groups;
use super::{AssignmentCode, GradientReplies};
use crate::coding::{Certainty, Report, Tolerance};
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// Every worker has s + 1 of m parts, so the redundancy is s + 1; any m - s replies bring the whole gradient.
///
/// *Repetition* (section 3.1): groups of s + 1 hold the same parts and send their sum; the first of each group speaks for it. It
/// needs s + 1 to divide m. *Cyclic* (section 3.2, algorithms 1 and 2): worker i has the parts i to i + s, with coefficients that
/// are orthogonal to s random vectors as all ones are, so that any m - s rows span these.
///
/// A reply that is no number counts as missing. Reports are [`Certainty::Uncertified`] with an infinite bound: other lies can't be
/// seen.
///
/// ```
/// use steadfast::coding::{AssignmentCode, GradientCoding, Tolerance};
/// use steadfast::seed::Seed;
/// let two_late = Tolerance { liars: 0, stragglers: 2 };
/// let code = GradientCoding::cyclic(7, two_late, Seed(1))?;
/// assert_eq!(code.redundancy(), 3.0);
/// assert!(GradientCoding::repetition(7, two_late).is_err()); // 3 does not divide 7
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GradientCoding {
    workers: usize,
    tolerance: Tolerance,
    layout: Layout,
}

#[derive(Debug, Clone)]
enum Layout {
    Repetition(Groups),
    /// Of every worker, its parts.
    Cyclic(Vec<Vec<(usize, f64)>>),
}

fn check(workers: usize, tolerance: Tolerance) -> Result<()> {
    let Tolerance { liars, stragglers } = tolerance;
    if liars > 0 || stragglers >= workers {
        return Err(Error::usage(
            format!("gradient-coding on {workers} workers"),
            tolerance,
            format!("no liars (draco for them) and at most {} stragglers", workers.saturating_sub(1)),
        ));
    }
    Ok(())
}

impl GradientCoding {
    /// Fractional repetition on m `workers`.
    ///
    /// # Errors
    /// [`Error::Usage`] for liars, m or more stragglers, and where s + 1 does not divide m.
    pub fn repetition(workers: usize, tolerance: Tolerance) -> Result<Self> {
        check(workers, tolerance)?;
        let groups = Groups::new("gradient-coding:layout=repetition", workers, tolerance.stragglers + 1)?;
        Ok(GradientCoding { workers, tolerance, layout: Layout::Repetition(groups) })
    }

    /// The cyclic scheme on m `workers`, its random vectors drawn from `seed`.
    ///
    /// # Errors
    /// [`Error::Usage`] for liars, and for m or more stragglers; [`Error::Numerical`] when the draw is singular.
    pub fn cyclic(workers: usize, tolerance: Tolerance, seed: Seed) -> Result<Self> {
        check(workers, tolerance)?;
        let s = tolerance.stragglers;
        let stream = &mut seed.stream(Purpose::Code, 0, 0);
        let mut random = DMatrix::from_fn(s, workers, |_, _| Distribution::<f64>::sample(&StandardNormal, stream));
        // Rows that sum to 0, so that all ones are orthogonal to them, too.
        for mut row in random.row_iter_mut() {
            let others: f64 = row.iter().take(workers - 1).sum();
            row[workers - 1] = -others;
        }
        let assigned = (0..workers).map(|i| {
            let parts: Vec<usize> = (0..=s).map(|j| (i + j) % workers).collect();
            // The first coefficient is 1; the others take its column out of the sum.
            let own = -random.column(parts[0]);
            let others =
                if s == 0 { Some(DVector::zeros(0)) } else { random.select_columns(&parts[1..]).lu().solve(&own) };
            let others = others.ok_or_else(|| Error::Numerical("gradient coding drew a singular matrix".into()))?;
            Ok(parts.into_iter().zip(std::iter::once(1.0).chain(others.iter().copied())).collect())
        });
        Ok(GradientCoding { workers, tolerance, layout: Layout::Cyclic(assigned.collect::<Result<_>>()?) })
    }

    /// Weights of the replies of the `usable` workers, so that they add up to the sum of the parts.
    fn decoding(&self, assigned: &[Vec<(usize, f64)>], usable: &[usize]) -> Result<Vec<f64>> {
        let mut columns = DMatrix::zeros(self.workers, usable.len());
        for (at, &worker) in usable.iter().enumerate() {
            assigned[worker].iter().for_each(|&(part, weight)| columns[(part, at)] = weight);
        }
        let ones = DVector::from_element(self.workers, 1.0);
        let failed = || Error::Numerical("gradient coding: the decoding weights were not found".into());
        let svd = columns.clone().try_svd(true, true, f64::EPSILON, 10_000).ok_or_else(failed)?;
        let weights = svd.solve(&ones, 1e-12).map_err(|_| failed())?;
        // A wrong weight would be a wrong gradient: the equations have a solution, so what is left is rounding.
        let left = (&columns * &weights - ones).norm();
        let size = columns.norm() * weights.norm() + (self.workers as f64).sqrt();
        if left > 1e3 * f64::EPSILON * size { Err(failed()) } else { Ok(weights.iter().copied().collect()) }
    }
}

impl AssignmentCode for GradientCoding {
    fn name(&self) -> String {
        match self.layout {
            Layout::Repetition(_) => "gradient-coding:layout=repetition".into(),
            Layout::Cyclic(_) => "gradient-coding:layout=cyclic".into(),
        }
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn parts(&self) -> usize {
        self.workers
    }

    fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    fn assigned(&self, worker: usize, _plane: usize) -> &[(usize, f64)] {
        match &self.layout {
            Layout::Repetition(groups) => groups.assigned(worker),
            Layout::Cyclic(assigned) => &assigned[worker],
        }
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn decodable(&self, present: &[bool]) -> bool {
        match &self.layout {
            Layout::Repetition(groups) => (0..groups.count()).all(|g| groups.members(g).any(|i| present[i])),
            Layout::Cyclic(_) => present.iter().filter(|&&there| !there).count() <= self.tolerance.stragglers,
        }
    }

    fn combine(&self, replies: &GradientReplies<'_>, out: &mut [f64]) -> Result<Report> {
        replies.check(self, out)?;
        let liars = replies.named();
        let usable: Vec<bool> = (0..self.workers).map(|i| replies.usable(i)).collect();
        if !self.decodable(&usable) {
            return Err(replies.refuse(self, "too few replies came that are numbers", liars));
        }
        let weighted: Vec<(usize, f64)> = match &self.layout {
            Layout::Repetition(groups) => {
                let first = |group| groups.members(group).find(|&i| usable[i]);
                (0..groups.count()).filter_map(first).map(|i| (i, 1.0)).collect()
            }
            Layout::Cyclic(assigned) => {
                let heard: Vec<usize> = (0..self.workers).filter(|&i| usable[i]).collect();
                let weights = self.decoding(assigned, &heard)?;
                heard.into_iter().zip(weights).collect()
            }
        };
        out.fill(0.0);
        for (worker, weight) in weighted {
            out.iter_mut().zip(replies.row(worker)).for_each(|(sum, g)| *sum += weight * g);
        }
        out.iter_mut().for_each(|sum| *sum /= self.workers as f64);
        Ok(Report {
            erased: replies.absent(),
            liars,
            residual: 0.0,
            noise: 0.0,
            bound: f64::INFINITY,
            certainty: Certainty::Uncertified,
        })
    }
}
