//! homing-link
