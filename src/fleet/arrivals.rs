//! Which replies counted in each round of a run. A run's numbers depend on these sets and on nothing else of its timing, so that
//! a run with real delays can be had again, bit for bit, on any carrier.

use crate::error::{Error, Result};

/// Whose replies were missing, round by round, from round 0 on.
///
/// ```
/// use steadfast::fleet::Arrivals;
/// let mut arrivals = Arrivals::default();
/// arrivals.push(vec![]);
/// arrivals.push(vec![2, 5]);
/// assert_eq!(arrivals.missing_of(1), Some(&[2, 5][..]));
/// assert_eq!(arrivals.missing_of(0), Some(&[][..]));
/// assert_eq!(arrivals.missing_of(2), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    rounds: u64,
    /// Of the rounds in which someone was missing, ascending.
    missing: Vec<(u64, Vec<usize>)>,
}

impl Arrivals {
    /// Those of a record: `rounds` rounds of `workers` workers, and of each round in which someone was missing its number and
    /// who was, ascending.
    ///
    /// # Errors
    /// [`Error::Usage`] for rounds out of order or beyond the last, and workers that there are not.
    pub fn of_record(workers: usize, rounds: u64, missing: Vec<(u64, Vec<usize>)>) -> Result<Self> {
        let mut next = 0;
        for (round, absent) in &missing {
            if *round < next || *round >= rounds {
                let allowed = format!("ascending numbers below {rounds}");
                return Err(Error::usage("rounds of recorded arrivals", round, allowed));
            }
            if let Some(stranger) = absent.iter().find(|&&worker| worker >= workers) {
                return Err(Error::usage("workers of recorded arrivals", stranger, format!("below {workers}")));
            }
            next = round + 1;
        }
        Ok(Arrivals { rounds, missing })
    }

    /// Adds the next round.
    pub fn push(&mut self, missing: Vec<usize>) {
        if !missing.is_empty() {
            self.missing.push((self.rounds, missing));
        }
        self.rounds += 1;
    }

    /// Whose replies were missing in a round; `None` where it was not recorded.
    pub fn missing_of(&self, round: u64) -> Option<&[usize]> {
        if round >= self.rounds {
            return None;
        }
        let place = self.missing.binary_search_by_key(&round, |(number, _)| *number);
        Some(place.map_or(&[], |at| &self.missing[at].1))
    }

    /// Rounds recorded.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The rounds in which someone was missing, and who.
    pub fn missing(&self) -> &[(u64, Vec<usize>)] {
        &self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    #[test]
    fn records_that_no_run_can_leave_are_refused() {
        let of = |missing: &[(u64, Vec<usize>)]| Arrivals::of_record(4, 10, missing.to_vec());
        assert!(of(&[(0, vec![3]), (9, vec![0, 1])]).is_ok());
        for (bad, word) in [
            (vec![(3, vec![1]), (3, vec![2])], "ascending"),
            (vec![(10, vec![1])], "below 10"),
            (vec![(1, vec![4])], "below 4"),
        ] {
            let error = of(&bad).unwrap_err();
            assert_eq!(error.exit_status(), 2);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
