//! A progress bar on a terminal; nothing when the output is piped.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{IterationRecord, Observer};
use crate::error::Result;

/// Shows iteration, objective, gradient norm and who was named.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of at most `iterations` steps on standard error; hidden by indicatif when that is no terminal.
    pub fn new(iterations: usize) -> Self {
        let bar = ProgressBar::new(iterations as u64);
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>5} [{bar:30}] {pos}/{len} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar }
    }
}

impl Observer for Progress {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        self.bar.set_position(record.iteration as u64);
        self.bar.set_message(format!(
            "F = {:.9}  |g| = {:.1e}  liars {:?}  late {:?}",
            record.objective, record.gradient_norm, record.liars, record.late
        ));
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
