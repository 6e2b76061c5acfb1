//! homing-store-embedded
