//! Which worker holds which rows of an encoded matrix, and with what weight its reply counts.

use std::sync::Arc;

use rand::seq::SliceRandom;

use super::{Copies, Frame};
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// The rows of a frame, permuted at random and dealt to m workers in parts of equal size up to one row. Without the permutation whole
/// parts of the data would hang on few workers: the smallest eigenvalue over subsets of a Steiner frame is then 0.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::coding::{Encoding, Steiner};
/// use steadfast::seed::Seed;
/// let encoding = Encoding::new(Arc::new(Steiner::new(120)?), 8, Seed(1))?;
/// let spectrum = encoding.spectrum(7, 60, Seed(1))?;
/// // All 8 ways to lose one worker: much of every direction is left.
/// assert!(spectrum.exhaustive && spectrum.smallest > 0.1 && spectrum.largest < 1.2);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Encoding {
    frame: Arc<dyn Frame>,
    /// Of each worker.
    rows: Vec<Vec<usize>>,
    /// The part of the rows that each worker holds, where parts are copied as they are.
    parts: Option<Vec<usize>>,
}

impl Encoding {
    /// Deals the rows of `frame` to m `workers`.
    ///
    /// # Errors
    /// [`Error::Usage`] for no workers, or more than rows.
    pub fn new(frame: Arc<dyn Frame>, workers: usize, seed: Seed) -> Result<Self> {
        let count = frame.rows();
        check_workers(workers, count)?;
        let order = permutation(count, seed);
        let deal = |i: usize| order[count * i / workers..count * (i + 1) / workers].to_vec();
        Ok(Encoding { frame, rows: (0..workers).map(deal).collect(), parts: None })
    }

    /// Deals whole parts of the rows, each to as many workers as there are copies: worker i holds part i modulo their number.
    ///
    /// # Errors
    /// [`Error::Usage`] where the copies don't divide the workers, or there are more parts than rows.
    pub fn of_copies(frame: Copies, workers: usize, seed: Seed) -> Result<Self> {
        let (n, copies) = (frame.columns(), frame.copies());
        if workers == 0 || !workers.is_multiple_of(copies) {
            let allowed = format!("a multiple of the {copies} copies");
            return Err(Error::usage("workers with replication", workers, allowed));
        }
        let parts = workers / copies;
        check_workers(parts, n)?;
        let order = permutation(n, seed);
        let part = |i: usize| i % parts;
        let deal = |i: usize| {
            let copy = i / parts * n;
            order[n * part(i) / parts..n * (part(i) + 1) / parts].iter().map(|row| copy + row).collect()
        };
        let rows = (0..workers).map(deal).collect();
        Ok(Encoding { frame: Arc::new(frame), rows, parts: Some((0..workers).map(part).collect()) })
    }

    /// The frame.
    pub fn frame(&self) -> &dyn Frame {
        &*self.frame
    }

    /// m.
    pub fn workers(&self) -> usize {
        self.rows.len()
    }

    /// The rows of `worker`, in the order of its shard.
    pub fn rows_of(&self, worker: usize) -> &[usize] {
        &self.rows[worker]
    }

