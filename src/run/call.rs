//! What only a program can tell a run, whatever it runs: how it was called, who looks on, what stops it, how workers start.

use std::sync::atomic::AtomicBool;

use super::fleets::WorkerCommand;
use crate::trace::Observer;

/// What the setters of [`call_setters`] keep.
pub(super) struct Call<'a> {
    pub(super) command: String,
    pub(super) observers: Vec<&'a mut dyn Observer>,
    pub(super) cancel: Option<&'a AtomicBool>,
    pub(super) worker_command: Option<WorkerCommand>,
}

impl Default for Call<'_> {
    fn default() -> Self {
        Call { command: "library".into(), observers: Vec::new(), cancel: None, worker_command: None }
    }
}

/// The setters of a builder over `'a` whose field `call` is a [`Call`].
macro_rules! call_setters {
    () => {
        /// How it was called, for the record.
        #[must_use]
        pub fn command(mut self, command: impl Into<String>) -> Self {
            self.call.command = command.into();
            self
        }

        /// Adds an observer of the iterations.
        #[must_use]
        pub fn observe(mut self, observer: &'a mut dyn $crate::trace::Observer) -> Self {
            self.call.observers.push(observer);
            self
        }

        /// A flag that stops the run when it becomes true.
        #[must_use]
        pub fn cancel(mut self, flag: &'a std::sync::atomic::AtomicBool) -> Self {
            self.call.cancel = Some(flag);
            self
        }

        /// How worker processes are started, for [`FleetKind::Tcp`](crate::run::FleetKind::Tcp).
        #[must_use]
        pub fn worker_command(mut self, command: Option<$crate::run::WorkerCommand>) -> Self {
            self.call.worker_command = command;
            self
        }
    };
}

pub(super) use call_setters;
