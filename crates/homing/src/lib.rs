//! homing
