//! Read sync: what a person opened or dismissed on one device is taken back from their others, if its sender wants that.
//!
//! To take it back is a message of its own, to the devices of that person but the one at hand. Its id is derived from the
//! message and the person, so it is made once, however many of their devices report, and however often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use homing_contract::queue::encode;
use homing_credentials::derive_id;
use homing_domain::{
    AppId, Audience, AudienceJob, BatchId, Control, Cursor, Delivery, DeviceId, Exclusion, Message, MessageId, Options,
    Schedule, Stage, UnixMillis, UserId,
};
use homing_ports::{Accepted, Clock, Devices, Messages, Outgoing, QueueName, Queues, StageError};

#[cfg(test)]
mod tests;

/// Messages of which it is remembered whether they are synchronised: more than people open at one time; about 100 B each.
/// A message does not change its mind once it was released, so nothing here grows old.
const REMEMBERED_MAX: usize = 4_096;

/// What read sync needs from the world.
pub trait ReadSyncPorts: Messages + Devices + Queues + Clock {}

impl<P: Messages + Devices + Queues + Clock> ReadSyncPorts for P {}

/// A message that its sender wants synchronised.
#[derive(Clone, Debug)]
struct Synced {
    app: AppId,
    expires_at: UnixMillis,
}

/// Which messages are synchronised, as far as they were asked for. `None` = this one is not.
#[derive(Debug, Default)]
pub(crate) struct ReadSync(Mutex<HashMap<MessageId, Option<Arc<Synced>>>>);

impl ReadSync {
    /// Looks for what this batch was the first to report as opened or dismissed, and clears it elsewhere. A repeat of the
    /// batch does the same again.
    pub(crate) async fn notice<P: ReadSyncPorts>(
        &self,
        ports: &P,
        batch: BatchId,
        rows: &[Delivery],
    ) -> Result<(), StageError> {
        for row in rows {
            let is_news = [row.opened, row.dismissed].into_iter().flatten().any(|fact| fact.by == batch);
            if is_news && let Some(synced) = self.synced(ports, row.message).await? {
                clear(ports, row.message, &synced, row.device).await?;
            }
        }
        Ok(())
    }

    async fn synced<P: Messages>(&self, ports: &P, id: MessageId) -> Result<Option<Arc<Synced>>, StageError> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(known.clone());
        }
        let message = ports.message(id).await?.filter(|message| message.options.sync_read);
        let synced = message.map(|message| Arc::new(Synced { app: message.app, expires_at: message.expires_at }));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(id, synced.clone());
        Ok(synced)
    }
}

/// Takes the message back from the other devices of whoever uses this one. What has expired shows nothing any more.
async fn clear<P: ReadSyncPorts>(
    ports: &P,
    message: MessageId,
    synced: &Synced,
    device: DeviceId,
) -> Result<(), StageError> {
    let now = ports.now();
    if now >= synced.expires_at {
        return Ok(());
    }
    // A device may name any message: only those of its own app are believed.
    let user = ports.device(&device).await?.filter(|found| found.app == synced.app).and_then(|found| found.user);
    let Some(user) = user else {
        return Ok(());
    };
    let clearing = clearing(message, synced, device, user, now);
    let (id, group) = (clearing.id, clearing.queue_group());
    if let Accepted::Existing(stored) = ports.accept(clearing).await?
        && stored.stage != Stage::Accepted
    {
        return Ok(());
    }
    let job = AudienceJob { message: id, segment: None, cursor: Cursor::Start };
    let item = Outgoing { body: encode(&job), delay: 0, group: Some(group) };
    Ok(ports.send(QueueName::Audience, vec![item]).await?)
}

fn clearing(message: MessageId, synced: &Synced, device: DeviceId, user: UserId, now: UnixMillis) -> Message {
    let id = MessageId::from_bytes(derive_id("homing/1 clear", &[message.as_bytes(), user.as_str().as_bytes()]));
    let rest_seconds = synced.expires_at.since(now).div_ceil(1_000);
    Message {
        id,
        app: synced.app.clone(),
        audience: Audience::Users(vec![user]),
        exclude: Exclusion { devices: vec![device], ..Exclusion::default() },
        payload: Bytes::from_static(b"{}"),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: Some(message),
        options: Options {
            ttl_seconds: u32::try_from(rest_seconds).unwrap_or(u32::MAX),
            silent: true,
            ..Options::default()
        },
        // No sender has this id, so nobody asks whether it is the same request.
        body_sha256: [0; 32],
        accepted_at: now,
        schedule: Schedule::Now,
        release_at: None,
        series: None,
        expires_at: synced.expires_at,
        stage: Stage::Accepted,
        releasing_at: None,
        released_at: None,
        segments_done: 0,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
    }
}
