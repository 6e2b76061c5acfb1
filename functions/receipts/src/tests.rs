//! What the tests of both stages share.

pub(crate) mod world;
