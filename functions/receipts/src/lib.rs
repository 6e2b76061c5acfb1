//! homing-receipts
