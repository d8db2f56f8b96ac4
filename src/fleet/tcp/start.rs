//! Starting and ending the workers of a loopback fleet.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use super::invitation::{Invitation, fresh_token, same_token};
use crate::error::{Error, Result};
use crate::fleet::frames::{self, Header, Kind};

/// All workers' connections, by worker, and the child processes among them.
pub(super) struct Joined {
    pub(super) streams: Vec<TcpStream>,
    pub(super) children: Vec<Child>,
}

/// A connection that says nothing for so long is dropped.
const HELLO: Duration = Duration::from_secs(5);

/// Between two looks at the listener.
const POLL: Duration = Duration::from_millis(1);

/// Children that are ended should the start fail.
struct Children(Vec<(usize, Child)>);

impl Drop for Children {
    fn drop(&mut self) {
        let mut children: Vec<Child> = self.0.drain(..).map(|(_, child)| child).collect();
        end_children(&mut children, Instant::now());
    }
}

/// Launches the workers and waits until each has joined. Whoever does not know the token is turned away.
pub(super) fn gather_workers(
    workers: usize,
    patience: Duration,
    launch: &mut dyn FnMut(&Invitation) -> std::io::Result<Option<Child>>,
) -> Result<Joined> {
    let failed = |what: &str, error: std::io::Error| Error::Fleet(format!("{what}: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| failed("can't listen on 127.0.0.1", e))?;
    listener.set_nonblocking(true).map_err(|e| failed("can't listen on 127.0.0.1", e))?;
    let master = listener.local_addr().map_err(|e| failed("can't listen on 127.0.0.1", e))?;
    let token = fresh_token();
    let mut children = Children(Vec::new());
    for worker in 0..workers {
        let invitation = Invitation { master, worker, token: token.clone() };
        let child = launch(&invitation).map_err(|e| failed(&format!("can't start worker {worker}"), e))?;
        children.0.extend(child.map(|child| (worker, child)));
    }

    let (send, came) = channel();
    let pending = Arc::new(AtomicUsize::new(0));
    let mut streams: Vec<Option<TcpStream>> = (0..workers).map(|_| None).collect();
    let until = Instant::now() + patience;
    while streams.iter().any(Option::is_none) {
        match listener.accept() {
            // Beyond so many at once, strangers have to try again.
            Ok((stream, _)) if pending.load(Ordering::Relaxed) < 4 * workers + 64 => {
                greet(stream, token.clone(), send.clone(), Arc::clone(&pending))
                    .map_err(|e| failed("can't greet", e))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(POLL),
            // A connection that was gone before it was taken.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
            Err(error) => return Err(failed("can't take connections", error)),
        }
        for (worker, stream) in came.try_iter() {
            // The first who claims a place has it.
            if let Some(place @ None) = streams.get_mut(worker) {
                *place = Some(stream);
            }
        }
        for (worker, child) in &mut children.0 {
            if streams[*worker].is_none()
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(Error::Fleet(format!("worker {worker} ended before it joined ({status})")));
            }
        }
        if Instant::now() > until {
            let absent: Vec<usize> = (0..workers).filter(|&w| streams[w].is_none()).collect();
            let seconds = patience.as_secs_f64();
            return Err(Error::Fleet(format!("workers {absent:?} did not join within {seconds} s")));
        }
    }
    let children = std::mem::take(&mut children.0).into_iter().map(|(_, child)| child).collect();
    Ok(Joined { streams: streams.into_iter().flatten().collect(), children })
}

/// Reads the hello of one connection, in a thread of its own: a stranger who says nothing keeps nobody waiting.
fn greet(
    mut stream: TcpStream,
    token: String,
    send: Sender<(usize, TcpStream)>,
    pending: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    pending.fetch_add(1, Ordering::Relaxed);
    std::thread::Builder::new().name("greeting".into()).spawn(move || {
        let mut body = Vec::new();
        let ready = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(HELLO)));
        if ready.is_ok()
            && let Ok(Header { kind: Kind::Hello, worker, .. }) = frames::read(&mut stream, 256, &mut body)
            && same_token(&body, token.as_bytes())
            && stream.set_read_timeout(None).is_ok()
            && stream.set_nodelay(true).is_ok()
        {
            // The start may have failed meanwhile.
            let _ = send.send((worker as usize, stream));
        }
        pending.fetch_sub(1, Ordering::Relaxed);
    })?;
    Ok(())
}

/// Waits for the children to end, then kills those that have not by `until`.
pub(super) fn end_children(children: &mut Vec<Child>, until: Instant) {
    children.retain_mut(|child| {
        while Instant::now() < until {
            match child.try_wait() {
                Ok(Some(_)) => return false,
                Ok(None) => std::thread::sleep(POLL),
                Err(_) => break,
            }
        }
        true
    });
    for child in children.drain(..) {
        let mut child = child;
        // It may have ended by itself just now; then there is nothing to kill, only to wait for.
        let _ = child.kill();
        let _ = child.wait();
    }
}
