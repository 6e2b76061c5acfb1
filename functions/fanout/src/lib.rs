//! homing-fanout
