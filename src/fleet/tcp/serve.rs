//! The worker's side: joins, takes shards, answers requests with the code of a simulated worker, applies its own faults.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::invitation::Invitation;
use super::shards::{Description, Incoming, PART_LIMIT};
use super::{BROADCAST_LIMIT, TEXT_LIMIT, Welcome};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::fleet::fault::Faults;
use crate::fleet::frames::{self, FrameError, Header, Kind};
use crate::fleet::request::Request;
use crate::fleet::round::norm;
use crate::fleet::worker::compute;
use crate::scalar::{Element, Precision};

/// Makes the device of a worker process; its precision is the fleet's choice.
pub trait DeviceFactory {
    /// A device for shards stored as T.
    ///
    /// # Errors
    /// [`Error::Usage`] or [`Error::Device`] when there is none for T.
    fn make<T: Element>(&self) -> Result<Box<dyn Device<T>>>;
}

/// How a worker's service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The master said stop.
    Stopped,
    /// The master closed the connection or is gone.
    Closed,
    /// No message came for the fleet's idle time.
    Idle,
    /// The fault plan made it die.
    Died,
}

/// Seconds a worker waits for the connection and the welcome.
const JOIN: Duration = Duration::from_secs(30);

/// Joins the fleet that `invitation` is from and serves it until the end. It returns when the master says stop, closes the
/// connection, or stays silent for the fleet's idle time, so an orphan does not stay behind.
///
/// # Errors
/// [`Error::Fleet`] when the master can't be reached, refuses the token, or breaks the protocol; failures of the device
/// (which the master gets to know too).
pub fn serve_worker<F: DeviceFactory>(invitation: &Invitation, factory: &F) -> Result<Served> {
    let failed = |what: &str, error: &dyn std::fmt::Display| Error::Fleet(format!("worker: {what}: {error}"));
    let mut stream =
        TcpStream::connect_timeout(&invitation.master, JOIN).map_err(|e| failed("can't reach the master", &e))?;
    let worker = u32::try_from(invitation.worker).map_err(|e| failed("its number", &e))?;
    let setup = |stream: &TcpStream, patience: Duration| {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_read_timeout(Some(patience))
    };
    setup(&stream, JOIN).map_err(|e| failed("connection", &e))?;
    let hello = frames::encode(Header { kind: Kind::Hello, worker, round: 0 }, invitation.token.as_bytes());
    stream.write_all(&hello).map_err(|e| failed("can't say hello", &e))?;
    let mut body = Vec::new();
    match frames::read(&mut stream, TEXT_LIMIT, &mut body) {
        Ok(Header { kind: Kind::Welcome, .. }) => {}
        Ok(_) => return Err(Error::Fleet("worker: the master does not welcome".into())),
        Err(error) => return Err(failed("no welcome", &error)),
    }
    let welcome: Welcome = serde_json::from_slice(&body).map_err(|e| failed("welcome", &e))?;
    let idle = Duration::try_from_secs_f64(welcome.idle_seconds).map_err(|e| failed("idle time", &e))?;
    setup(&stream, idle).map_err(|e| failed("connection", &e))?;
    let post = Post { worker, stream, body };
    match welcome.precision {
        Precision::F64 => post.serve::<f64, F>(factory, welcome),
        Precision::F32 => post.serve::<f32, F>(factory, welcome),
        Precision::F16 => post.serve::<half::f16, F>(factory, welcome),
    }
}

/// A worker that has joined.
struct Post {
    worker: u32,
    stream: TcpStream,
    body: Vec<u8>,
}

impl Post {
    fn serve<T: Element, F: DeviceFactory>(mut self, factory: &F, welcome: Welcome) -> Result<Served> {
        let served = self.answer_all::<T, F>(factory, welcome);
        if let Err(error) = &served {
            let message: String = error.to_string().chars().take(1000).collect();
            // The master may be gone: then nobody needs to know.
            let _ = self.send(Kind::Failed, 0, message.as_bytes());
        }
        served
    }

