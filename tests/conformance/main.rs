//! The conformance suite: what the ports promise, as tests that every adapter must pass.
//!
//! A suite is generic over [`adapter::Adapter`]; `suites!` makes its tests for one adapter. The suites hold adapters to the
//! ports' words and no more: what only the embedded store promises (durability over SIGKILL, retention) is in `embedded`.

#![expect(clippy::unwrap_used, reason = "the whole binary is tests, and a test stops at the first surprise")]

#[macro_use]
mod suites;
mod adapter;
mod aws;
mod embedded;
mod values;

suites!(crate::embedded::Embedded);
