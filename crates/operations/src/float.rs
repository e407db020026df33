//! Floating point numbers that can be compared, hashed and signed.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// An IEEE 754 double of which every value has one form: there is only one NaN.
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
