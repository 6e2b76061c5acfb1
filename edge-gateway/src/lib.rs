//! homing-edge-gateway
