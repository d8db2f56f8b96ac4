//! The master's side of one round, as a state machine without I/O: `begin`, then `offer` replies until it is done, then
//! `close`. A carrier (simulated, TCP, later MPI) only moves frames and tells the time.
//!
//! What a round holds in the end depends on *which* replies were taken and on nothing else: not on the order they came
//! in, on duplicates, or on replies of other rounds. So the same arrival set gives the same bits on every carrier.

use super::gather::Gather;
use super::request::Request;
use crate::error::{Error, Result};

/// The answer to an offered reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Go on.
    NeedMore,
    /// The tasks of all who are not [`Round::present`] are to be started once more, on fresh workers; of each the reply that
    /// is offered first counts. Asked once a round, under [`Gather::Speculative`].
    Restart,
    /// Enough: later replies are late.
    Done,
}

/// One round's replies in one arena that is reused from round to round.
///
/// ```
/// use steadfast::data::Operand;
/// use steadfast::fleet::{Gather, Opcode, Progress, Request, Round};
/// let request = Request { round: 0, opcode: Opcode::Product, operand: Operand::ROWS, vectors: 1 };
/// let mut round = Round::new(3);
/// round.begin(&request, 2, Gather::First(2), &[f64::INFINITY; 3])?;
/// let never = |_: &[bool], _: &[bool]| false;
/// assert_eq!(round.offer(2, 0, &[5.0, 6.0], 0.1, &never)?, Progress::NeedMore);
/// assert_eq!(round.offer(0, 0, &[1.0, 2.0], 0.2, &never)?, Progress::Done);
/// assert_eq!(round.missing(), [1]);
/// assert_eq!(&round.arena()[4..], [5.0, 6.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Round {
    workers: usize,
    reply_len: usize,
    round: u64,
    gather: Gather,
    arena: Vec<f64>,
    present: Vec<bool>,
    implausible: Vec<bool>,
    late: Vec<bool>,
    /// Whose replies don't count, whenever they come.
    excluded: Vec<bool>,
    /// How many replies there can be: of the others.
    awaited: usize,
    caps: Vec<f64>,
    arrivals: usize,
    restarted: bool,
    done: bool,
    seconds: f64,
}

impl Round {
    /// The rounds of a fleet of `workers`.
    pub fn new(workers: usize) -> Self {
        Round {
            workers,
            reply_len: 0,
            round: 0,
            gather: Gather::All,
            arena: Vec::new(),
            present: vec![false; workers],
            implausible: vec![false; workers],
            late: vec![false; workers],
            excluded: vec![false; workers],
            awaited: workers,
            caps: vec![f64::INFINITY; workers],
            arrivals: 0,
            restarted: false,
            done: true,
            seconds: 0.0,
        }
    }

    /// Begins a round whose replies have `reply_len` numbers each. A reply whose Euclidean norm passes the worker's entry
    /// of `caps` is implausible: no honest worker could have sent it.
    ///
    /// # Errors
    /// [`Error::Usage`] unless there is one cap a worker and the gather policy is one that so many workers can meet.
    pub fn begin(&mut self, request: &Request, reply_len: usize, gather: Gather, caps: &[f64]) -> Result<()> {
        gather.check(self.workers)?;
        if caps.len() != self.workers {
            return Err(Error::usage("caps of a round", caps.len(), format!("{}, one a worker", self.workers)));
        }
        self.round = request.round;
        self.reply_len = reply_len;
        self.gather = gather;
        // Rounds of different lengths take turns: what a longer one left is not cleared for it to be written again.
        if self.arena.len() < self.workers * reply_len {
            self.arena.resize(self.workers * reply_len, 0.0);
        }
        for flags in [&mut self.present, &mut self.implausible, &mut self.late, &mut self.excluded] {
            flags.fill(false);
        }
        self.awaited = self.workers;
        self.caps.copy_from_slice(caps);
        self.arrivals = 0;
        self.restarted = false;
        self.done = false;
        self.seconds = 0.0;
        Ok(())
    }

