//! Randomness as a value: one seed, and from it an independent random stream for each (purpose, worker, round). The same
//! seed gives the same numbers whatever the number of threads or the order in which streams are asked for.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a random stream is for. Streams of different purposes are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Synthetic data.
    Data = 1,
    /// Shuffling and splitting of rows.
    Partition = 2,
    /// A random code basis.
    Code = 3,
    /// The locator's random combinations of columns.
    Locator = 4,
    /// The secret keys of the keyed check.
    Keys = 5,
    /// Which workers are faulty in a round.
    FaultyWorkers = 6,
    /// What a lying worker sends.
    Attack = 7,
    /// Delays of workers.
    Delay = 8,
    /// A method's own random choices.
    Method = 9,
    /// Tests, benchmarks and reproductions.
    Experiment = 10,
    /// Random sketches of a Hessian that the master makes.
    Sketch = 11,
}

/// The user's one seed.
///
/// ```
/// use rand::RngExt;
/// use steadfast::seed::{Purpose, Seed};
/// let a: f64 = Seed(7).stream(Purpose::Attack, 3, 12).random();
/// let b: f64 = Seed(7).stream(Purpose::Attack, 3, 12).random();
/// assert_eq!(a, b);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The random stream of one purpose, worker and round: the same arguments always give the same numbers.
    pub fn stream(self, purpose: Purpose, worker: u64, round: u64) -> ChaCha8Rng {
        let words = [self.0, purpose as u64, worker, round];
        let mut key = [0u8; 32];
        let mut state = 0x5851_f42d_4c95_7f2d;
        for (word, bytes) in words.iter().zip(key.chunks_exact_mut(8)) {
            state = mix(state ^ word);
            bytes.copy_from_slice(&state.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

/// The finalizer of SplitMix64: a bijection of the 64-bit words with good avalanche.
pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_in_each_coordinate_and_repeat() {
        let first = |s: Seed, p, w, r| s.stream(p, w, r).next_u64();
        let base = first(Seed(1), Purpose::Data, 2, 3);
        assert_eq!(base, first(Seed(1), Purpose::Data, 2, 3));
        for other in [
            first(Seed(2), Purpose::Data, 2, 3),
            first(Seed(1), Purpose::Code, 2, 3),
            first(Seed(1), Purpose::Data, 3, 2),
            first(Seed(1), Purpose::Data, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }
}
