//! Packs in AVX2 and AVX-512 registers, through pulp's tokens: holding one proves that the processor has the instructions.

use bytemuck::cast;
use half::f16;
use pulp::x86::{V3, V4};
use pulp::{NullaryFnOnce, Simd, f32x8, f32x16, f64x4, f64x8};
use std::arch::x86_64::{__m256, __m256i, __m512, _MM_HINT_T1, _mm_prefetch, _mm256_cvtph_ps};

use super::simd::{Lanes, Load, first};

pulp::simd_type! {
    /// The instructions of pulp's `V3` and those that convert half floats.
    struct Avx2Features {
        sse: "sse",
        sse2: "sse2",
        sse3: "sse3",
        ssse3: "ssse3",
        sse4_1: "sse4.1",
        sse4_2: "sse4.2",
        popcnt: "popcnt",
        avx: "avx",
        avx2: "avx2",
        bmi1: "bmi1",
        bmi2: "bmi2",
        fma: "fma",
        lzcnt: "lzcnt",
        fxsr: "fxsr",
        f16c: "f16c",
    }
}

/// A pack is two 256-bit registers.
#[derive(Clone, Copy)]
pub(super) struct Avx2 {
    features: Avx2Features,
    v3: V3,
}

impl Avx2 {
    pub(super) fn try_new() -> Option<Self> {
        Some(Avx2 { features: Avx2Features::try_new()?, v3: V3::try_new()? })
    }

    #[inline(always)]
    pub(super) fn vectorize<F: NullaryFnOnce>(self, work: F) -> F::Output {
        self.features.vectorize(work)
    }
}

/// See [`super::simd::prefetch`].
#[inline(always)]
pub(super) fn prefetch<T>(values: &[T]) {
    // SAFETY: every processor of this architecture has the instruction, which touches no memory and allows any address.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(values.as_ptr().cast()) }
}

/// A mask for the first `len` of 8 lanes.
#[inline(always)]
fn mask_f32(len: usize) -> __m256i {
    const LANES: [[i32; 8]; 9] = {
        let mut lanes = [[0; 8]; 9];
        let mut len = 0;
        while len < 9 {
            let mut i = 0;
            while i < len {
                lanes[len][i] = -1;
                i += 1;
            }
            len += 1;
        }
        lanes
    };
    cast(LANES[len.min(8)])
}

/// A mask for the first `len` of 4 lanes.
#[inline(always)]
fn mask_f64(len: usize) -> __m256i {
    mask_f32(2 * len.min(4))
}