    /// Has the round just begun take the replies of all but these workers, whatever its policy says: those that a recorded round
    /// took. It may end without them, where they don't come.
    ///
    /// # Errors
    /// [`Error::Usage`] for a worker that does not exist.
    pub fn replay(&mut self, missing: &[usize]) -> Result<()> {
        for &worker in missing {
            if worker >= self.workers {
                return Err(Error::usage("missing worker to replay", worker, format!("below {}", self.workers)));
            }
            self.excluded[worker] = true;
        }
        self.awaited = self.excluded.iter().filter(|&&out| !out).count();
        if !matches!(self.gather, Gather::Speculative(_)) {
            self.gather = Gather::First(self.awaited);
        }
        self.done = self.awaited == 0;
        Ok(())
    }

    /// Offers the reply of `worker` to round `round`, arrived `at` seconds after the round began. Replies must be offered
    /// in the order of their arrival. A worker's first reply counts; a second one is ignored, so that nobody can take back
    /// what it said.
    ///
    /// # Errors
    /// [`Error::Fleet`] for a worker that does not exist or a reply of the wrong length (a carrier turns it into an erasure).
    pub fn offer(
        &mut self,
        worker: usize,
        round: u64,
        values: &[impl Copy + Into<f64>],
        at: f64,
        decodable: &dyn Fn(&[bool], &[bool]) -> bool,
    ) -> Result<Progress> {
        if worker >= self.workers {
            return Err(Error::Fleet(format!("reply of worker {worker}; allowed: workers below {}", self.workers)));
        }
        if round != self.round || self.present[worker] {
            return Ok(self.progress());
        }
        if self.excluded[worker] {
            self.late[worker] = true;
            return Ok(self.progress());
        }
        if let Gather::Deadline(limit) = self.gather
            && at > limit
        {
            self.close(limit);
        }
        // Who answers at the very instant that decided the round was not slower than who decided it: in a fleet without
        // delays nobody would be late but for the order of the offers.
        if self.done && !(self.gather == Gather::Decodable && at <= self.seconds) {
            self.late[worker] = true;
            return Ok(Progress::Done);
        }
        if values.len() != self.reply_len {
            return Err(Error::Fleet(format!(
                "reply of worker {worker} with {} numbers; allowed: {}",
                values.len(),
                self.reply_len
            )));
        }
        let norm = take_in(values, &mut self.arena[worker * self.reply_len..(worker + 1) * self.reply_len]);
        self.implausible[worker] = !norm.is_finite() || norm > self.caps[worker];
        self.present[worker] = true;
        self.arrivals += 1;
        self.seconds = self.seconds.max(at);
        self.done |= match self.gather {
            Gather::All | Gather::Deadline(_) | Gather::Speculative(_) => self.arrivals == self.awaited,
            Gather::First(k) => self.arrivals >= k,
            Gather::Decodable => self.arrivals == self.workers || decodable(&self.present, &self.implausible),
        };
        match self.gather {
            // Less than a rounding of the product below a whole number of workers is that number.
            Gather::Speculative(wait) if self.arrivals as f64 >= wait * self.workers as f64 - 1e-9 => {
                Ok(self.restart())
            }
            _ => Ok(self.progress()),
        }
    }

    /// Tells the round that it is `at` now and no reply is on its way: those not heard of are dead, and a speculative round
    /// waits no longer to start their tasks again.
    pub fn idle(&mut self, at: f64) -> Progress {
        let Gather::Speculative(_) = self.gather else { return self.progress() };
        if !self.done {
            self.seconds = self.seconds.max(at);
        }
        self.restart()
    }

    /// Asks for the restart, once.
    fn restart(&mut self) -> Progress {
        if self.done || std::mem::replace(&mut self.restarted, true) {
            return self.progress();
        }
        Progress::Restart
    }

