//! What the Lambda mains share.
//!
//! **Must not know**: what a stage does.
