//! The way of one message to one device, put together from the message row, the pages of its audience, the mailbox entry
//! and the ledger's row.

mod words;

use homing_contract::http::v1::{Stop, TraceView, to_timestamp};
use homing_domain::mailbox::Entry;
use homing_domain::{Delivery, DeviceId, Lease, Message, MessageId, ShardId, Stage, Target, UnixMillis};
use homing_ports::{Ledger, Mailboxes, Messages, Result};

/// Pages of an audience read at once while looking for a device.
const SHARDS_PER_READ: usize = 64;
/// Pages looked through at most: a million devices. Beyond it a trace says what it does not know.
const SHARDS_MAX: usize = 4_096;

/// What a trace is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The message.
    pub message: &'a Message,
    /// The device.
    pub device: DeviceId,
    /// Gateways' leases, to tell whether the device is online.
    pub leases: &'a [Lease],
    /// The present.
    pub now: UnixMillis,
}

/// What is known of one (message, device).
#[derive(Debug, Default)]
struct Known {
    delivery: Option<Delivery>,
    entry: Option<Entry>,
    /// What was decided about the device when it was enumerated; only looked for where nothing else says more.
    target: Option<Target>,
    is_targeted: bool,
    is_online: bool,
}

/// Puts the trace together.
///
/// # Errors
/// A port call failed.
pub async fn trace<P: Ledger + Mailboxes + Messages>(ports: &P, subject: Subject<'_>) -> Result<TraceView> {
    let known = look_up(ports, subject).await?;
    let ended = known.delivery.as_ref().filter(|delivery| delivery.stage.is_terminal());
    let stage = match ended {
        Some(delivery) => Some(delivery.stage),
        None => known.is_targeted.then_some(Stage::Pending),
    };
    Ok(TraceView {
        message_id: subject.message.id.to_string(),
        device_id: subject.device.to_string(),
        stage: stage.map(Into::into),
        channel: ended.map(|delivery| delivery.channel.name().to_owned()),
        reason: ended.and_then(|delivery| delivery.reason).map(|reason| reason.name().to_owned()),
        explanation: words::explanation(subject, &known),
        stops: stops(subject, &known),
    })
}

async fn look_up<P: Ledger + Mailboxes + Messages>(ports: &P, subject: Subject<'_>) -> Result<Known> {
    let Subject { message, device, leases, now } = subject;
    // The mailbox first: an entry that leaves it in between has reached the ledger by then.
    let mailbox = ports.mailbox(device).await?.filter(|mailbox| mailbox.app == message.app);
    let delivery = ports.delivery(message.id, device).await?;
    let is_online = mailbox
        .as_ref()
        .and_then(|mailbox| mailbox.route)
        .is_some_and(|route| leases.iter().any(|lease| lease.gateway == route.gateway && lease.is_valid(now)));
    let entry = mailbox.and_then(|mailbox| mailbox.entries.into_iter().find(|entry| entry.message == message.id));
    let is_seen = entry.is_some() || delivery.as_ref().is_some_and(|delivery| delivery.stage.is_terminal());
    let target = if is_seen { None } else { find_target(ports, message.id, device).await? };
    let is_targeted = is_seen || target.is_some();
    Ok(Known { delivery, entry, target, is_targeted, is_online })
}

async fn find_target<P: Messages>(ports: &P, message: MessageId, device: DeviceId) -> Result<Option<Target>> {
    let mut after: Option<ShardId> = None;
    for _ in 0..SHARDS_MAX / SHARDS_PER_READ {
        let shards = ports.shards(message, after, SHARDS_PER_READ).await?;
        let mut targets = shards.iter().flat_map(|shard| &shard.targets);
        if let Some(target) = targets.find(|target| target.device == device) {
            return Ok(Some(*target));
        }
        after = shards.last().map(|shard| shard.id);
        if shards.len() < SHARDS_PER_READ {
            break;
        }
    }
    Ok(None)
}

fn stops(subject: Subject<'_>, known: &Known) -> Vec<Stop> {
    let message = subject.message;
    let delivery = known.delivery.as_ref();
    let mut stops = vec![stop("accepted", Some(message.accepted_at), "the message was durable and answered with 202")];
    if let Some(at) = message.release_at {
        stops.push(stop("scheduled", Some(at), "its release was set for this time"));
    }
    if let Some(at) = message.releasing_at {
        stops.push(stop("releasing", Some(at), "the enumeration of its devices began"));
    }
    if message.feed_after.is_some() && !known.is_targeted {
        stops.push(stop("feed", None, "it was put into the feed of its app, for every device that it is meant for"));
    }
    if known.is_targeted {
        stops.push(stop("targeted", None, "the device was found to be one it is for"));
    }
    if let Some(at) = known.target.and_then(|target| target.hold) {
        stops.push(stop("held", Some(at), "it is held back for this device until then"));
    }
    let enqueued_at = delivery
        .and_then(|delivery| delivery.enqueued_at)
        .or_else(|| known.entry.as_ref().map(|entry| entry.enqueued_at));
    if let Some(at) = enqueued_at {
        stops.push(stop("enqueued", Some(at), "it was stored in the device's mailbox"));
    }
    if let Some(at) = delivery.and_then(|delivery| delivery.sent_at) {
        stops.push(stop("sent", Some(at), "a gateway sent it on the device's link"));
    }
    let Some(delivery) = delivery else {
        return stops;
    };
    if let Some(ended) = delivery.ended {
        stops.push(stop(delivery.stage.name(), Some(ended.at), words::end(delivery)));
    }
    for (name, recorded, detail) in [
        ("displayed", delivery.displayed, "it was shown"),
        ("opened", delivery.opened, "it was opened"),
        ("dismissed", delivery.dismissed, "it was swiped away"),
    ] {
        if let Some(recorded) = recorded {
            stops.push(stop(name, Some(recorded.at), detail));
        }
    }
    stops
}

fn stop(name: &str, at: Option<UnixMillis>, detail: &str) -> Stop {
    Stop { stop: name.to_owned(), at: at.map(to_timestamp), detail: detail.to_owned() }
}
