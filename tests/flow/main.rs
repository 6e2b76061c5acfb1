//! The way of a message through real parts: one module per part of it.

#![expect(clippy::unwrap_used, reason = "the whole binary is tests, and a test stops at the first surprise")]

mod api;
mod serve;