macro_rules! lanes {
    ($a:ty, $n:literal, $wide:ty, $half:ty, $splat:ident, $fma:ident, $add:ident, $sum:ident, $masked:ident, $mask:ty, $half_masked:ident, $half_mask:ident) => {
        impl Lanes<$a> for V4 {
            type Pack = $wide;
            const ROWS: usize = 4;
            const VECTORS: usize = 2;
            #[inline(always)]
            fn zero(self) -> Self::Pack {
                Simd::$splat(self, 0.0)
            }
            #[inline(always)]
            fn splat(self, value: $a) -> Self::Pack {
                Simd::$splat(self, value)
            }
            #[inline(always)]
            fn mul_add(self, a: Self::Pack, b: Self::Pack, c: Self::Pack) -> Self::Pack {
                Simd::$fma(self, a, b, c)
            }
            #[inline(always)]
            fn add(self, a: Self::Pack, b: Self::Pack) -> Self::Pack {
                Simd::$add(self, a, b)
            }
            #[inline(always)]
            fn sum(self, a: Self::Pack) -> $a {
                Simd::$sum(self, a)
            }
            #[inline(always)]
            fn store(self, a: Self::Pack, to: &mut [$a]) {
                to[..$n].copy_from_slice(&cast::<$wide, [$a; $n]>(a));
            }
        }

        impl Load<$a> for V4 {
            #[inline(always)]
            fn load(self, from: &[$a]) -> Self::Pack {
                cast(first::<$a, $n>(from))
            }
            #[inline(always)]
            fn load_partial(self, from: &[$a]) -> Self::Pack {
                let mask: $mask = ((1_u32 << from.len().min($n)) - 1) as $mask;
                // SAFETY: the mask has a bit for each number of `from` and no other lane is read.
                cast(unsafe { self.avx512f.$masked(mask, from.as_ptr()) })
            }
        }

        impl Lanes<$a> for Avx2 {
            type Pack = [$half; 2];
            const ROWS: usize = 3;
            const VECTORS: usize = 1;
            #[inline(always)]
            fn zero(self) -> Self::Pack {
                [Simd::$splat(self.v3, 0.0); 2]
            }
            #[inline(always)]
            fn splat(self, value: $a) -> Self::Pack {
                [Simd::$splat(self.v3, value); 2]
            }
            #[inline(always)]
            fn mul_add(self, a: Self::Pack, b: Self::Pack, c: Self::Pack) -> Self::Pack {
                [Simd::$fma(self.v3, a[0], b[0], c[0]), Simd::$fma(self.v3, a[1], b[1], c[1])]
            }
            #[inline(always)]
            fn add(self, a: Self::Pack, b: Self::Pack) -> Self::Pack {
                [Simd::$add(self.v3, a[0], b[0]), Simd::$add(self.v3, a[1], b[1])]
            }
            #[inline(always)]
            fn sum(self, a: Self::Pack) -> $a {
                Simd::$sum(self.v3, Simd::$add(self.v3, a[0], a[1]))
            }
            #[inline(always)]
            fn store(self, a: Self::Pack, to: &mut [$a]) {
                to[..$n].copy_from_slice(&cast::<[$half; 2], [$a; $n]>(a));
            }
        }

        impl Load<$a> for Avx2 {
            #[inline(always)]
            fn load(self, from: &[$a]) -> Self::Pack {
                cast(first::<$a, $n>(from))
            }
            #[inline(always)]
            fn load_partial(self, from: &[$a]) -> Self::Pack {
                let (low, high) = from.split_at(from.len().min($n / 2));
                // SAFETY: each mask has a lane for each number of its part (at most half a pack) and no other lane is read.
                unsafe {
                    [
                        cast(self.v3.avx.$half_masked(low.as_ptr(), $half_mask(low.len()))),
                        cast(self.v3.avx.$half_masked(high.as_ptr(), $half_mask(high.len()))),
                    ]
                }
            }
        }
    };
}
lanes!(
    f32,
    16,
    f32x16,
    f32x8,
    splat_f32s,
    mul_add_f32s,
    add_f32s,
    reduce_sum_f32s,
    _mm512_maskz_loadu_ps,
    u16,
    _mm256_maskload_ps,
    mask_f32
);
lanes!(
    f64,
    8,
    f64x8,
    f64x4,
    splat_f64s,
    mul_add_f64s,
    add_f64s,
    reduce_sum_f64s,
    _mm512_maskz_loadu_pd,
    u8,
    _mm256_maskload_pd,
    mask_f64
);

impl Load<f16> for V4 {
    #[inline(always)]
    fn load(self, from: &[f16]) -> f32x16 {
        let halves: __m256i = cast(first::<f16, 16>(from));
        cast::<__m512, f32x16>(self.avx512f._mm512_cvtph_ps(halves))
    }
    #[inline(always)]
    fn load_partial(self, from: &[f16]) -> f32x16 {
        let mask = ((1_u32 << from.len().min(16)) - 1) as u16;
        // SAFETY: the mask has a bit for each number of `from` and no other lane is read.
        let halves = unsafe { self.avx512bw._mm256_maskz_loadu_epi16(mask, from.as_ptr().cast()) };
        cast::<__m512, f32x16>(self.avx512f._mm512_cvtph_ps(halves))
    }
}

impl Load<f16> for Avx2 {
    #[inline(always)]
    fn load(self, from: &[f16]) -> [f32x8; 2] {
        cast::<[f16; 16], [[f16; 8]; 2]>(first::<f16, 16>(from)).map(
            #[inline(always)]
            |halves| {
                // SAFETY: `self.features` exists only where the processor has F16C (and AVX).
                let wide: __m256 = unsafe { _mm256_cvtph_ps(cast(halves)) };
                cast(wide)
            },
        )
    }
    #[inline(always)]
    fn load_partial(self, from: &[f16]) -> [f32x8; 2] {
        self.load(from)
    }
}
