//! Time and randomness, given from outside so that tests and the simulation own them.

use homing_domain::UnixMillis;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> UnixMillis;
}

/// Gives random bytes fit for keys and ids.
pub trait Entropy: Send + Sync {
    /// Sixteen random bytes.
    fn random_16(&self) -> [u8; 16];

    /// Thirty-two random bytes.
    fn random_32(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.random_16());
        bytes[16..].copy_from_slice(&self.random_16());
        bytes
    }
}
