//! homing-wire
