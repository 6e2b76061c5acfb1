//! The merged HTTP API over the embedded store: no sockets, everything else is real.

mod apps;
mod content;
mod contract_document;
mod dead_letters;
mod devices;
mod failing;
mod failures;
mod malformed;
mod messages;
mod questions;
mod world;
