//! The name of the processor, for records.

/// The brand that the processor gives itself, or its architecture where it gives none.
pub(super) fn name() -> String {
    brand().filter(|name| !name.is_empty()).unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

#[cfg(target_arch = "x86_64")]
fn brand() -> Option<String> {
    use std::arch::x86_64::__cpuid;

    /// Leaf that tells the highest extended leaf, and the three leaves that hold the 48 bytes of the brand.
    const HIGHEST: u32 = 0x8000_0000;
    const BRAND: std::ops::RangeInclusive<u32> = 0x8000_0002..=0x8000_0004;

    if __cpuid(HIGHEST).eax < *BRAND.end() {
        return None;
    }
    let mut bytes = Vec::with_capacity(48);
    for leaf in BRAND {
        let answer = __cpuid(leaf);
        for register in [answer.eax, answer.ebx, answer.ecx, answer.edx] {
            bytes.extend_from_slice(&register.to_le_bytes());
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_matches(['\0', ' ']).to_string())
}

#[cfg(not(target_arch = "x86_64"))]
fn brand() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}
