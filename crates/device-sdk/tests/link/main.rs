//! The device SDK against a scripted gateway over real sockets.

#![expect(clippy::unwrap_used, reason = "the whole binary is tests, and a test stops at the first surprise")]

mod delivery;
mod fake;
mod feed;
mod learning;
mod moving;
mod recalls;
mod routing;
mod talking;
