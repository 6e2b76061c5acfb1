//! Acceptance and the intake queue over a small world whose every call can fail.

mod queued;
mod scheduled;
mod world;
