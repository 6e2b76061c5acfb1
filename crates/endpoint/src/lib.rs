//! homing-endpoint
