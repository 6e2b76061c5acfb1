//! A message is complete as the delivery that ended last is counted: then nobody has to look at it again, and the business
//! is told if its app asked.
//!
//! Completing at once leaves to the sweeper and to closing only what is really pending an hour after it expired. The row of a
//! message says whether its devices are all known and whose it is (a receipt does not). It is read only of messages whose
//! numbers look complete, so a broadcast costs about one such read, not one for each batch.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use homing_domain::{AppId, BusEvent, Counter, MessageId, Millis, Tally, UnixMillis};
use homing_ports::{Apps, Clock, Events, Ledger, Messages, StageError};

/// How old the list of asking apps may be: an app that begins to ask is told after this.
const APPS_KEPT_FOR: Millis = 10_000;
/// Apps read in one call.
const APPS_PAGE: usize = 100;
/// Apps read at most: ten times what one installation serves. Beyond this each message's own app is asked.
const APPS_MAX: usize = 1_000;
/// Messages looked at at the same time: a batch of receipts may end hundreds.
const MESSAGES_AT_ONCE: usize = 32;

/// What noticing completions needs from the world.
pub trait CompletionPorts: Apps + Messages + Ledger + Events + Clock {}

impl<P: Apps + Messages + Ledger + Events + Clock> CompletionPorts for P {}

/// What is remembered between batches: which apps ask, as last read.
#[derive(Debug, Default)]
pub(crate) struct Completion(Mutex<Option<(UnixMillis, Arc<Asking>)>>);

/// Which apps want to be told.
#[derive(Debug, PartialEq, Eq)]
enum Asking {
    These(HashSet<AppId>),
    /// There are too many apps to list.
    Unlisted,
}

impl Completion {
    /// Completes those of these messages of which nothing is pending, and tells whoever asked. Their changes were counted
    /// just now: of several batches that end a message at the same time, the last sees the numbers of all.
    pub(crate) async fn notice<P: CompletionPorts>(&self, ports: &P, ended: &[MessageId]) -> Result<(), StageError> {
        if ended.is_empty() {
            return Ok(());
        }
        let now = ports.now();
        let asking = self.asking(ports, now).await?;
        let mut events = Vec::new();
        for some in ended.chunks(MESSAGES_AT_ONCE) {
            let looks = some.iter().map(|message| complete(ports, &asking, *message, now));
            events.extend(try_join_all(looks).await?.into_iter().flatten());
        }
        if events.is_empty() { Ok(()) } else { Ok(ports.publish(events).await?) }
    }

    async fn asking<P: Apps>(&self, ports: &P, now: UnixMillis) -> Result<Arc<Asking>, StageError> {
        if let Some(asking) = self.recent(now) {
            return Ok(asking);
        }
        let asking = Arc::new(read_asking(ports).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&asking)));
        Ok(asking)
    }

    /// A clock that was set back makes it old.
    fn recent(&self, now: UnixMillis) -> Option<Arc<Asking>> {
        let entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = entry.as_ref().filter(|(at, _)| *at <= now && now.since(*at) < APPS_KEPT_FOR);
        fresh.map(|(_, asking)| Arc::clone(asking))
    }
}

/// Completes a message if nothing of it is pending, and answers the event if it is wanted. A message whose devices are not
/// all known yet stays: fanout looks again when they are.
///
/// Numbers that were read before the release was seen may miss devices that were counted since: they only say whether it is
/// worth looking, and are read again.
async fn complete<P: CompletionPorts>(
    ports: &P,
    asking: &Asking,
    id: MessageId,
    now: UnixMillis,
) -> Result<Option<BusEvent>, StageError> {
    let early = ports.tally(id).await?;
    if early.balance(None).pending != 0 {
        return Ok(None);
    }
    let Some(message) = ports.message(id).await?.filter(|message| message.is_complete(&early)) else {
        return Ok(None);
    };
    let tally = ports.tally(id).await?;
    if !message.is_complete(&tally) {
        return Ok(None);
    }
    ports.complete(id).await?;
    let asks = match asking {
        _ if !message.has_sender() => false,
        Asking::These(apps) => apps.contains(&message.app),
        Asking::Unlisted => ports.app(&message.app).await?.is_some_and(|app| app.events.message_completed),
    };
    let balance = tally.balance(None);
    Ok(asks.then_some(BusEvent::MessageCompleted { app: message.app, message: id, balance, at: now }))
}

async fn read_asking<P: Apps>(ports: &P) -> Result<Asking, StageError> {
    let mut asking = HashSet::new();
    let mut after: Option<AppId> = None;
    for _ in 0..APPS_MAX / APPS_PAGE {
        let apps = ports.apps(after.as_ref(), APPS_PAGE).await?;
        after = apps.last().filter(|_| apps.len() >= APPS_PAGE).map(|app| app.id.clone());
        asking.extend(apps.into_iter().filter(|app| app.events.message_completed).map(|app| app.id));
        if after.is_none() {
            return Ok(Asking::These(asking));
        }
    }
    Ok(Asking::Unlisted)
}

/// The messages of which more deliveries have ended by these changes. A late delivery that takes the place of another end
/// completes nothing. A repeat of a batch repeats its changes, so that a crash loses no event.
pub(crate) fn newly_ended(changes: &[(MessageId, Tally)]) -> Vec<MessageId> {
    let more = |tally: &Tally| {
        let ended = tally.iter().filter(|(counter, _)| matches!(counter, Counter::Ended(..)));
        ended.map(|(_, by)| by).sum::<i64>() > 0
    };
    changes.iter().filter(|(_, tally)| more(tally)).map(|(message, _)| *message).collect()
}
