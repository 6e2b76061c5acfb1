//! homing-binding
