//! What the test binaries share.

pub mod emulator;
pub mod weak;
