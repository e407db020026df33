//! Asking for parts, over stores: what is told, and that nothing else is taken (RE11, RE12).
#![allow(clippy::unwrap_used, reason = "a test")]

mod held;
mod honest;
mod lying;
mod support;
mod whole;
