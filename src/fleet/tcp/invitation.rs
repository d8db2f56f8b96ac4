//! How a started worker finds its master and proves that it was invited.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::process::Command;

use crate::error::{Error, Result};

/// Environment variables of a worker process (arguments would show the token to every user of the machine).
const MASTER: &str = "STEADFAST_MASTER";
const WORKER: &str = "STEADFAST_WORKER";
const TOKEN: &str = "STEADFAST_TOKEN";

/// What a worker needs to join a fleet: where the master listens, which worker it is, and the fleet's token.
///
/// The master calls [`Invitation::give`] on the command that starts the worker; the worker reads it back with
/// [`Invitation::from_env`] and hands it to [`super::serve_worker`].
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    pub(super) master: SocketAddr,
    pub(super) worker: usize,
    pub(super) token: String,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation").field("master", &self.master).field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl Invitation {
    /// Which worker is invited.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Puts the invitation into the environment of a command.
    pub fn give<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(MASTER, self.master.to_string()).env(WORKER, self.worker.to_string()).env(TOKEN, &self.token)
    }

    /// The invitation in this process's environment; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Usage`] for one that is not complete or can't be read.
    pub fn from_env() -> Result<Option<Self>> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let Some(master) = var(MASTER) else { return Ok(None) };
        let bad = |name: &str, got: &str, allowed: &str| Error::usage(name, got, allowed);
        let (worker, token) = (var(WORKER).unwrap_or_default(), var(TOKEN).unwrap_or_default());
        if token.is_empty() {
            return Err(bad(TOKEN, "nothing", "the token of the master"));
        }
        Ok(Some(Invitation {
            master: master.parse().map_err(|_| bad(MASTER, &master, "address:port"))?,
            worker: worker.parse().map_err(|_| bad(WORKER, &worker, "the number of a worker"))?,
            token,
        }))
    }
}

/// A token that no other process can guess: 256 bits from the keys that the standard library takes from the system's
/// random source. (Not from the run's seed, which anybody may know.)
pub(super) fn fresh_token() -> String {
    (0u64..4).map(|i| format!("{:016x}", RandomState::new().hash_one(i))).collect()
}

/// Compares without telling by its time how much was right.
pub(super) fn same_token(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_are_read_back_whole_or_refused() {
        let invitation = Invitation { master: ([127, 0, 0, 1], 4711).into(), worker: 3, token: fresh_token() };
        let mut command = Command::new("worker");
        invitation.give(&mut command);
        let vars: Vec<(String, String)> = command
            .get_envs()
            .map(|(k, v)| (k.to_str().unwrap().into(), v.unwrap().to_str().unwrap().into()))
            .collect();
        let read = |skip: &str, worker: Option<&str>| {
            Invitation::read(|name| match worker {
                Some(text) if name == WORKER => Some(text.into()),
                _ => vars.iter().find(|(k, _)| k == name && k != skip).map(|(_, v)| v.clone()),
            })
        };
        assert_eq!(read("", None).unwrap(), Some(invitation.clone()));
        assert_eq!(read(MASTER, None).unwrap(), None);
        for bad in [read(TOKEN, None), read(WORKER, None), read("", Some("-1"))] {
            assert_eq!(bad.unwrap_err().exit_status(), 2);
        }
        assert!(!format!("{invitation:?}").contains(&invitation.token));
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (a, b) = (fresh_token(), fresh_token());
        assert_eq!(a.len(), 64);
        assert!(!same_token(a.as_bytes(), b.as_bytes()));
        assert!(!same_token(a.as_bytes(), &a.as_bytes()[1..]));
        assert!(same_token(a.as_bytes(), a.clone().as_bytes()));
    }
}
