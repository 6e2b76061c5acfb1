//! The end of an enumeration may be the end of a message: when it was for nobody, or when its last devices ended before the
//! last page was done. Else receipts finds it complete, with the delivery that ends last.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use homing_domain::{AppId, BusEvent, Message, Millis, UnixMillis};
use homing_ports::StageError;

use crate::{Fanout, Ports};

/// Apps that are remembered: one installation serves hundreds.
const APPS_MAX: usize = 1_024;

/// How old a remembered wish may be: an app that begins to ask is told after this.
const APP_KEPT_FOR: Millis = 10_000;

/// Which apps want to be told of completed messages, as last read.
#[derive(Debug, Default)]
pub(crate) struct Wishes(Mutex<HashMap<AppId, (UnixMillis, bool)>>);

impl Wishes {
    fn recent(&self, app: &AppId, now: UnixMillis) -> Option<bool> {
        let wishes = self.lock();
        let (read_at, asks) = wishes.get(app)?;
        // A clock that was set back makes it old.
        (*read_at <= now && now.since(*read_at) < APP_KEPT_FOR).then_some(*asks)
    }

    fn put(&self, app: AppId, asks: bool, now: UnixMillis) {
        let mut wishes = self.lock();
        if wishes.len() >= APPS_MAX && !wishes.contains_key(&app) {
            wishes.clear();
        }
        wishes.insert(app, (now, asks));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, (UnixMillis, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Ports> Fanout<P> {
    /// Completes an enumerated message of which nothing is pending, and tells the business if its app asked. A repeat of the
    /// job repeats this, so that a crash in between loses no event. The numbers are read only where something hangs on it: when
    /// the app asked, or `nobody_is_left` who would find the message complete. Else a message that others ended in this moment
    /// is left to the sweeper.
    pub(crate) async fn notice_completion(&self, message: &Message, nobody_is_left: bool) -> Result<(), StageError> {
        // What is in a feed may come to another device as long as it lives: closing completes it.
        if message.feed_after.is_some() {
            return Ok(());
        }
        // What the platform sends by itself is nobody's to be told of.
        let asks = message.has_sender() && self.asks(&message.app).await?;
        if !asks && !nobody_is_left {
            return Ok(());
        }
        let tally = self.ports.tally(message.id).await?;
        if !message.is_complete(&tally) {
            return Ok(());
        }
        self.ports.complete(message.id).await?;
        if asks {
            let (app, balance, at) = (message.app.clone(), tally.balance(None), self.ports.now());
            self.ports.publish(vec![BusEvent::MessageCompleted { app, message: message.id, balance, at }]).await?;
        }
        Ok(())
    }

    async fn asks(&self, app: &AppId) -> Result<bool, StageError> {
        let now = self.ports.now();
        if let Some(asks) = self.wishes.recent(app, now) {
            return Ok(asks);
        }
        let asks = self.ports.app(app).await?.is_some_and(|app| app.events.message_completed);
        self.wishes.put(app.clone(), asks, now);
        Ok(asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_remembered_for_a_while_and_wishes_are_bounded() {
        let wishes = Wishes::default();
        let app = |n: usize| format!("app-{n}").parse::<AppId>().unwrap();
        let now = UnixMillis(1_000_000);
        wishes.put(app(0), true, now);
        assert_eq!(wishes.recent(&app(0), now.plus(APP_KEPT_FOR - 1)), Some(true));
        assert_eq!(wishes.recent(&app(0), now.plus(APP_KEPT_FOR)), None);
        assert_eq!(wishes.recent(&app(0), now.minus(1)), None);
        for n in 0..2 * APPS_MAX {
            wishes.put(app(n), false, now);
            assert!(wishes.lock().len() <= APPS_MAX);
        }
    }
}
