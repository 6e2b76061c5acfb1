//! homing-contract
