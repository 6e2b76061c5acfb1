//! The proof in a device's Hello: it binds the device, its credential and its connection number to this one TLS session,
//! so that a captured Hello proves nothing on another.

use homing_domain::{ConnSeq, DeviceId};
use subtle::ConstantTimeEq;

use crate::device_keys::DeviceSecret;
use crate::fields::mac;

/// Label of the TLS exporter (RFC 8446, section 7.5) whose 32 bytes enter the proof. The exporter's context is empty.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-homing-hello";
/// Length of the proof: 128 bits, as any TLS record's tag.
pub const HELLO_AUTH_BYTES: usize = 16;

/// Computes the proof.
#[must_use]
pub fn hello_auth(
    secret: &DeviceSecret,
    exporter: &[u8; 32],
    device: DeviceId,
    key_id: u32,
    credential_generation: u32,
    conn_seq: ConnSeq,
) -> [u8; HELLO_AUTH_BYTES] {
    let fields: [&[u8]; 5] = [
        exporter,
        device.as_bytes(),
        &key_id.to_be_bytes(),
        &credential_generation.to_be_bytes(),
        &conn_seq.to_be_bytes(),
    ];
    let mut proof = [0; HELLO_AUTH_BYTES];
    proof.copy_from_slice(&mac(secret.expose(), "homing/1 hello", &fields)[..HELLO_AUTH_BYTES]);
    proof
}

/// Checks a proof in constant time.
#[must_use]
pub fn verify_hello(
    secret: &DeviceSecret,
    exporter: &[u8; 32],
    device: DeviceId,
    key_id: u32,
    credential_generation: u32,
    conn_seq: ConnSeq,
    proof: &[u8],
) -> bool {
    hello_auth(secret, exporter, device, key_id, credential_generation, conn_seq)[..].ct_eq(proof).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([9; 16]);

    fn secret() -> DeviceSecret {
        DeviceSecret::new([3; 32])
    }

    #[test]
    fn known_answer() {
        let proof = hello_auth(&secret(), &[4; 32], DEVICE, 1, 2, 77);
        assert_eq!(crate::encode(&proof), "JPNXfE_YREdRuLF4WmyiOQ");
    }

    #[test]
    fn a_proof_is_good_for_one_session_and_one_connection_number() {
        let proof = hello_auth(&secret(), &[4; 32], DEVICE, 1, 2, 77);
        assert!(verify_hello(&secret(), &[4; 32], DEVICE, 1, 2, 77, &proof));
        assert!(!verify_hello(&secret(), &[5; 32], DEVICE, 1, 2, 77, &proof));
        assert!(!verify_hello(&secret(), &[4; 32], DEVICE, 1, 2, 78, &proof));
        assert!(!verify_hello(&secret(), &[4; 32], DEVICE, 1, 3, 77, &proof));
        assert!(!verify_hello(&secret(), &[4; 32], DEVICE, 2, 2, 77, &proof));
        assert!(!verify_hello(&DeviceSecret::new([2; 32]), &[4; 32], DEVICE, 1, 2, 77, &proof));
        assert!(!verify_hello(&secret(), &[4; 32], DEVICE, 1, 2, 77, &proof[..15]));
        assert!(!verify_hello(&secret(), &[4; 32], DEVICE, 1, 2, 77, &[]));
    }
}
