//! Seconds of work and of transfer at a simulated worker, from counts and stated rates.

use crate::scalar::Precision;

/// Rates of a worker and of its connection.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CostModel {
    /// Floating-point operations a second (a multiply-add is two).
    pub flops_per_second: f64,
    /// Bytes a second, either way.
    pub bytes_per_second: f64,
    /// Seconds that any message takes, one way.
    pub latency: f64,
}

impl Default for CostModel {
    /// One core that streams its shard from memory (4 GFlop/s), 10 Gbit/s, and 0.1 ms a message.
    fn default() -> Self {
        CostModel { flops_per_second: 4e9, bytes_per_second: 1.25e9, latency: 1e-4 }
    }
}

impl CostModel {
    /// Seconds from the broadcast to the arrival of the reply, without any delay: `down` and `up` numbers cross the wire in
    /// the arithmetic type of `precision`.
    pub fn seconds(&self, multiply_adds: u64, down: u64, up: u64, precision: Precision) -> f64 {
        // f16 is a storage type: its numbers are computed in, and travel as, f32.
        let bytes = precision.bytes().max(4) as f64;
        2.0 * self.latency + (down + up) as f64 * bytes / self.bytes_per_second + self.work(multiply_adds)
    }

    /// Seconds of the arithmetic alone.
    pub fn work(&self, multiply_adds: u64) -> f64 {
        2.0 * multiply_adds as f64 / self.flops_per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_add_up() {
        let cost = CostModel { flops_per_second: 100.0, bytes_per_second: 1000.0, latency: 0.5 };
        // 1 + 3 * 8 / 1000 + 2 * 50 / 100, three roundings.
        assert!((cost.seconds(50, 1, 2, Precision::F64) - 2.024).abs() < 4.0 * f64::EPSILON);
        assert_eq!(cost.seconds(50, 1, 2, Precision::F16), cost.seconds(50, 1, 2, Precision::F32));
    }
}
