//! homing-dispatch
