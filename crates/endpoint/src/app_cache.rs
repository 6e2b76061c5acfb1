//! Apps as last read: a key check must not read the store each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homing_domain::{App, AppId, Millis, UnixMillis};

/// Apps kept; ids that do not exist count too. One machine serves hundreds of apps, so ten times that is roomy.
const APPS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct AppCache(Mutex<HashMap<AppId, Cached>>);

#[derive(Debug)]
struct Cached {
    app: Option<Arc<App>>,
    read_at: UnixMillis,
}

impl AppCache {
    /// A change of an app is seen by every process after this.
    pub(crate) const KEPT_FOR: Millis = 2_000;
    /// A cached app that refuses a key is believed for this long: ten reads per second and app at most.
    pub(crate) const DOUBTED_AFTER: Millis = 100;

    /// What was read of an app within `age`: `Some(None)` = it did not exist.
    pub(crate) fn recent(&self, id: &AppId, now: UnixMillis, age: Millis) -> Option<Option<Arc<App>>> {
        self.lock().get(id).filter(|cached| now.since(cached.read_at) < age).map(|cached| cached.app.clone())
    }

    /// Keeps what was read. A full cache lets the outdated ones go, then, if need be, all.
    pub(crate) fn put(&self, id: AppId, app: Option<Arc<App>>, read_at: UnixMillis) {
        let mut cache = self.lock();
        if cache.len() >= APPS_MAX && !cache.contains_key(&id) {
            cache.retain(|_, cached| read_at.since(cached.read_at) < Self::KEPT_FOR);
            if cache.len() >= APPS_MAX {
                cache.clear();
            }
        }
        cache.insert(id, Cached { app, read_at });
    }

    pub(crate) fn forget(&self, id: &AppId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, Cached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_after_its_time_and_never_grows_beyond_its_bound() {
        let cache = AppCache::default();
        let id = |n: usize| format!("app-{n}").parse::<AppId>().unwrap();
        cache.put(id(0), None, UnixMillis(1_000));
        assert_eq!(cache.recent(&id(0), UnixMillis(2_999), AppCache::KEPT_FOR), Some(None));
        assert_eq!(cache.recent(&id(0), UnixMillis(3_000), AppCache::KEPT_FOR), None);
        for n in 0..2 * APPS_MAX {
            cache.put(id(n), None, UnixMillis(5_000));
        }
        assert!(cache.lock().len() <= APPS_MAX);
        cache.forget(&id(2 * APPS_MAX - 1));
        assert_eq!(cache.recent(&id(2 * APPS_MAX - 1), UnixMillis(5_000), AppCache::KEPT_FOR), None);
    }
}
