//! Connections by the certificate that they were made with.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use homing_ports::CallIdentity;

/// Identities whose connections are kept. An app has at most one (APNs); past this the one that rested longest is let go, which
/// costs its next request a handshake.
const IDENTITIES_MAX: usize = 256;

/// An identity by its certificates: they name the public half of its key, so no other key goes with them.
type Chain = Vec<Bytes>;

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    used: u64,
}

/// Something for each identity, made when it is first asked for.
#[derive(Debug)]
pub(crate) struct Identities<T> {
    kept: Mutex<HashMap<Chain, Kept<T>>>,
    uses: AtomicU64,
}

impl<T> Default for Identities<T> {
    fn default() -> Self {
        Self { kept: Mutex::default(), uses: AtomicU64::default() }
    }
}

impl<T> Identities<T> {
    /// What is kept for an identity, or what `make` makes.
    pub(crate) fn of<E>(&self, identity: &CallIdentity, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get_mut(&identity.chain) {
            known.used = used;
            return Ok(known.value.clone());
        }
        let value = Arc::new(make()?);
        if kept.len() >= IDENTITIES_MAX {
            let rested = kept.iter().min_by_key(|(_, known)| known.used).map(|(chain, _)| chain.clone());
            rested.and_then(|chain| kept.remove(&chain));
        }
        kept.insert(identity.chain.clone(), Kept { value: value.clone(), used });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn identity(number: usize) -> CallIdentity {
        CallIdentity { chain: vec![Bytes::from(number.to_string())], key: Arc::from(&b"key"[..]) }
    }

    #[test]
    fn an_identity_keeps_its_own_and_the_longest_rested_goes_first() {
        let identities = Identities::default();
        let of = |number| *identities.of(&identity(number), || Ok::<_, Infallible>(number)).unwrap();
        for number in 0..IDENTITIES_MAX {
            assert_eq!(of(number), number);
        }
        let kept = |number| *identities.of(&identity(number), || Ok::<_, Infallible>(usize::MAX)).unwrap();
        assert_eq!(kept(0), 0);
        assert_eq!(of(IDENTITIES_MAX), IDENTITIES_MAX);
        assert_eq!((kept(0), kept(1)), (0, usize::MAX));
        assert_eq!(identities.kept.lock().unwrap().len(), IDENTITIES_MAX);
    }

    #[test]
    fn a_failure_keeps_nothing() {
        let identities = Identities::default();
        assert_eq!(identities.of(&identity(1), || Err::<u8, _>("no key")).unwrap_err(), "no key");
        assert_eq!(*identities.of(&identity(1), || Ok::<_, Infallible>(7)).unwrap(), 7);
    }
}
