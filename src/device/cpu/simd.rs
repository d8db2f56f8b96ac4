//! Packs: one cache line of numbers (16 `f32` or 8 `f64`) and the arithmetic on them, at each SIMD level. A pack means the
//! same at every level (two AVX2 registers or one AVX-512 register) and every level fuses multiply and add, so that all
//! levels give the same bits.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::{Error, Result};
use crate::scalar::{Accumulator, Element};

#[cfg(target_arch = "x86_64")]
use super::simd_x86 as x86;

/// The instructions the kernels use. All levels give the same bits; they differ in speed alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SimdLevel {
    /// Plain code, as the compiler makes it for the target (NEON on aarch64). Slow on x86 processors without FMA, where each
    /// fused multiply-add is a library call.
    Portable,
    /// 256-bit registers with FMA and F16C.
    Avx2,
    /// 512-bit registers.
    Avx512,
}

impl SimdLevel {
    /// The best level of this processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if pulp::x86::V4::is_available() {
                return SimdLevel::Avx512;
            }
            if x86::Avx2::try_new().is_some() {
                return SimdLevel::Avx2;
            }
        }
        SimdLevel::Portable
    }

    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            SimdLevel::Portable => "portable",
            SimdLevel::Avx2 => "avx2",
            SimdLevel::Avx512 => "avx512",
        }
    }

    /// The level itself where this processor has it.
    ///
    /// # Errors
    /// [`Error::Usage`] where it has not.
    pub fn require(self) -> Result<Self> {
        let best = Self::detect();
        if self > best {
            return Err(Error::usage("SIMD level", self.name(), format!("at most {} on this processor", best.name())));
        }
        Ok(self)
    }

    /// Runs `work` compiled for this level, or for the best level there is where this processor lacks it.
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        {
            if self == SimdLevel::Avx512
                && let Some(token) = pulp::x86::V4::try_new()
            {
                return token.vectorize(
                    #[inline(always)]
                    || work.run(token),
                );
            }
            if self >= SimdLevel::Avx2
                && let Some(token) = x86::Avx2::try_new()
            {
                return token.vectorize(
                    #[inline(always)]
                    || work.run(token),
                );
            }
        }
        work.run(Portable)
    }
}

/// A computation to be compiled once for each level. `run` must be `#[inline(always)]`, and so must all that it calls in its
/// inner loops, or it is compiled without the level's instructions.
pub(super) trait Work {
    type Output;
    fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) -> Self::Output;
}

/// The arithmetic on packs of `A`.
pub(super) trait Lanes<A>: Copy {
    /// 16 `f32` or 8 `f64`.
    type Pack: Copy;
    /// Rows that a dot-product kernel works on at a time: their accumulators fill the registers.
    const ROWS: usize;
    /// Vectors that it works on at a time.
    const VECTORS: usize;
    fn zero(self) -> Self::Pack;
    fn splat(self, value: A) -> Self::Pack;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Pack, b: Self::Pack, c: Self::Pack) -> Self::Pack;
    fn add(self, a: Self::Pack, b: Self::Pack) -> Self::Pack;
    /// The sum of the lanes: the upper half is added to the lower until one is left.
    fn sum(self, a: Self::Pack) -> A;
    /// The first pack of `to` becomes `a`.
    fn store(self, a: Self::Pack, to: &mut [A]);
}

/// Loading packs from storage of type `T`, widened to the arithmetic type.
pub(super) trait Load<T: Element>: Lanes<T::Acc> {
    /// The first pack of `from`, which has at least that many numbers.
    fn load(self, from: &[T]) -> Self::Pack;
    /// All of `from`, which has at most as many numbers, then zeros.
    fn load_partial(self, from: &[T]) -> Self::Pack;
}

/// Asks for the cache line of the first of `values`, which may be needed soon, into the second-level cache: the first level can wait for
/// far fewer lines at a time. It changes speed alone.
#[inline(always)]
pub(super) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Numbers in a pack of the arithmetic type `A`.
pub(super) const fn pack_len<A>() -> usize {
    64 / size_of::<A>()
}

#[derive(Clone, Copy)]
pub(super) struct Portable;

/// The first `N` numbers, zero-filled where there are fewer.
#[inline(always)]
pub(super) fn first<T: Element, const N: usize>(from: &[T]) -> [T; N] {
    match from.first_chunk::<N>() {
        Some(chunk) => *chunk,
        None => {
            let mut chunk = [<T as bytemuck::Zeroable>::zeroed(); N];
            for (to, &value) in chunk.iter_mut().zip(from) {
                *to = value;
            }
            chunk
        }
    }
}

macro_rules! portable_lanes {
    ($a:ty, $n:literal) => {
        impl Lanes<$a> for Portable {
            type Pack = [$a; $n];
            const ROWS: usize = 2;
            const VECTORS: usize = 1;
            #[inline(always)]
            fn zero(self) -> Self::Pack {
                [<$a as Accumulator>::ZERO; $n]
            }
            #[inline(always)]
            fn splat(self, value: $a) -> Self::Pack {
                [value; $n]
            }
            #[inline(always)]
            fn mul_add(self, a: Self::Pack, b: Self::Pack, c: Self::Pack) -> Self::Pack {
                let mut out = c;
                for i in 0..$n {
                    out[i] = <$a>::mul_add(a[i], b[i], c[i]);
                }
                out
            }
            #[inline(always)]
            fn add(self, a: Self::Pack, b: Self::Pack) -> Self::Pack {
                let mut out = a;
                for i in 0..$n {
                    out[i] += b[i];
                }
                out
            }
            #[inline(always)]
            fn sum(self, mut a: Self::Pack) -> $a {
                let mut half = $n / 2;
                while half > 0 {
                    for i in 0..half {
                        a[i] += a[i + half];
                    }
                    half /= 2;
                }
                a[0]
            }
            #[inline(always)]
            fn store(self, a: Self::Pack, to: &mut [$a]) {
                to[..$n].copy_from_slice(&a);
            }
        }

        impl Load<$a> for Portable {
            #[inline(always)]
            fn load(self, from: &[$a]) -> Self::Pack {
                first(from)
            }
            #[inline(always)]
            fn load_partial(self, from: &[$a]) -> Self::Pack {
                first(from)
            }
        }
    };
}
portable_lanes!(f32, 16);
portable_lanes!(f64, 8);

impl Load<f16> for Portable {
    #[inline(always)]
    fn load(self, from: &[f16]) -> Self::Pack {
        let mut out = [0.0; 16];
        first::<f16, 16>(from).convert_to_f32_slice(&mut out);
        out
    }
    #[inline(always)]
    fn load_partial(self, from: &[f16]) -> Self::Pack {
        self.load(from)
    }
}
