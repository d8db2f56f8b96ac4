//! The master's side of the loopback carrier: rounds over real connections.

use std::collections::VecDeque;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::Welcome;
use super::invitation::Invitation;
use super::link::{Event, Link, Shared};
use super::options::TcpOptions;
use super::peer::{Peer, Unanswered, WINDOW};
use super::shards::{Description, for_each_part};
use super::start::{Joined, gather_workers};
use crate::data::{Growth, Matrix, Operand, ShardGrowth, ShardSink};
use crate::error::{Error, Result};
use crate::fleet::fault::Faults;
use crate::fleet::frames::{self, EVERYBODY, Header, Kind};
use crate::fleet::request::Request;
use crate::fleet::round::Round;
use crate::fleet::worker::{ShardTable, check_round};
use crate::fleet::{Counters, Fleet, Gather};
use crate::scalar::{Element, Precision};

/// Why a worker is lost that does not read its shard.
const NOT_TAKEN: &str = "it does not take its shard";

/// Workers in processes of their own on this machine, each with its own device. See the [module](super) for the rules.
pub struct TcpFleet<T: Element> {
    // Dropped first: readers that wait to report something end.
    events: Option<Receiver<Event>>,
    peers: Vec<Peer>,
    children: Vec<Child>,
    faults: Faults,
    options: TcpOptions,
    shards: ShardTable,
    counters: Counters,
    reply_limit: Arc<AtomicU64>,
    /// The request frame, reused when all writers are through with it.
    frame: Arc<Vec<u8>>,
    numbers: Vec<T::Acc>,
}

