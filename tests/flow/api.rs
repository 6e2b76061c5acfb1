//! The merged HTTP API over the embedded store: no sockets, everything else is real.

mod apps;
mod audiences;
mod content;
mod contract_document;
mod control;
mod dead_letters;
mod devices;
mod failing;
mod failures;
mod malformed;
mod messages;
mod questions;
mod world;
