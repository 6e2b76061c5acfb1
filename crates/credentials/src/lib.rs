//! homing-credentials