    fn answer_all<T: Element, F: DeviceFactory>(&mut self, factory: &F, welcome: Welcome) -> Result<Served> {
        let mut device = factory.make::<T>()?;
        let mut faults = Faults::of_worker(welcome.faults)?;
        if self.worker as usize >= faults.workers() {
            return Err(Error::Fleet(format!("worker {} of {}", self.worker, faults.workers())));
        }
        let mut incoming: Option<Incoming<T>> = None;
        let mut payload: Vec<T::Acc> = Vec::new();
        let mut results: Vec<T::Acc> = Vec::new();
        let mut reply: Vec<f64> = Vec::new();
        let mut frame: Vec<u8> = Vec::new();
        loop {
            let limit = BROADCAST_LIMIT.max(PART_LIMIT).max(TEXT_LIMIT);
            let header = match frames::read(&mut self.stream, limit, &mut self.body) {
                Ok(header) => header,
                Err(FrameError::Closed) => return Ok(Served::Closed),
                Err(FrameError::TimedOut) => return Ok(Served::Idle),
                // An unread request is a missing answer; the master goes on without it.
                Err(FrameError::Corrupt(Header { kind: Kind::Request, .. })) => continue,
                Err(error) => return Err(Error::Fleet(format!("worker {}: {error}", self.worker))),
            };
            match header.kind {
                Kind::Stop => return Ok(Served::Stopped),
                Kind::Shard => incoming = Some(Incoming::new(self.parse::<Description>(0..self.body.len())?)),
                Kind::ShardPart => {
                    let shard = incoming.as_mut().ok_or_else(|| self.confused("a piece of no shard"))?;
                    shard.part(&self.body)?;
                }
                Kind::Request => {
                    let began = Instant::now();
                    let request = self.request(&mut payload)?;
                    faults.begin(request.round);
                    if faults.is_dead(self.worker as usize) {
                        return Ok(Served::Died);
                    }
                    compute(&mut *device, &[0], &request, &payload, &mut results)?;
                    reply.clear();
                    reply.extend(payload.iter().map(|x| x.to_f64()));
                    let payload_norm = norm(&reply);
                    reply.clear();
                    reply.extend(results.iter().map(|x| x.to_f64()));
                    let lie = faults.answer::<T::Acc>(self.worker as usize, &request, payload_norm, &mut reply);
                    if faults.is_slow(self.worker as usize) {
                        let took = began.elapsed().as_secs_f64();
                        let late = faults.slowed(took, took) - took;
                        std::thread::sleep(Duration::try_from_secs_f64(late).unwrap_or(Duration::MAX));
                    }
                    results.iter_mut().zip(&reply).for_each(|(out, &x)| *out = T::Acc::from_f64(x));
                    frames::begin(&mut frame);
                    frames::put(&results, &mut frame);
                    frames::finish(Header { kind: Kind::Reply, worker: self.worker, round: request.round }, &mut frame);
                    // The witness is told first, so that it knows once the reply is used.
                    let told = lie.map_or(Ok(()), |far| self.send(Kind::Truth, request.round, &far.to_le_bytes()));
                    if told.and_then(|()| self.stream.write_all(&frame)).is_err() {
                        return Ok(Served::Closed);
                    }
                }
                _ => return Err(self.confused("a frame that masters don't send")),
            }
            if incoming.as_ref().is_some_and(Incoming::is_complete)
                && let Some(shard) = incoming.take()
            {
                // This process has one worker, whatever its number in the fleet.
                match shard.finish()? {
                    (operand, None, shard) => device.upload(0, operand, shard)?,
                    (operand, Some(growth), part) => device.grow(0, operand, &part, growth)?,
                }
                if self.send(Kind::Loaded, 0, &[]).is_err() {
                    return Ok(Served::Closed);
                }
            }
        }
    }

    fn confused(&self, what: &str) -> Error {
        Error::Fleet(format!("worker {}: it got {what}", self.worker))
    }

    fn parse<D: serde::de::DeserializeOwned>(&self, span: std::ops::Range<usize>) -> Result<D> {
        let bytes = self.body.get(span).ok_or_else(|| self.confused("a frame that is cut short"))?;
        serde_json::from_slice(bytes).map_err(|error| self.confused(&format!("a frame it can't read: {error}")))
    }

    /// Takes a request apart: the length of its header, the header, the numbers.
    fn request<A: Element>(&self, payload: &mut Vec<A>) -> Result<Request> {
        let short = || self.confused("a request that is cut short");
        let length = self.body.first_chunk::<4>().ok_or_else(short)?;
        let end = (u32::from_le_bytes(*length) as usize).saturating_add(4);
        let request = self.parse::<Request>(4..end)?;
        payload.clear();
        if !frames::get(&self.body[end..], payload) {
            return Err(short());
        }
        Ok(request)
    }

    fn send(&mut self, kind: Kind, round: u64, body: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(&frames::encode(Header { kind, worker: self.worker, round }, body))
    }
}
