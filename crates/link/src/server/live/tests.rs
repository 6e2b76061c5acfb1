//! The rules of a live link, each with the fault that it guards against. The mailbox beside it is the real model.

mod feed;
mod opening;
mod order;
mod recalls;
mod settling;
mod store;
mod talk;
mod world;
