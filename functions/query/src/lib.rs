//! homing-query
