//! Keys of QUIC's address-validation tokens. A Retry token lives for seconds, so two keys would do; they change because a
//! key that never does is one for a thief to keep.

use std::sync::Arc;

use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use homing_credentials::FleetSecret;
use homing_domain::Millis;
use homing_ports::Clock;
use quinn_proto::crypto::{AeadKey, CryptoError, HandshakeTokenKey};

use super::{PAST_PERIODS, Periods};

/// How long one key seals.
const PERIOD: Millis = 24 * 3_600_000;

/// The keys of the present and the past periods.
pub(crate) struct RetryKeys {
    secret: FleetSecret,
    periods: Periods,
}

impl RetryKeys {
    pub(crate) fn new(secret: FleetSecret, clock: Arc<dyn Clock>) -> Self {
        Self { secret, periods: Periods { clock, length: PERIOD } }
    }

    fn key(&self, period: u64) -> Prk {
        Salt::new(HKDF_SHA256, b"").extract(&self.secret.derive("retry", &period.to_be_bytes()))
    }
}

impl HandshakeTokenKey for RetryKeys {
    fn aead_from_hkdf(&self, random_bytes: &[u8]) -> Box<dyn AeadKey> {
        let present = self.periods.present();
        let past = (1..=PAST_PERIODS).map(|ago| present.saturating_sub(ago));
        let derived = |period| HandshakeTokenKey::aead_from_hkdf(&self.key(period), random_bytes);
        Box::new(OneToken { present: derived(present), past: past.map(derived).collect() })
    }
}

/// The keys of one token.
struct OneToken {
    present: Box<dyn AeadKey>,
    past: Vec<Box<dyn AeadKey>>,
}

impl AeadKey for OneToken {
    fn seal(&self, data: &mut Vec<u8>, additional_data: &[u8]) -> Result<(), CryptoError> {
        self.present.seal(data, additional_data)
    }

    fn open<'a>(&self, data: &'a mut [u8], additional_data: &[u8]) -> Result<&'a mut [u8], CryptoError> {
        // A key that does not fit leaves garbage behind, so each has its own copy.
        let sealed = data.to_vec();
        for key in std::iter::once(&self.present).chain(&self.past) {
            let mut attempt = sealed.clone();
            if let Ok(plain) = key.open(&mut attempt, additional_data) {
                let opened = data.get_mut(..plain.len()).ok_or(CryptoError)?;
                opened.copy_from_slice(plain);
                return Ok(opened);
            }
        }
        Err(CryptoError)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::tests::Hand;
    use super::*;

    #[test]
    fn a_token_is_opened_by_its_period_and_the_two_after() {
        let clock = Arc::new(Hand(AtomicU64::new(10 * PERIOD)));
        let keys = |secret| RetryKeys::new(FleetSecret::new([secret; 32]), Arc::<Hand>::clone(&clock));
        let mut sealed = b"address".to_vec();
        keys(1).aead_from_hkdf(b"nonce").seal(&mut sealed, &[]).unwrap();
        let open = |secret, nonce: &[u8]| {
            let mut data = sealed.clone();
            keys(secret).aead_from_hkdf(nonce).open(&mut data, &[]).map(|plain| plain.to_vec()).ok()
        };
        for (day, is_open) in [(10, true), (11, true), (12, true), (13, false)] {
            clock.0.store(day * PERIOD, Ordering::Relaxed);
            assert_eq!(open(1, b"nonce").as_deref(), is_open.then_some(&b"address"[..]), "day {day}");
        }
        clock.0.store(10 * PERIOD, Ordering::Relaxed);
        assert_eq!(open(2, b"nonce"), None);
        assert_eq!(open(1, b"other"), None);
    }
}
