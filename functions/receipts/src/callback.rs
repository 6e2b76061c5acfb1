//! What vendors tell later: `POST /v1/receipts/{channel}/{app}/{secret}`.
//!
//! A callback is read by its vendor's contract. Of what it says only that counts which is about a delivery that this channel was
//! asked for: the event names our message, its token belongs to a device of the app, and the ledger has a row of both, which is
//! there before a vendor is asked. So nobody who knows the URL of a vendor that signs nothing can add to another message's
//! numbers. What counts is durable in the queue before the vendor is answered.

pub(crate) mod endpoint;
mod room;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use futures_util::future::try_join_all;
use homing_channels::{CallbackEvent, CallbackEventKind};
use homing_contract::queue::encode;
use homing_credentials::receipt_batch_id;
use homing_directory::{Cleaning, CleaningBreakers, Forgotten, UpdateError, forget_token, tell_cleaning_stopped};
use homing_domain::limits::RECEIPT_BATCH_MAX;
use homing_domain::{
    AppId, Channel, Delivery, DeviceId, Ended, Event, Fact, MessageId, Receipt, ReceiptBatch, UnixMillis, VendorToken,
};
use homing_ports::{
    Devices, Error, Events, Fault, Ledger, Mailboxes, Outgoing, QueueName, Queues, VendorChannels, VendorTokens,
};
use homing_telemetry::{CallbackTaken, CleaningStopped, TokenDied};

#[cfg(test)]
mod tests;

/// Reads under way at once for one callback: a vendor tells of hundreds of devices in one.
const READS_AT_ONCE: usize = 32;
/// Digits of a message's id as vendors give it back.
const MESSAGE_ID_DIGITS: usize = 32;

/// What taking callbacks needs from the world.
pub trait CallbackPorts: Devices + Events + Ledger + Mailboxes + Queues + VendorChannels + VendorTokens {}

impl<P: Devices + Events + Ledger + Mailboxes + Queues + VendorChannels + VendorTokens> CallbackPorts for P {}

/// Whose callback it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) app: &'a AppId,
    pub(crate) channel: Channel,
    /// Whether the vendor proved that it is the sender. Of the others a dead token is believed only with a message that its device
    /// was sent.
    pub(crate) is_proven: bool,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subject {
    message: Option<MessageId>,
    device: Option<DeviceId>,
}

impl Subject {
    fn row(self) -> Option<(MessageId, DeviceId)> {
        self.message.zip(self.device)
    }
}

/// Takes the events of one callback. What counts is durable when answered; a repeat changes nothing.
pub(crate) async fn take<P: CallbackPorts>(
    ports: &P,
    breakers: &CleaningBreakers,
    sender: Sender<'_>,
    events: &[CallbackEvent],
    now: UnixMillis,
) -> Result<(), Error> {
    let subjects = subjects(ports, sender, events).await?;
    let asked = asked_rows(ports, sender, &subjects).await?;
    let (mut receipts, mut dead) = (BTreeMap::new(), BTreeMap::new());
    for (event, subject) in events.iter().zip(&subjects) {
        let row = subject.row().filter(|row| asked.contains(row));
        let at = event.at.map_or(now, |at| at.min(now));
        let outcome = match (what_happened(event.kind), subject.device, row) {
            _ if event.kind == CallbackEventKind::Dropped => "noted",
            (Some(what), _, Some((message, device))) => {
                let receipt = Receipt { message, device, channel: sender.channel, at, event: what };
                receipts.entry((message, device, event.kind)).or_insert(receipt);
                "taken"
            }
            (None, Some(device), row) if row.is_some() || sender.is_proven => {
                dead.insert(event.token.as_str(), (device, at));
                "taken"
            }
            _ if subject.message.is_none() => "unnamed",
            _ => "unknown",
        };
        CallbackTaken { channel: sender.channel, kind: event.kind.name(), outcome }.emit();
    }
    send(ports, receipts.into_values().collect()).await?;
    let seen = events.iter().map(|event| &event.token).collect::<BTreeSet<_>>().len();
    forget(ports, breakers, sender, seen, dead, now).await
}

/// What it means for a delivery; `None` = nothing.
const fn what_happened(kind: CallbackEventKind) -> Option<Event> {
    match kind {
        CallbackEventKind::Delivered => Some(Event::Ended(Ended::delivered(None, None))),
        CallbackEventKind::Displayed => Some(Event::Fact(Fact::Displayed)),
        CallbackEventKind::Opened => Some(Event::Fact(Fact::Opened)),
        CallbackEventKind::InvalidToken | CallbackEventKind::Dropped => None,
    }
}

