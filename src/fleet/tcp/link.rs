//! One worker's connection at the master: a thread that writes what is queued, and a thread that reads what comes. So the
//! master itself never waits on a connection.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::fleet::fault::Witness;
use crate::fleet::frames::{self, FrameError, Header, Kind};
use crate::scalar::Element;

/// Bytes that may wait for one worker before whoever adds more has to wait too.
const QUEUE_LIMIT: usize = 16 << 20;

/// What a reader tells the master.
#[derive(Debug)]
pub(super) enum Event {
    /// An answer.
    Reply { worker: usize, round: u64, values: Vec<f64> },
    /// A shard is in its place.
    Loaded { worker: usize },
    /// An answer that does not check.
    Broken { worker: usize, round: u64 },
    /// The end of a connection, and why.
    Lost { worker: usize, reason: String },
}

/// Frames on their way to one worker.
#[derive(Debug, Default)]
struct Outbox {
    state: Mutex<OutboxState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct OutboxState {
    queue: VecDeque<Arc<Vec<u8>>>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Adds a frame that can't wait; false when the connection is closed.
    fn push_now(&self, frame: Arc<Vec<u8>>) -> bool {
        let added = Self::add(&mut self.lock(), frame);
        self.changed.notify_all();
        added
    }

    /// Adds a frame; false when the connection is closed or there was no room for `patience`.
    fn push(&self, frame: Arc<Vec<u8>>, patience: Duration) -> bool {
        let full = |state: &mut OutboxState| !state.closed && state.bytes > QUEUE_LIMIT;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, full);
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() && state.bytes > QUEUE_LIMIT {
            return false;
        }
        let added = Self::add(&mut state, frame);
        self.changed.notify_all();
        added
    }

    fn add(state: &mut OutboxState, frame: Arc<Vec<u8>>) -> bool {
        if state.closed {
            return false;
        }
        state.bytes += frame.len();
        state.queue.push_back(frame);
        true
    }

    /// The next frame; `None` when the connection was closed and everything was taken.
    fn next(&self) -> Option<Arc<Vec<u8>>> {
        let idle = |state: &mut OutboxState| !state.closed && state.queue.is_empty();
        let waited = self.changed.wait_while(self.lock(), idle);
        waited.unwrap_or_else(PoisonError::into_inner).queue.pop_front()
    }

    fn written(&self, bytes: usize) {
        self.lock().bytes -= bytes;
        self.changed.notify_all();
    }
}

/// The connection to one worker.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    outbox: Arc<Outbox>,
    threads: Vec<JoinHandle<()>>,
}

/// What the readers of all links share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) events: SyncSender<Event>,
    pub(super) witness: Witness,
    /// Longest body of a reply that was ever asked for.
    pub(super) reply_limit: Arc<AtomicU64>,
}

impl Link {
    /// Starts the two threads of a connection whose worker sends numbers of type `A`.
    pub(super) fn start<A: Element>(worker: usize, stream: TcpStream, shared: Shared) -> std::io::Result<Self> {
        let (mut write, read) = (stream.try_clone()?, stream.try_clone()?);
        let mut link = Link { stream, outbox: Arc::default(), threads: Vec::new() };
        let outbox = Arc::clone(&link.outbox);
        link.threads.push(std::thread::Builder::new().name(format!("to worker {worker}")).spawn(move || {
            while let Some(frame) = outbox.next() {
                if write.write_all(&frame).is_err() {
                    // The reader sees it too and says so.
                    let _ = write.shutdown(Shutdown::Both);
                    outbox.close();
                    return;
                }
                outbox.written(frame.len());
            }
        })?);
        let outbox = Arc::clone(&link.outbox);
        link.threads.push(std::thread::Builder::new().name(format!("from worker {worker}")).spawn(move || {
            let reason = listen::<A>(worker, read, &shared);
            outbox.close();
            // The master may be gone already.
            let _ = shared.events.send(Event::Lost { worker, reason });
        })?);
        Ok(link)
    }

    /// Queues a frame, however much is queued already; false when the worker is gone.
    pub(super) fn send_now(&self, frame: Arc<Vec<u8>>) -> bool {
        self.outbox.push_now(frame)
    }

    /// Queues a frame; false when the worker is gone or has not read for `patience`.
    pub(super) fn send(&self, frame: Arc<Vec<u8>>, patience: Duration) -> bool {
        self.outbox.push(frame, patience)
    }

    /// Whether nothing can be queued any more.
    pub(super) fn has_ended(&self) -> bool {
        self.outbox.lock().closed
    }

    /// Nothing will be queued any more; what is queued is still written.
    pub(super) fn finish(&self) {
        self.outbox.close();
    }

    /// Waits until the worker has closed the connection, or `until`.
    pub(super) fn wait_for_end(&self, until: Instant) {
        while self.threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Cuts the connection, which ends both threads as soon as they notice.
    pub(super) fn cut(&self) {
        self.outbox.close();
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Waits for the threads of a connection that was cut.
    pub(super) fn join(self) {
        for thread in self.threads {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// Reads until the connection ends; returns why it did.
fn listen<A: Element>(worker: usize, mut stream: TcpStream, shared: &Shared) -> String {
    let mut body = Vec::new();
    let mut numbers: Vec<A> = Vec::new();
    loop {
        // A late answer may be to a larger request than the present one.
        let limit = shared.reply_limit.load(Ordering::Relaxed).max(4096);
        let event = match frames::read(&mut stream, limit, &mut body) {
            Ok(Header { kind: Kind::Reply, worker: from, round }) if from as usize == worker => {
                numbers.clear();
                if frames::get(&body, &mut numbers) {
                    Event::Reply { worker, round, values: numbers.iter().map(|x| x.to_f64()).collect() }
                } else {
                    Event::Broken { worker, round }
                }
            }
            Ok(Header { kind: Kind::Loaded, .. }) => Event::Loaded { worker },
            Ok(Header { kind: Kind::Truth, round, .. }) => {
                if let Ok(distance) = <[u8; 8]>::try_from(&body[..]) {
                    shared.witness.lied(worker, round, f64::from_le_bytes(distance));
                }
                continue;
            }
            Ok(Header { kind: Kind::Failed, .. }) => return String::from_utf8_lossy(&body).into_owned(),
            Ok(_) => return "it sent a frame that workers don't send".into(),
            Err(FrameError::Corrupt(Header { round, .. })) => Event::Broken { worker, round },
            Err(error) => return error.to_string(),
        };
        if shared.events.send(event).is_err() {
            return "the fleet is gone".into();
        }
    }
}
