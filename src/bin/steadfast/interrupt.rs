//! Ctrl-C, and SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};

use steadfast::{Error, Result};

/// Set by Ctrl-C; the run stops after its current iteration and still writes the record.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The first Ctrl-C (or SIGTERM) asks the run to stop; a second one, should an iteration take too long, ends the
/// program.
fn interrupt() {
    if INTERRUPTED.swap(true, Ordering::SeqCst) {
        std::process::exit(i32::from(Error::Interrupted.exit_status()));
    }
}

/// The flag, and from now on what sets it.
///
/// # Errors
/// [`Error::Fleet`] when the system takes no handler.
pub fn watch() -> Result<&'static AtomicBool> {
    ctrlc::set_handler(interrupt).map_err(|e| Error::Fleet(format!("Ctrl-C can't be handled: {e}")))?;
    Ok(&INTERRUPTED)
}