/// What each event is about, in their order.
async fn subjects<P: VendorTokens>(
    ports: &P,
    sender: Sender<'_>,
    events: &[CallbackEvent],
) -> Result<Vec<Subject>, Error> {
    let tokens: BTreeSet<&str> = events.iter().map(|event| event.token.as_str()).collect();
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut owners = BTreeMap::new();
    for some in tokens.chunks(READS_AT_ONCE) {
        let reads = some.iter().map(|token| ports.token_owner(sender.app, sender.channel, token));
        owners.extend(some.iter().copied().zip(try_join_all(reads).await?));
    }
    let subject = |event: &CallbackEvent| Subject {
        message: event.message_id.as_deref().and_then(read_message_id),
        device: owners.get(event.token.as_str()).copied().flatten(),
    };
    Ok(events.iter().map(subject).collect())
}

fn read_message_id(text: &str) -> Option<MessageId> {
    (text.len() == MESSAGE_ID_DIGITS).then(|| text.parse().ok()).flatten()
}

/// Those deliveries of these that this channel was asked for.
async fn asked_rows<P: Ledger>(
    ports: &P,
    sender: Sender<'_>,
    subjects: &[Subject],
) -> Result<BTreeSet<(MessageId, DeviceId)>, Error> {
    let rows: BTreeSet<_> = subjects.iter().filter_map(|subject| subject.row()).collect();
    let rows: Vec<_> = rows.into_iter().collect();
    let mut asked = BTreeSet::new();
    for some in rows.chunks(READS_AT_ONCE) {
        let stored = try_join_all(some.iter().map(|(message, device)| ports.delivery(*message, *device))).await?;
        let found = stored.iter().flatten().filter(|row| was_asked(row, sender.channel));
        asked.extend(found.map(|row| (row.message, row.device)));
    }
    Ok(asked)
}

/// A row that was made for the vendor's way says so, also after its claim was given back. One that a device's own report had made
/// before says by which way it ended, or that somebody asks just now.
fn was_asked(row: &Delivery, channel: Channel) -> bool {
    row.channel == channel || row.claimed_at.is_some()
}

/// Sends receipts to be counted, in batches that are the same for a repeat.
async fn send<P: Queues>(ports: &P, receipts: Vec<Receipt>) -> Result<(), Error> {
    if receipts.is_empty() {
        return Ok(());
    }
    let batch = |some: &[Receipt]| ReceiptBatch { id: receipt_batch_id(some), receipts: some.to_vec() };
    let items = receipts.chunks(RECEIPT_BATCH_MAX).map(|some| Outgoing::now(encode(&batch(some))));
    ports.send(QueueName::Receipts, items.collect()).await
}

/// Forgets dead tokens, unless there are suspiciously many.
async fn forget<P: Devices + Events + Mailboxes + VendorTokens>(
    ports: &P,
    breakers: &CleaningBreakers,
    sender: Sender<'_>,
    seen: usize,
    dead: BTreeMap<&str, (DeviceId, UnixMillis)>,
    now: UnixMillis,
) -> Result<(), Error> {
    let Sender { app, channel, .. } = sender;
    let cleaning = breakers.note(app, channel, seen, dead.len(), now);
    if cleaning == (Cleaning::Stopped { is_new: true }) {
        CleaningStopped { app, channel, dead: dead.len(), seen }.emit();
        tell_cleaning_stopped(ports, (app, channel), (dead.len(), seen), now).await;
    }
    for (token, (device, as_of)) in dead {
        let followed_by = match cleaning {
            Cleaning::Stopped { .. } => "spared",
            Cleaning::Allowed => {
                let token =
                    VendorToken { channel: channel.name().to_owned(), token: token.to_owned(), since: UnixMillis(0) };
                let forgotten = forget_token(ports, app, device, &token, as_of, now).await;
                match forgotten.map_err(in_port)? {
                    Forgotten::Done => "forgotten",
                    Forgotten::Kept => "kept",
                }
            }
        };
        TokenDied { device, channel, followed_by }.emit();
    }
    Ok(())
}

fn in_port(error: UpdateError<Infallible>) -> Error {
    match error {
        UpdateError::Port(error) => error,
        UpdateError::Gone | UpdateError::Busy => Error::new(Fault::Retry, "forget a dead token"),
        UpdateError::Refused(never) => match never {},
    }
}
