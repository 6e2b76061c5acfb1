//! Acceptance and the intake queue over a small world whose every call can fail.

mod amended;
mod controlled;
mod lists;
mod queued;
mod scheduled;
mod uploaded;
mod world;
