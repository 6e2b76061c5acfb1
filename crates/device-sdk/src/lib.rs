//! homing-device-sdk
