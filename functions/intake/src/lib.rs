//! homing-intake
