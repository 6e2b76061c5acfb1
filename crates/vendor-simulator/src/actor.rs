//! What the nine vendors have in common, and what each keeps.

use std::collections::BTreeMap;

use homing_domain::Channel;
use serde::Deserialize;

use crate::asked::{Asked, Said};
use crate::bounded::Bounded;
use crate::{apns, fcm, honor, huawei, meizu, oppo, vivo, webpush, xiaomi};

/// What a token begins with that nobody has.
const DEAD: &str = "invalid";
/// And one of which the vendor finds out only later, and tells by a receipt.
const DEAD_LATER: &str = "invalid-later";
/// Accesses that a vendor remembers.
const ACCESSES_MAX: usize = 4_096;
/// Saved contents that a vendor remembers.
const TASKS_MAX: usize = 4_096;
/// (request, token) pairs by which it knows repeats.
const REPEATS_MAX: usize = 200_000;
/// Credentials that it knows.
const CREDENTIALS_MAX: usize = 1_024;
/// Subscriptions that the push service of browsers has.
const SUBSCRIPTIONS_MAX: usize = 20_000;

/// A vendor.
pub(crate) trait Actor: Sync {
    /// Whether a request is for sending, and not for access or control.
    fn is_send(&self, asked: &Asked) -> bool;

    /// "Too fast", in its words.
    fn throttled(&self) -> Said;

    /// "Down", in its words.
    fn outage(&self) -> Said;

    /// Its answer.
    fn play(&self, books: &mut Books, asked: &Asked) -> Said;
}

/// Who plays a channel's vendor. `None` = there is none.
pub(crate) fn actor(channel: Channel) -> Option<&'static dyn Actor> {
    Some(match channel {
        Channel::Own => return None,
        Channel::Apns => &apns::Apns,
        Channel::Fcm => &fcm::Fcm,
        Channel::Huawei => &huawei::Huawei,
        Channel::Honor => &honor::Honor,
        Channel::Xiaomi => &xiaomi::Xiaomi,
        Channel::Oppo => &oppo::Oppo,
        Channel::Vivo => &vivo::Vivo,
        Channel::Meizu => &meizu::Meizu,
        Channel::WebPush => &webpush::WebPush,
    })
}

/// A credential as it was registered, or learned.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registered {
    /// Key id, client id, app key: whatever a request names.
    pub(crate) id: String,
    /// What it signs with or shows.
    #[serde(default)]
    pub(crate) secret: Option<String>,
    /// The public half of the key that it signs with, as PEM.
    #[serde(default)]
    pub(crate) public_key: Option<String>,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registered({})", self.id)
    }
}

/// Where receipts of a vendor go that is told once, and how they are authenticated.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallbackSetting {
    /// Not needed where each message says it.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// Huawei.
    #[serde(default)]
    pub(crate) user_name: String,
    /// Huawei.
    #[serde(default)]
    pub(crate) secret: Option<String>,
    /// Meizu.
    #[serde(default)]
    pub(crate) access_token: String,
}

impl std::fmt::Debug for CallbackSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallbackSetting")
    }
}

/// A content that was saved to be sent to lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    pub(crate) message: String,
    pub(crate) callback: Option<String>,
}

/// What a vendor keeps.
#[derive(Debug)]
pub(crate) struct Books {
    credentials: BTreeMap<String, Registered>,
    /// Access that is valid, and until when (milliseconds since 1970).
    accesses: Bounded<String, u64>,
    /// Access that was made to expire.
    expired: Bounded<String, ()>,
    pub(crate) tasks: Bounded<String, Task>,
    /// The vendor's id of what came with a request id for a token.
    pub(crate) repeats: Bounded<(String, String), String>,
    pub(crate) callback: CallbackSetting,
    pub(crate) subscriptions: Bounded<String, webpush::Subscriber>,
    /// Tokens that turned out dead, for a vendor that is asked for them.
    pub(crate) found_dead: Vec<String>,
    /// Where ids begin: no two starts give the same.
    epoch: u64,
    number: u64,
}

impl Books {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            credentials: BTreeMap::new(),
            accesses: Bounded::new(ACCESSES_MAX),
            expired: Bounded::new(ACCESSES_MAX),
            tasks: Bounded::new(TASKS_MAX),
            repeats: Bounded::new(REPEATS_MAX),
            callback: CallbackSetting::default(),
            subscriptions: Bounded::new(SUBSCRIPTIONS_MAX),
            found_dead: Vec::new(),
            epoch,
            number: 0,
        }
    }

    /// An id that nobody else has.
    pub(crate) fn next_id(&mut self) -> String {
        self.number += 1;
        format!("{:x}{:08x}", self.epoch, self.number)
    }

    /// Replaces what is known of a credential. False = there are too many.
    pub(crate) fn register(&mut self, credential: Registered) -> bool {
        let has_room = self.credentials.len() < CREDENTIALS_MAX || self.credentials.contains_key(&credential.id);
        if has_room {
            self.credentials.insert(credential.id.clone(), credential);
        }
        has_room
    }

    pub(crate) fn credential(&self, id: &str) -> Option<&Registered> {
        self.credentials.get(id)
    }

    /// Whether a secret is the one that belongs to an id: the first that is seen is learned.
    pub(crate) fn is_secret_of(&mut self, id: &str, secret: &str) -> bool {
        if let Some(known) = self.credentials.get(id).and_then(|credential| credential.secret.as_deref()) {
            return known == secret;
        }
        let mut credential = self.credentials.get(id).cloned().unwrap_or_default();
        (credential.id, credential.secret) = (id.to_owned(), Some(secret.to_owned()));
        self.register(credential)
    }

    /// Whether a secret that comes without an id is one of those registered; any is while none is.
    pub(crate) fn admits_secret(&self, secret: &str) -> bool {
        let known = |credential: &Registered| credential.secret.as_deref() == Some(secret);
        self.credentials.is_empty() || self.credentials.values().any(known)
    }

    /// Makes access that ends at `until`.
    pub(crate) fn grant(&mut self, access: String, until: u64) {
        self.accesses.put(access, until);
    }

    /// Whether access is valid.
    pub(crate) fn admits(&self, access: &str, now: u64) -> bool {
        self.accesses.find(&access.to_owned()).is_some_and(|until| now < *until)
    }

    /// Whether access was made to expire: for what signs itself.
    pub(crate) fn is_expired(&self, access: &str) -> bool {
        self.expired.holds(&access.to_owned())
    }

    /// Remembers what signed itself, so that it can be made to expire.
    pub(crate) fn note_access(&mut self, access: &str, until: u64) {
        self.accesses.put(access.to_owned(), until);
    }

    pub(crate) fn expire_accesses(&mut self) {
        for (access, _) in self.accesses.drain() {
            self.expired.put(access, ());
        }
    }
}

/// Whether nobody has a token, and the vendor says so at once, where it can also tell later.
pub(crate) fn is_dead(token: &str) -> bool {
    token.starts_with(DEAD) && !is_dead_later(token)
}

/// Whether the vendor finds out only later.
pub(crate) fn is_dead_later(token: &str) -> bool {
    token.starts_with(DEAD_LATER)
}

/// Whether nobody has a token, where a vendor has no way to tell later.
pub(crate) fn is_dead_at_once(token: &str) -> bool {
    token.starts_with(DEAD)
}
