//! Exponential and logarithm as branch-free polynomials, so that a loop over margins becomes vector code. No fused
//! multiply-add is used: the bits are the same on every machine and at every vector width. Errors are at most 4 units in
//! the last place (held by a test against the system's functions).

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// Above it `exp` is infinite.
const EXP_OVERFLOW: f64 = 709.782_712_893_384;
/// Below it `exp` is taken as 0: the true value is under 6e-308.
const EXP_UNDERFLOW: f64 = -707.5;
/// Adding it rounds a number below 2^51 to an integer, which then stands in the low bits.
const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
/// ln 2 in two parts: the product of the first with any exponent is exact.
const LN2_HIGH: f64 = 0.693_146_705_627_441_4;
const LN2_LOW: f64 = 4.749_325_039_031_673e-7;
/// Minimax coefficients of `(exp(r) - 1 - r) / r^2` on `|r| <= ln(2) / 2` (relative error of exp 3.5e-18).
const EXP: [f64; 10] = [
    0.500_000_000_000_001_2,
    0.166_666_666_666_667,
    0.041_666_666_666_515_45,
    0.008_333_333_333_307_175,
    0.001_388_888_894_700_654_5,
    0.000_198_412_699_174_709_74,
    2.480_148_995_214_885_8e-5,
    2.755_721_620_394_945_4e-6,
    2.763_127_677_569_954e-7,
    2.511_789_670_280_230_8e-8,
];
/// Minimax coefficients of `2 (atanh(s)/s - 1) / s^2` in `s^2` on `|s| <= tan(pi/8)^2` (relative error of log 4.6e-18).
const LOG: [f64; 7] = [
    0.666_666_666_666_667,
    0.399_999_999_998_978_9,
    0.285_714_286_266_514_1,
    0.222_222_110_317_493_25,
    0.181_828_962_076_316_85,
    0.153_314_977_645_068_18,
    0.146_190_969_920_122_8,
];

/// A polynomial by Horner's rule.
#[inline(always)]
fn horner<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum * x + coefficients[i];
    }
    sum
}

/// `exp(x)`: infinite past 709.78, 0 below -707.5, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mantissa = 1.0 + (r + r * r * horner(r, &EXP));
    // 2^(n-1), doubled afterwards: 2^n itself is out of range for the largest arguments.
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(1022)) << 52);
    let value = mantissa * scale * 2.0;
    let value = if x < EXP_UNDERFLOW { 0.0 } else { value };
    if x > EXP_OVERFLOW { f64::INFINITY } else { value }
}

/// `log(1 + u)` for `0 <= u <= 1`.
#[inline(always)]
pub(crate) fn log1p_unit(u: f64) -> f64 {
    // 1 + u lies in [1, 2]; its upper part is halved, so that the series argument stays below tan(pi/8)^2.
    let upper = u > SQRT_2 - 1.0;
    let f = if upper { 0.5 * (u - 1.0) } else { u };
    let s = f / (2.0 + f);
    let z = s * s;
    let log = f - s * (f - z * horner(z, &LOG));
    if upper { LN_2 + log } else { log }
}

/// `log(1 + exp(z))`.
#[inline(always)]
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + log1p_unit(exp(-z.abs()))
}

/// `1 / (1 + exp(-z))`.
#[inline(always)]
pub(crate) fn sigmoid(z: f64) -> f64 {
    let e = exp(-z.abs());
    let numerator = if z < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// `sigmoid'(z) = sigmoid(z) sigmoid(-z)`.
#[inline(always)]
pub(crate) fn sigmoid_slope(z: f64) -> f64 {
    let e = exp(-z.abs());
    e / ((1.0 + e) * (1.0 + e))
}

/// `t log t`, 0 at 0.
pub(crate) fn entropy_term(t: f64) -> f64 {
    if t == 0.0 { 0.0 } else { t * t.ln() }
}

/// The sum in eight partial sums: the same order on every machine, and vector code.
#[inline(always)]
pub(crate) fn sum_of(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let whole = n / 8 * 8;
    let mut i = 0;
    while i < whole {
        for (l, lane) in lanes.iter_mut().enumerate() {
            *lane += term(i + l);
        }
        i += 8;
    }
    for (l, j) in (whole..n).enumerate() {
        lanes[l] += term(j);
    }
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Distance in units in the last place of the second.
    fn ulps(a: f64, b: f64) -> f64 {
        if a == b {
            return 0.0;
        }
        (a - b).abs() / (f64::EPSILON / 2.0 * b.abs())
    }

    proptest! {
        // The polynomial adds 0.04 units, its evaluation and the argument reduction under 3; the system's functions are
        // within 1.
        #[test]
        fn exp_and_log_agree_with_the_system(x in -707.0..709.7f64, u in 0.0..=1.0f64, small in -300.0..0.0f64) {
            prop_assert!(ulps(exp(x), x.exp()) <= 4.0, "exp({x}) = {} not {}", exp(x), x.exp());
            prop_assert!(ulps(log1p_unit(u), u.ln_1p()) <= 4.0, "log1p({u}) = {} not {}", log1p_unit(u), u.ln_1p());
            let tiny = 10f64.powf(small);
            prop_assert!(ulps(log1p_unit(tiny), tiny.ln_1p()) <= 4.0);
        }

        #[test]
        fn lanes_sum_every_term_once(n in 0usize..50) {
            prop_assert_eq!(sum_of(n, |i| (1u64 << i) as f64), ((1u64 << n) - 1) as f64);
        }
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert_eq!(exp(1e300), f64::INFINITY);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1e300), 0.0);
        assert!(exp(EXP_OVERFLOW).is_finite() && exp(EXP_OVERFLOW) > 1.7e308);
        assert_eq!(exp(710.0), f64::INFINITY);
        assert!(exp(EXP_UNDERFLOW) > 0.0);
        assert!(exp(f64::NAN).is_nan() && softplus(f64::NAN).is_nan() && sigmoid(f64::NAN).is_nan());
        assert_eq!(log1p_unit(0.0), 0.0);
        assert_eq!(log1p_unit(1.0), LN_2);
        assert_eq!(softplus(1e300), 1e300);
        assert_eq!(softplus(-1e300), 0.0);
        assert_eq!((sigmoid(1e300), sigmoid(-1e300), sigmoid(0.0)), (1.0, 0.0, 0.5));
        assert_eq!((sigmoid_slope(1e300), sigmoid_slope(0.0)), (0.0, 0.25));
    }
}