    /// How many rows all workers hold together.
    pub fn row_count(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// The fewest workers whose rows are at least as many as those of the data: with fewer some direction of the data is lost.
    pub fn fewest(&self) -> usize {
        let largest = self.rows.iter().map(Vec::len).max().unwrap_or(1);
        self.frame.columns().div_ceil(largest).min(self.workers())
    }

    /// Refuses a number of first replies that the workers don't have, or that leaves fewer rows than the data had (unless
    /// `uncertified`: with l2 there is an answer all the same).
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check_first(&self, first: usize, uncertified: bool) -> Result<()> {
        let (m, fewest) = (self.workers(), self.fewest());
        if first == 0 || first > m {
            return Err(Error::usage("gather first:k", first, format!("1 to {m}, the number of workers")));
        }
        if first < fewest && !uncertified {
            let name = self.frame.name();
            let allowed = format!(
                "{fewest} to {m}: with fewer of {m} workers the rows left by {name} (redundancy {:.2}) are fewer than the data's, \
                 which --uncertified allows",
                self.frame.redundancy()
            );
            return Err(Error::usage("gather first:k", first, allowed));
        }
        Ok(())
    }

    /// The factors c of the workers' sums, so that `sum_i c_i S_i'S_i` is the identity where all are present and near it where most
    /// are: `m / (beta |A|)` by the number of rows; of plain copies each part counts once, split among its copies. Zeros for who is
    /// missing, and for all if nobody is there.
    pub fn weights(&self, present: &[bool]) -> Vec<f64> {
        let count = |i: usize| self.rows[i].len() as f64;
        let live = || (0..self.workers()).filter(|&i| present[i]);
        let Some(parts) = &self.parts else {
            let rows: f64 = live().map(count).sum();
            let factor = self.row_count() as f64 / (self.frame.redundancy() * rows);
            return present.iter().map(|&there| if there { factor } else { 0.0 }).collect();
        };
        let mut copies = vec![0.0; self.workers()];
        live().for_each(|i| copies[parts[i]] += 1.0);
        let rows: f64 = (0..self.workers()).filter(|&part| copies[part] > 0.0).map(count).sum();
        let factor = self.frame.columns() as f64 / rows;
        (0..self.workers()).map(|i| if present[i] { factor / copies[parts[i]] } else { 0.0 }).collect()
    }
}

fn check_workers(workers: usize, rows: usize) -> Result<()> {
    if (1..=rows).contains(&workers) {
        return Ok(());
    }
    Err(Error::usage("workers", workers, format!("1 to {rows}, the encoded rows")))
}

fn permutation(count: usize, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut seed.stream(Purpose::Code, 1, 0));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::FastFrame;

    #[test]
    fn every_row_is_dealt_once_and_weights_add_up_to_the_identity() {
        let frame = FastFrame::hadamard(37, Seed(3)).unwrap();
        let encoding = Encoding::new(Arc::new(frame), 5, Seed(3)).unwrap();
        let mut all: Vec<usize> = (0..5).flat_map(|i| encoding.rows_of(i).to_vec()).collect();
        assert_ne!(all[..26], (0..26).collect::<Vec<_>>(), "not permuted");
        all.sort_unstable();
        assert_eq!(all, (0..128).collect::<Vec<_>>());
        // Two roundings.
        let all = encoding.weights(&[true; 5])[0] * encoding.frame().redundancy();
        assert!((all - 1.0).abs() < 4.0 * f64::EPSILON, "{all}");
        assert_eq!(encoding.fewest(), 2);
    }

    #[test]
    fn a_part_with_two_copies_counts_once() {
        let encoding = Encoding::of_copies(Copies::new(8, 2).unwrap(), 4, Seed(0)).unwrap();
        let mut same = [encoding.rows_of(0).to_vec(), encoding.rows_of(2).iter().map(|r| r - 8).collect()];
        same.iter_mut().for_each(|rows| rows.sort_unstable());
        assert_eq!(same[0], same[1]);
        assert_eq!(encoding.weights(&[true; 4]), [0.5; 4]);
        assert_eq!(encoding.weights(&[true, true, true, false]), [0.5, 1.0, 0.5, 0.0]);
        // One part of two is lost: the other stands for both.
        assert_eq!(encoding.weights(&[true, false, true, false]), [1.0, 0.0, 1.0, 0.0]);
        assert!(Encoding::of_copies(Copies::new(8, 2).unwrap(), 5, Seed(0)).is_err());
    }

    #[test]
    fn too_few_and_too_many_first_replies_are_refused() {
        let frame = FastFrame::hadamard(64, Seed(3)).unwrap();
        let encoding = Encoding::new(Arc::new(frame), 8, Seed(3)).unwrap();
        assert!(encoding.check_first(9, false).unwrap_err().to_string().contains("1 to 8"));
        assert!(encoding.check_first(0, true).is_err());
        assert!(encoding.check_first(3, false).unwrap_err().to_string().contains("4 to 8"));
        assert!(encoding.check_first(3, true).is_ok() && encoding.check_first(4, false).is_ok());
    }
}
