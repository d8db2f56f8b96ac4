//! Peak resident memory of this process, where the system tells it.

/// The most memory this process ever had resident (or since [`reset_peak`]), in bytes; `None` where the system doesn't say.
pub fn peak() -> Option<u64> {
    field(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// Begins a new peak from what is resident now; false where the system can't, and [`peak`] goes on from the start.
pub fn reset_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
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
        let Some(before) = peak() else { return };
        let reset = reset_peak();
        drop(std::hint::black_box(vec![1u8; BYTES]));
        let after = peak().unwrap_or(0);
        // Without a reset, an earlier peak may hide this one.
        assert!(if reset { after >= BYTES as u64 } else { after >= before });
    }
}
