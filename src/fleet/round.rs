//! The master's side of one round, as a state machine without I/O: `begin`, then `offer` replies until it is done, then
//! `close`. A carrier (simulated, TCP, later MPI) only moves frames and tells the time.

use super::request::Request;
use crate::error::{Error, Result};

/// When a round has heard enough.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gather {
    /// All workers (those that can still answer).
    All,
    /// The first k replies.
    First(usize),
    /// As soon as the code can decode with its promised certainty.
    Decodable,
    /// Whatever came within so many seconds (virtual in a simulated fleet, wall time in a real one).
    Deadline(f64),
}

/// The answer to an offered reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Go on.
    NeedMore,
    /// Enough: later replies are late.
    Done,
}

/// One round's replies in one arena that is reused from round to round.
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
    caps: Vec<f64>,
    arrivals: usize,
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
            caps: vec![f64::INFINITY; workers],
            arrivals: 0,
            done: false,
            seconds: 0.0,
        }
    }

    /// Begins a round whose replies have `reply_len` numbers each. A reply whose norm passes the worker's entry of `caps`
    /// is implausible.
    pub fn begin(&mut self, request: &Request, reply_len: usize, gather: Gather, caps: &[f64]) {
        self.round = request.round;
        self.reply_len = reply_len;
        self.gather = gather;
        self.arena.resize(self.workers * reply_len, 0.0);
        for flags in [&mut self.present, &mut self.implausible, &mut self.late] {
            flags.fill(false);
        }
        self.caps.copy_from_slice(caps);
        self.arrivals = 0;
        self.done = false;
        self.seconds = 0.0;
    }

    /// Offers the reply of `worker` to round `round`, arrived `at` seconds after the round began. Replies must be offered
    /// in the order of their arrival.
    ///
    /// # Errors
    /// [`Error::Fleet`] for a worker that does not exist or a reply of the wrong length (a carrier turns it into an erasure).
    pub fn offer(
        &mut self,
        worker: usize,
        round: u64,
        values: &[f64],
        at: f64,
        decodable: &dyn Fn(&[bool], &[bool]) -> bool,
    ) -> Result<Progress> {
        if worker >= self.workers || values.len() != self.reply_len {
            return Err(Error::Fleet(format!(
                "reply of worker {worker} with {} numbers; allowed: workers below {} and {} numbers",
                values.len(),
                self.workers,
                self.reply_len
            )));
        }
        let past_deadline = matches!(self.gather, Gather::Deadline(limit) if at > limit);
        if self.done || round != self.round || past_deadline {
            self.late[worker] |= round == self.round;
            return Ok(if self.done || past_deadline { Progress::Done } else { Progress::NeedMore });
        }
        if self.present[worker] {
            return Ok(Progress::NeedMore);
        }
        self.arena[worker * self.reply_len..(worker + 1) * self.reply_len].copy_from_slice(values);
        let square: f64 = values.chunks(64).map(|c| c.iter().map(|x| x * x).sum::<f64>()).sum();
        // A NaN anywhere makes the comparison false, an infinity makes it false too.
        self.implausible[worker] = !(square.is_finite() && square.sqrt() <= self.caps[worker]);
        self.present[worker] = true;
        self.arrivals += 1;
        self.seconds = at;
        self.done = match self.gather {
            Gather::All => self.arrivals == self.workers,
            Gather::First(k) => self.arrivals >= k,
            Gather::Decodable => decodable(&self.present, &self.implausible),
            Gather::Deadline(_) => self.arrivals == self.workers,
        };
        Ok(if self.done { Progress::Done } else { Progress::NeedMore })
    }

    /// Ends the round: nothing more can come before `at`.
    pub fn close(&mut self, at: f64) {
        if !self.done {
            self.seconds = match self.gather {
                Gather::Deadline(limit) => limit,
                _ => self.seconds.max(at),
            };
            self.done = true;
        }
    }

    /// Reply of every worker, one after the other; those of absent workers hold anything.
    pub fn arena(&self) -> &[f64] {
        &self.arena
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

    /// Workers whose reply did not come in time, ascending.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.workers).filter(|&i| !self.present[i]).collect()
    }

    /// How long it took, in the carrier's seconds.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// True when it has heard enough or was closed.
    pub fn is_done(&self) -> bool {
        self.done
    }
}
