//! Sizes that nothing from outside can exceed.

/// Bytes of the longest file that is read as a key file; real ones have at most some hundred.
pub const KEY_FILE_LENGTH_MAX: usize = 4096;