impl<T: Element> TcpFleet<T> {
    /// Starts the workers that `faults` was planned for and waits until all have joined. `launch` starts one worker; it
    /// gives back the child process, or `None` where the worker is none (a thread, say).
    ///
    /// ```no_run
    /// use std::process::Command;
    /// use steadfast::fleet::{Faults, TcpFleet, TcpOptions};
    /// let program = std::env::current_exe().unwrap();
    /// let fleet = TcpFleet::<f64>::start(Faults::none(15), TcpOptions::default(), &mut |invitation| {
    ///     let mut command = Command::new(&program);
    ///     command.arg("worker");
    ///     invitation.give(&mut command).spawn().map(Some)
    /// })?;
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Fleet`] when it can't listen, a worker can't be started, ends before it joins, or does not join in time.
    pub fn start(
        faults: Faults,
        options: TcpOptions,
        launch: &mut dyn FnMut(&Invitation) -> std::io::Result<Option<Child>>,
    ) -> Result<Self> {
        faults.refuse_apart()?;
        let workers = faults.workers();
        let welcome = Welcome {
            precision: T::PRECISION,
            idle_seconds: options.idle.as_secs_f64(),
            faults: faults.plan().clone(),
        };
        let welcome = serde_json::to_vec(&welcome).map_err(|e| Error::Fleet(format!("can't write a welcome: {e}")))?;
        let welcome = Arc::new(frames::encode(Header { kind: Kind::Welcome, worker: EVERYBODY, round: 0 }, &welcome));
        let Joined { streams, children } = gather_workers(workers, options.start, launch)?;
        // Room for what usually comes while nobody looks; a reader with more than that waits.
        let (send, events) = sync_channel(4 * workers);
        let reply_limit = Arc::new(AtomicU64::new(0));
        // From here on dropping the fleet cleans up.
        let mut fleet = TcpFleet {
            events: Some(events),
            peers: Vec::with_capacity(workers),
            children,
            options,
            shards: ShardTable::new(workers),
            counters: Counters::default(),
            reply_limit: Arc::clone(&reply_limit),
            frame: Arc::default(),
            numbers: Vec::new(),
            faults,
        };
        for (worker, stream) in streams.into_iter().enumerate() {
            let shared = Shared {
                events: send.clone(),
                witness: fleet.faults.witness().clone(),
                reply_limit: Arc::clone(&reply_limit),
            };
            let link = Link::start::<T::Acc>(worker, stream, shared)
                .map_err(|e| Error::Fleet(format!("can't serve the connection of worker {worker}: {e}")))?;
            link.send_now(Arc::clone(&welcome));
            fleet.peers.push(Peer { link, lost: None, unanswered: VecDeque::with_capacity(WINDOW), loading: 0 });
        }
        Ok(fleet)
    }

    /// The workers that are gone for good, and why, ascending.
    pub fn lost(&self) -> impl Iterator<Item = (usize, &str)> {
        self.peers.iter().enumerate().filter_map(|(worker, peer)| Some((worker, peer.lost.as_deref()?)))
    }

    /// Process ids of the workers that are children of this process, in the order in which they were started.
    pub fn process_ids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    fn lose(&mut self, worker: usize, reason: String) {
        let peer = &mut self.peers[worker];
        peer.link.cut();
        peer.unanswered.clear();
        peer.lost.get_or_insert(reason);
    }

    fn check_alive(&self) -> Result<()> {
        if self.peers.iter().any(|peer| peer.lost.is_none()) {
            return Ok(());
        }
        let reasons: Vec<String> = self.lost().map(|(worker, why)| format!("worker {worker}: {why}")).collect();
        Err(Error::Fleet(format!("no worker is left ({})", reasons.join("; "))))
    }

    /// Sends a shard, or a part that joins one, to a worker that is there.
    fn load(&mut self, worker: usize, operand: Operand, part: &Matrix<T>, growth: Option<Growth>) -> Result<()> {
        self.counters.stored = self.shards.stored();
        if self.peers[worker].lost.is_some() {
            return self.check_alive();
        }
        let description = serde_json::to_vec(&Description::of(operand, part, growth))
            .map_err(|e| Error::Fleet(format!("can't describe a shard: {e}")))?;
        let (link, patience) = (&self.peers[worker].link, self.options.deadline);
        let send = |kind: Kind, body: &[u8]| {
            link.send(Arc::new(frames::encode(Header { kind, worker: EVERYBODY, round: 0 }, body)), patience)
        };
        if send(Kind::Shard, &description) && for_each_part(part, |body| send(Kind::ShardPart, body)) {
            self.peers[worker].loading += 1;
        } else {
            self.learn_why(worker);
        }
        self.check_alive()
    }

    /// Writes the request's frame, into the old one where nobody reads that any more.
    fn write_request(&mut self, request: &Request, payload: &[f64]) -> Result<()> {
        let header = serde_json::to_vec(request).map_err(|e| Error::Fleet(format!("can't write a request: {e}")))?;
        let length = u32::try_from(header.len()).map_err(|e| Error::Fleet(format!("can't write a request: {e}")))?;
        if Arc::get_mut(&mut self.frame).is_none() {
            self.frame = Arc::default();
        }
        let Some(out) = Arc::get_mut(&mut self.frame) else {
            return Err(Error::Fleet("the frame of a request is in use".into()));
        };
        self.numbers.clear();
        self.numbers.extend(payload.iter().map(|&x| <T::Acc as Element>::from_f64(x)));
        frames::begin(out);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&header);
        frames::put(&self.numbers, out);
        if out.len() as u64 > super::BROADCAST_LIMIT {
            return Err(Error::usage("payload of a request", format!("{} bytes", out.len()), "at most 2 GiB"));
        }
        frames::finish(Header { kind: Kind::Request, worker: EVERYBODY, round: request.round }, out);
        Ok(())
    }

    /// Sends the round's request to `worker`, if it is there and its window has room.
    fn ask(&mut self, worker: usize, request: &Request, multiply_adds: u64, payload_len: usize) {
        let peer = &mut self.peers[worker];
        if peer.lost.is_some() || peer.unanswered.len() >= WINDOW {
            return;
        }
        // The window bounds what is queued.
        if peer.link.send_now(Arc::clone(&self.frame)) {
            peer.unanswered.push_back(Unanswered { round: request.round, multiply_adds });
            self.counters.floats_down_unicast += payload_len as u64;
        }
    }

    /// Takes one event; returns the reply in it if it is the first answer to a request.
    fn note(&mut self, event: Event) -> Option<(usize, u64, Vec<f64>)> {
        match event {
            Event::Reply { worker, round, values } => {
                let answered = self.peers[worker].answered(round)?;
                self.counters.multiply_adds += answered.multiply_adds;
                self.counters.floats_up += values.len() as u64;
                Some((worker, round, values))
            }
            Event::Loaded { worker } => {
                self.peers[worker].loading = self.peers[worker].loading.saturating_sub(1);
                None
            }
            Event::Broken { worker, round } => {
                self.peers[worker].answered(round);
                None
            }
            Event::Lost { worker, reason } => {
                self.lose(worker, reason);
                None
            }
        }
    }

    /// Before a round: takes what came since the last one (it is late), and waits until all shards are in their places, so
    /// that loading does not count as the round's time.
    fn settle(&mut self) {
        while let Some(event) = self.next_event(Duration::ZERO) {
            self.note(event);
        }
        let until = Instant::now() + self.options.deadline;
        let is_loading = |peer: &Peer| peer.lost.is_none() && peer.loading > 0;
        while self.peers.iter().any(is_loading) {
            match self.next_event(until.saturating_duration_since(Instant::now())) {
                Some(event) => drop(self.note(event)),
                None => {
                    let stuck: Vec<usize> = (0..self.peers.len()).filter(|&w| is_loading(&self.peers[w])).collect();
                    stuck.into_iter().for_each(|worker| self.lose(worker, NOT_TAKEN.into()));
                }
            }
        }
    }

    /// After a frame that was not taken: a connection that has ended says why, and else its worker just does not read.
    fn learn_why(&mut self, worker: usize) {
        let until = Instant::now() + self.options.deadline;
        while self.peers[worker].link.has_ended() && self.peers[worker].lost.is_none() {
            match self.next_event(until.saturating_duration_since(Instant::now())) {
                Some(event) => drop(self.note(event)),
                None => break,
            }
        }
        self.lose(worker, NOT_TAKEN.into());
    }

    fn next_event(&self, patience: Duration) -> Option<Event> {
        self.events.as_ref()?.recv_timeout(patience).ok()
    }
}

impl<T: Element> std::fmt::Debug for TcpFleet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The faults stay private.
        f.debug_struct("TcpFleet")
            .field("peers", &self.peers)
            .field("options", &self.options)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl<T: Element> ShardSink<T> for TcpFleet<T> {
    fn accept(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        self.shards.note(worker, operand, &shard)?;
        self.load(worker, operand, &shard, None)
    }
}

impl<T: Element> ShardGrowth<T> for TcpFleet<T> {
    fn grow(&mut self, worker: usize, operand: Operand, part: Matrix<T>, growth: Growth) -> Result<()> {
        self.shards.note_growth(worker, operand, &part, growth)?;
        self.load(worker, operand, &part, Some(growth))
    }
}

impl<T: Element> Fleet for TcpFleet<T> {
    fn workers(&self) -> usize {
        self.peers.len()
    }

    fn precision(&self) -> Precision {
        T::PRECISION
    }

    fn describe(&self) -> String {
        format!("{} workers in processes of their own, over TCP on this machine", self.workers())
    }

    fn run(
        &mut self,
        request: &Request,
        payload: &[f64],
        round: &mut Round,
        decodable: &dyn Fn(&[bool], &[bool]) -> bool,
    ) -> Result<()> {
        let workers = self.workers();
        check_round(round, request, workers)?;
        if let Gather::Speculative(_) = round.gather() {
            let allowed = "all, first, decodable, deadline: it has no fresh workers to start a task on";
            return Err(Error::usage("gather of a fleet over TCP", round.gather(), allowed));
        }
        let shards = self.shards.shards_of(request, payload.len(), round.reply_len())?;
        let work: Vec<u64> = (0..workers).map(|worker| shards.multiply_adds(worker, request)).collect();
        self.faults.begin(request.round);
        self.write_request(request, payload)?;
        let reply_bytes = (round.reply_len() * size_of::<T::Acc>()) as u64;
        self.reply_limit.fetch_max(reply_bytes, Ordering::Relaxed);
        self.settle();
        self.check_alive()?;

        let began = Instant::now();
        let patience = match round.gather() {
            Gather::Deadline(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(self.options.deadline),
            _ => self.options.deadline,
        };
        self.counters.rounds += 1;
        self.counters.floats_down += payload.len() as u64;
        let mut asked = vec![false; workers];
        for worker in 0..workers {
            self.ask(worker, request, work[worker], payload.len());
            asked[worker] = self.peers[worker].owes(request.round);
        }
        while !round.is_done() {
            let expected = self.peers.iter().any(|peer| peer.owes(request.round));
            // A round that needs more than those who were asked can give waits for those who are behind.
            let behind = matches!(round.gather(), Gather::First(_) | Gather::Decodable)
                && (0..workers).any(|worker| !asked[worker] && self.peers[worker].lost.is_none());
            let left = patience.saturating_sub(began.elapsed());
            if !(expected || behind) || left.is_zero() {
                break;
            }
            let Some(event) = self.next_event(left) else { break };
            let Some((worker, number, values)) = self.note(event) else { continue };
            if number != request.round {
                // It has caught up: now it can have this round's request too.
                if !asked[worker] {
                    self.ask(worker, request, work[worker], payload.len());
                    asked[worker] = self.peers[worker].owes(request.round);
                }
                continue;
            }
            // A reply of the wrong length is an erasure.
            let _ = round.offer(worker, number, &values, began.elapsed().as_secs_f64(), decodable);
        }
        round.close(began.elapsed().as_secs_f64());
        self.faults.testify(round);
        Ok(())
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

impl<T: Element> Drop for TcpFleet<T> {
    fn drop(&mut self) {
        let stop = Arc::new(frames::encode(Header { kind: Kind::Stop, worker: EVERYBODY, round: 0 }, &[]));
        for peer in &self.peers {
            peer.link.send_now(Arc::clone(&stop));
            peer.link.finish();
        }
        self.events = None;
        let until = Instant::now() + self.options.grace;
        super::start::end_children(&mut self.children, until);
        for peer in &self.peers {
            peer.link.wait_for_end(until);
            peer.link.cut();
        }
        for peer in self.peers.drain(..) {
            peer.link.join();
        }
    }
}
