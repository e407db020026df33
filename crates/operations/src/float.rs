//! Floating point numbers that can be compared, hashed and signed.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// An IEEE 754 double of which every value has one form: there is only one NaN (PN12).
///
/// NaN equals itself and sorts after every number. Zero and negative zero are different values, as
/// their encodings are; negative zero sorts right before zero. Where people compare numbers, use
/// [`Float::cmp_numeric`], for which the two zeros are equal.
///
/// ```
/// use pandan_operations::Float;
///
/// assert_eq!(Float::new(f64::NAN), Float::new(-f64::NAN));
/// assert!(Float::new(f64::INFINITY) < Float::new(f64::NAN));
/// ```
#[derive(Clone, Copy, Default)]
pub struct Float(f64);

/// The only NaN: positive, quiet, without payload.
const NAN_BITS: u64 = 0x7ff8_0000_0000_0000;

impl Float {
    /// The one NaN.
    pub const NAN: Self = Self(f64::from_bits(NAN_BITS));

    /// Takes over a number; all NaN become one.
    #[must_use]
    pub const fn new(number: f64) -> Self {
        if number.is_nan() { Self::NAN } else { Self(number) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The bits of the number, the same for equal values only.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// Compares as numbers: zero equals negative zero; NaN equals itself and comes last.
    #[must_use]
    pub fn cmp_numeric(self, other: Self) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap_or_else(|| self.cmp(&other))
    }
}

impl From<f64> for Float {
    fn from(number: f64) -> Self {
        Self::new(number)
    }
}

impl From<Float> for f64 {
    fn from(float: Float) -> Self {
        float.0
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits()
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        // The one NaN is positive, which the total order of IEEE 754 puts behind infinity.
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Float {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl fmt::Debug for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number of bytes in the shortest form that gives back the same bits.
pub(crate) fn width(float: Float) -> u8 {
    if to_f16(float).is_some() {
        2
    } else if to_f32(float).is_some() {
        4
    } else {
        8
    }
}

/// The number which these bits of a half precision float stand for.
pub(crate) fn from_f16(bits: u16) -> f64 {
    let sign = u64::from(bits >> 15) << 63;
    let exponent = u64::from(bits >> 10 & 0x1f);
    let fraction = u64::from(bits & 0x3ff);
    match exponent {
        // Subnormal: a multiple of 2^-24, which a double holds exactly.
        0 => {
            let size = f64::from(bits & 0x3ff) * F16_UNIT;
            f64::from_bits(size.to_bits() | sign)
        }
        0x1f => f64::from_bits(sign | 0x7ff << 52 | fraction << 42),
        // The exponents are kept with 15 and 1023 added.
        _ => f64::from_bits(sign | exponent.saturating_add(1023 - 15) << 52 | fraction << 42),
    }
}

/// The bits of the half precision float that stands for the same number, if there is one.
pub(crate) fn to_f16(float: Float) -> Option<u16> {
    if float == Float::NAN {
        return Some(F16_NAN);
    }
    let bits = float.to_bits();
    let sign = bits >> 48 & 0x8000;
    let fraction = bits & FRACTION;
    let size = match bits >> 52 & 0x7ff {
        0 if fraction == 0 => 0,
        0x7ff => 0x1f << 10,
        exponent @ 999..=1008 => {
            // Subnormal: how many times 2^-24.
            let significand = fraction | FRACTION.saturating_add(1);
            exactly(significand, 1051_u64.saturating_sub(exponent))?
        }
        exponent @ 1009..=1038 => exponent.saturating_sub(1023 - 15) << 10 | exactly(fraction, 42)?,
        _ => return None,
    };
    u16::try_from(sign | size).ok()
}

/// The bits of the single precision float that stands for the same number, if there is one.
pub(crate) fn to_f32(float: Float) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "what is lost is noticed right after")]
    let single = float.get() as f32;
    (f64::from(single).to_bits() == float.to_bits()).then(|| single.to_bits())
}

/// Shifts to the right, if only zeros fall off.
fn exactly(number: u64, places: u64) -> Option<u64> {
    let places = u32::try_from(places).ok()?;
    let shifted = number.checked_shr(places)?;
    (shifted.checked_shl(places)? == number).then_some(shifted)
}

/// The fraction bits of a double.
const FRACTION: u64 = (1 << 52) - 1;

/// The smallest positive half precision float, 2^-24.
const F16_UNIT: f64 = 1.0 / 16_777_216.0;

/// The only NaN as a half precision float.
const F16_NAN: u16 = 0x7e00;
