//! Peak resident memory of this process, where the system tells it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The system keeps one peak a process: two measurements at once would reset each other's.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A measurement of the peak from where it began; others wait until it is dropped.
pub struct PeakMemory {
    since_beginning: bool,
    _alone: MutexGuard<'static, ()>,
}

impl PeakMemory {
    /// Begins a new peak from what is resident now, where the system can.
    pub fn begin() -> Self {
        // The lock guards no data that a panic could have left half written.
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        PeakMemory { since_beginning: std::fs::write("/proc/self/clear_refs", "5").is_ok(), _alone: alone }
    }

    /// The most memory resident since the beginning, in bytes; `None` where the system doesn't say.
    pub fn bytes(&self) -> Option<u64> {
        field(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
    }

    /// False where the system can't begin anew, and [`bytes`](PeakMemory::bytes) is the peak of the whole process so far.
    pub fn since_beginning(&self) -> bool {
        self.since_beginning
    }
}

/// A line `name   123 kB`, in bytes.
fn field(status: &str, name: &str) -> Option<u64> {
    let mut words = status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    let (number, unit) = (words.next()?.parse::<u64>().ok()?, words.next()?);
    (unit == "kB").then_some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_in_bytes() {
        let status = "Name:\tx\nVmPeak:\t   99 kB\nVmHWM:\t  12 kB\nThreads:\t1\n";
        assert_eq!(field(status, "VmHWM:"), Some(12 * 1024));
        assert_eq!(field(status, "Threads:"), None);
        assert_eq!(field(status, "VmSwap:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_sees_memory_that_was_touched() {
        const BYTES: usize = 64 << 20;
        let memory = PeakMemory::begin();
        let Some(before) = memory.bytes() else { return };
        drop(std::hint::black_box(vec![1u8; BYTES]));
        let after = memory.bytes().unwrap_or(0);
        // Without a fresh start, an earlier peak may hide this one.
        assert!(if memory.since_beginning() { after >= BYTES as u64 } else { after >= before }, "{before} {after}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_measurement_waits_for_this_one() {
        const BYTES: usize = 64 << 20;
        std::thread::scope(|scope| {
            let memory = PeakMemory::begin();
            drop(std::hint::black_box(vec![1u8; BYTES]));
            scope.spawn(|| drop(PeakMemory::begin()));
            // Time enough for it to spoil this one, if it could.
            std::thread::sleep(std::time::Duration::from_millis(100));
            let peak = memory.bytes();
            drop(memory);
            assert!(peak.is_none_or(|peak| peak >= BYTES as u64), "{peak:?}");
        });
    }
}
