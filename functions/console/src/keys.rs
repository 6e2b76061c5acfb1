//! Server keys: two at most are valid at once, so that a rotation needs no downtime.

use homing_credentials::ApiKey;
use homing_domain::{App, Millis, ServerKey, UnixMillis};

/// Server keys of an app that are valid at the same time.
const VALID_AT_ONCE: usize = 2;

/// What is stored of a new key.
#[must_use]
pub fn first_key(key: &ApiKey, now: UnixMillis) -> ServerKey {
    ServerKey { digest: key.digest(), hint: key.hint(), created_at: now, expires_at: None }
}

/// Whether this is the newest server key of the app.
pub(crate) fn has_newest(app: &App, key: &ApiKey) -> bool {
    app.server_keys.first().is_some_and(|newest| newest.digest == key.digest())
}

/// Puts a new key first. The one before it stays valid for `grace`; older ones end now. A key that is the newest already
/// changes nothing: its rotation is repeated because its answer was lost.
pub fn rotate(app: &mut App, key: &ApiKey, grace: Millis, now: UnixMillis) {
    if has_newest(app, key) {
        return;
    }
    app.server_keys.retain(|key| key.expires_at.is_none_or(|at| now < at));
    app.server_keys.insert(0, first_key(key, now));
    app.server_keys.truncate(VALID_AT_ONCE);
    if let Some(older) = app.server_keys.get_mut(1) {
        let end = now.plus(grace);
        older.expires_at = Some(older.expires_at.map_or(end, |at| at.min(end)));
    }
}

#[cfg(test)]
mod tests {
    use homing_domain::{AlertSettings, EventSettings, UpstreamRoute};

    use super::*;

    #[test]
    fn two_are_valid_then_the_older_one_ends() {
        let id = "demo".parse().unwrap();
        let key = |n: u8| ApiKey::server(&id, [n; 32]);
        let mut app = App {
            id: id.clone(),
            name: "demo".into(),
            server_keys: vec![first_key(&key(1), UnixMillis(0))],
            client_key: [0; 32],
            quota_per_second: None,
            heartbeat: None,
            events: EventSettings::default(),
            upstream: UpstreamRoute::default(),
            alerts: AlertSettings::default(),
            created_at: UnixMillis(0),
            revision: 1,
        };
        rotate(&mut app, &key(2), 100, UnixMillis(1_000));
        let ends = |app: &App| app.server_keys.iter().map(|key| key.expires_at).collect::<Vec<_>>();
        assert_eq!(ends(&app), [None, Some(UnixMillis(1_100))]);
        assert_eq!(app.server_keys[0].digest, key(2).digest());
        rotate(&mut app, &key(3), 100, UnixMillis(1_050));
        assert_eq!(ends(&app), [None, Some(UnixMillis(1_150))]);
        assert_eq!(app.server_keys[1].digest, key(2).digest());
        let before = app.clone();
        rotate(&mut app, &key(3), 100, UnixMillis(1_060));
        assert_eq!(app, before);
        rotate(&mut app, &key(4), 0, UnixMillis(9_000));
        assert_eq!(ends(&app), [None, Some(UnixMillis(9_000))]);
    }
}
