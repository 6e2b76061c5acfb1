//! homing-console
