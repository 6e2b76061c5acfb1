//! homing-telemetry
