//! The scalar types a shard can be stored in, and the type each is computed in.

use half::f16;

/// Storage precision, by its command-line name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 8-byte storage and arithmetic.
    F64,
    /// 4-byte storage and arithmetic.
    F32,
    /// 2-byte storage, 4-byte arithmetic.
    F16,
}

impl Precision {
    /// The unit round-off of the arithmetic: half the distance from 1 to the next number.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Precision::F64 => f64::EPSILON / 2.0,
            Precision::F32 | Precision::F16 => f64::from(f32::EPSILON) / 2.0,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F64 => "f64",
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        }
    }

    /// Bytes of one stored number.
    pub fn bytes(self) -> usize {
        match self {
            Precision::F64 => 8,
            Precision::F32 => 4,
            Precision::F16 => 2,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A number a shard can be stored in: `f64`, `f32` or `f16` (stored in two bytes, computed in `f32`).
pub trait Element: Copy + Send + Sync + PartialEq + std::fmt::Debug + bytemuck::Pod + 'static {
    /// The type of products and sums, and of what crosses the wire.
    type Acc: Accumulator;
    /// The storage precision.
    const PRECISION: Precision;
    /// The number in the arithmetic type (exact).
    fn widen(self) -> Self::Acc;
    /// The nearest stored number.
    fn from_f64(value: f64) -> Self;
    /// The number as `f64` (exact).
    fn to_f64(self) -> f64 {
        self.widen().to_f64()
    }
}

/// A type of arithmetic: `f64` or `f32`.
pub trait Accumulator: Element<Acc = Self> + Arithmetic {
    /// Additive identity.
    const ZERO: Self;
}

/// The arithmetic that kernels use.
pub trait Arithmetic:
    Sized
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Neg<Output = Self>
    + std::ops::AddAssign
    + PartialOrd
{
    /// `self * b + c` with one rounding.
    fn mul_add(self, b: Self, c: Self) -> Self;
}

impl Arithmetic for f32 {
    fn mul_add(self, b: Self, c: Self) -> Self {
        f32::mul_add(self, b, c)
    }
}

impl Arithmetic for f64 {
    fn mul_add(self, b: Self, c: Self) -> Self {
        f64::mul_add(self, b, c)
    }
}

impl Element for f64 {
    type Acc = f64;
    const PRECISION: Precision = Precision::F64;
    fn widen(self) -> f64 {
        self
    }
    fn from_f64(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
}

impl Element for f32 {
    type Acc = f32;
    const PRECISION: Precision = Precision::F32;
    fn widen(self) -> f32 {
        self
    }
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the storage type is the purpose")]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Element for f16 {
    type Acc = f32;
    const PRECISION: Precision = Precision::F16;
    fn widen(self) -> f32 {
        self.to_f32()
    }
    fn from_f64(value: f64) -> Self {
        f16::from_f64(value)
    }
}

impl Accumulator for f64 {
    const ZERO: Self = 0.0;
}

impl Accumulator for f32 {
    const ZERO: Self = 0.0;
}