    /// Ends the round: it is `at` now, and nothing more will come, or nobody waits longer. A round with a deadline ends at
    /// its deadline at the latest.
    pub fn close(&mut self, at: f64) {
        if !self.done {
            let limit = if let Gather::Deadline(limit) = self.gather { limit } else { f64::INFINITY };
            self.seconds = self.seconds.max(at).min(limit);
            self.done = true;
        }
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Done } else { Progress::NeedMore }
    }

    /// Number of the round.
    pub fn number(&self) -> u64 {
        self.round
    }

    /// The policy it was begun with.
    pub fn gather(&self) -> Gather {
        self.gather
    }

    /// m.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Reply of every worker, one after the other; those of absent workers hold anything.
    pub fn arena(&self) -> &[f64] {
        &self.arena[..self.workers * self.reply_len]
    }

    /// Numbers in one reply.
    pub fn reply_len(&self) -> usize {
        self.reply_len
    }

    /// Whose reply came in time.
    pub fn present(&self) -> &[bool] {
        &self.present
    }

    /// Whose reply can't be honest on its face.
    pub fn implausible(&self) -> &[bool] {
        &self.implausible
    }

    /// Whose reply came, but too late to be used.
    pub fn late(&self) -> &[bool] {
        &self.late
    }

    /// Workers whose reply did not come in time, ascending.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.workers).filter(|&i| !self.present[i]).collect()
    }

    /// How long it took, in the carrier's seconds.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// True when it has heard enough or was closed (and before the first round).
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// Copies a reply to its place and returns its Euclidean norm.
fn take_in(values: &[impl Copy + Into<f64>], place: &mut [f64]) -> f64 {
    let squares = pulp::Arch::new().dispatch(TakeIn { values, place });
    root(squares, place)
}

/// The copy and its sum of squares, block by block while a block is in the nearest cache, compiled for the vector unit at hand.
struct TakeIn<'a, T> {
    values: &'a [T],
    place: &'a mut [f64],
}

impl<T: Copy + Into<f64>> pulp::WithSimd for TakeIn<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        let mut squares = 0.0;
        for (place, values) in self.place.chunks_mut(BLOCK).zip(self.values.chunks(BLOCK)) {
            place.iter_mut().zip(values).for_each(|(to, from)| *to = (*from).into());
            squares += sum_of_squares(place, 1.0);
        }
        squares
    }
}

/// Numbers summed before the sum joins those of the other blocks.
const BLOCK: usize = 256;

/// Sum of squares of `scale` times a block, in eight partial sums.
#[inline(always)]
fn sum_of_squares(block: &[f64], scale: f64) -> f64 {
    let mut sums = [0.0; 8];
    let (eights, rest) = block.as_chunks::<8>();
    for eight in eights {
        for (sum, x) in sums.iter_mut().zip(eight) {
            *sum += (x * scale) * (x * scale);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += (x * scale) * (x * scale);
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// Euclidean norm by blocks, scaled only where the plain sum of squares leaves the normal range of `f64`. NaN where an
/// entry is NaN.
pub(super) fn norm(values: &[f64]) -> f64 {
    root(squares(values, 1.0), values)
}

/// Sum of squares of `scale` times the values.
fn squares(values: &[f64], scale: f64) -> f64 {
    values.chunks(BLOCK).map(|block| sum_of_squares(block, scale)).sum()
}

/// The root of the values' sum of squares `plain`, taken again with a scale where that left the normal range.
fn root(plain: f64, values: &[f64]) -> f64 {
    if plain.is_normal() {
        return plain.sqrt();
    }
    if values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let largest = values.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    // A power of two is exact; the clamp keeps it finite for subnormal numbers.
    let scale = (-largest.log2().floor()).clamp(-1000.0, 1000.0).exp2();
    squares(values, scale).sqrt() / scale
}

#[cfg(test)]
mod tests {
    use super::norm;

    #[test]
    fn the_norm_neither_overflows_nor_loses_small_numbers() {
        // Two squares, their sum and a root: at most 4 roundings.
        let close = |got: f64, want: f64| assert!((got / want - 1.0).abs() <= 4.0 * f64::EPSILON, "{got} {want}");
        close(norm(&[3.0, -4.0]), 5.0);
        close(norm(&[3e200, 4e200]), 5e200);
        close(norm(&[3e-200, 4e-200]), 5e-200);
        assert_eq!(norm(&[]), 0.0);
        assert_eq!(norm(&[0.0; 3]), 0.0);
        assert_eq!(norm(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
        assert!(norm(&[f64::INFINITY, f64::NAN, 1.0]).is_nan());
    }
}
