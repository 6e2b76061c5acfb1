//! The device SDK against a scripted gateway over real sockets.

mod delivery;
mod fake;
mod moving;
mod talking;
