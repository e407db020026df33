//! Limits of what others can make a store keep or do.

/// Texts are ordered by this many characters; documents whose texts agree so far go by their id.
///
/// It keeps long texts out of the indexes.
pub const ORDER_KEY_CHARS: usize = 256;

/// Byte strings are ordered by this many bytes, see [`ORDER_KEY_CHARS`].
pub const ORDER_KEY_BYTES: usize = 256;
