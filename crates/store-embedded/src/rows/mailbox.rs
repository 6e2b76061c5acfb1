//! Mailboxes: one row holds the whole item, as it does in DynamoDB, so that each operation is one read and one write.

use std::collections::VecDeque;

use bytes::Bytes;
use homing_domain::mailbox::{Body, Entry, EntryState, Mailbox, Route};
use homing_domain::{GatewayRef, MessageId, Priority, Reason, ServerId, UnixMillis, UserHash};

use super::code::Code;
use super::{Stored, Wrong, app_id, array, id_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MailboxRow {
    #[prost(string, tag = "1")]
    app: String,
    #[prost(uint64, tag = "2")]
    epoch: u64,
    #[prost(uint64, tag = "3")]
    lo: u64,
    #[prost(uint64, tag = "4")]
    hi: u64,
    #[prost(message, repeated, tag = "5")]
    entries: Vec<EntryRow>,
    #[prost(message, optional, tag = "6")]
    route: Option<RouteRow>,
    #[prost(uint64, tag = "7")]
    conn_seq: u64,
    #[prost(uint64, tag = "8")]
    sent: u64,
    #[prost(uint32, tag = "9")]
    credential_generation: u32,
    #[prost(bool, tag = "10")]
    revoked: bool,
    #[prost(fixed64, optional, tag = "11")]
    user: Option<u64>,
    #[prost(fixed64, repeated, tag = "12")]
    trimmed: Vec<u64>,
    #[prost(message, repeated, tag = "13")]
    refused: Vec<RefusalRow>,
    #[prost(uint64, tag = "14")]
    seen_at: u64,
    /// Missing in rows of releases that asked no vendor: they said nothing of it.
    #[prost(bool, tag = "15")]
    has_vendor: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RefusalRow {
    #[prost(fixed64, tag = "1")]
    short_hash: u64,
    #[prost(uint32, tag = "2")]
    reason: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RouteRow {
    #[prost(bytes = "bytes", tag = "1")]
    server_id: Bytes,
    #[prost(uint64, tag = "2")]
    incarnation: u64,
    #[prost(uint64, tag = "3")]
    conn_seq: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EntryRow {
    #[prost(uint32, tag = "1")]
    span: u32,
    #[prost(bytes = "bytes", tag = "2")]
    message: Bytes,
    /// Why it was marked.
    #[prost(uint32, optional, tag = "3")]
    marked: Option<u32>,
    /// Why it is a tombstone; neither this nor the mark = live.
    #[prost(uint32, optional, tag = "4")]
    tombstone: Option<u32>,
    #[prost(uint64, tag = "5")]
    enqueued_at: u64,
    #[prost(uint64, tag = "6")]
    accepted_at: u64,
    #[prost(uint64, tag = "7")]
    expires_at: u64,
    #[prost(uint32, tag = "8")]
    priority: u32,
    #[prost(string, optional, tag = "9")]
    collapse_key: Option<String>,
    #[prost(fixed64, optional, tag = "10")]
    user: Option<u64>,
    /// Missing = in the message row.
    #[prost(bytes = "bytes", optional, tag = "11")]
    payload: Option<Bytes>,
    #[prost(uint32, tag = "12")]
    variant: u32,
}

impl Stored for Mailbox {
    type Row = MailboxRow;

    fn to_row(&self) -> MailboxRow {
        MailboxRow {
            app: self.app.as_str().to_owned(),
            epoch: self.epoch,
            lo: self.lo,
            hi: self.hi,
            entries: self.entries.iter().map(entry_row).collect(),
            route: self.route.map(|route| RouteRow {
                server_id: Bytes::copy_from_slice(&route.gateway.server_id.0),
                incarnation: route.gateway.incarnation,
                conn_seq: route.conn_seq,
            }),
            conn_seq: self.conn_seq,
            sent: self.sent,
            credential_generation: self.credential_generation,
            revoked: self.revoked,
            user: self.user.map(|user| user.0),
            trimmed: self.trimmed.iter().copied().collect(),
            refused: self
                .refused
                .iter()
                .map(|(short_hash, reason)| RefusalRow { short_hash: *short_hash, reason: reason.code() })
                .collect(),
            seen_at: self.seen_at.0,
            has_vendor: self.has_vendor,
        }
    }

    fn from_row(row: MailboxRow) -> Result<Self, Wrong> {
        let route = |route: RouteRow| {
            let server_id = ServerId(array(&route.server_id, "route")?);
            Ok::<_, Wrong>(Route {
                gateway: GatewayRef { server_id, incarnation: route.incarnation },
                conn_seq: route.conn_seq,
            })
        };
        Ok(Self {
            app: app_id(&row.app)?,
            epoch: row.epoch,
            lo: row.lo,
            hi: row.hi,
            entries: row.entries.into_iter().map(entry).collect::<Result<VecDeque<_>, Wrong>>()?,
            route: row.route.map(route).transpose()?,
            conn_seq: row.conn_seq,
            sent: row.sent,
            credential_generation: row.credential_generation,
            revoked: row.revoked,
            user: row.user.map(UserHash),
            trimmed: row.trimmed.into(),
            refused: row
                .refused
                .into_iter()
                .map(|row| Ok((row.short_hash, Reason::from_code(row.reason)?)))
                .collect::<Result<_, Wrong>>()?,
            seen_at: UnixMillis(row.seen_at),
            has_vendor: row.has_vendor,
        })
    }
}

fn entry_row(entry: &Entry) -> EntryRow {
    let (marked, tombstone) = match entry.state {
        EntryState::Live => (None, None),
        EntryState::Marked(reason) => (Some(reason.code()), None),
        EntryState::Tombstone(reason) => (None, Some(reason.code())),
    };
    EntryRow {
        span: entry.span,
        message: id_bytes(entry.message.as_bytes()),
        marked,
        tombstone,
        enqueued_at: entry.enqueued_at.0,
        accepted_at: entry.accepted_at.0,
        expires_at: entry.expires_at.0,
        priority: entry.priority.code(),
        collapse_key: entry.collapse_key.clone(),
        user: entry.user.map(|user| user.0),
        payload: match &entry.body {
            Body::Inline(payload) => Some(payload.clone()),
            Body::Reference => None,
        },
        variant: u32::from(entry.variant),
    }
}

fn entry(row: EntryRow) -> Result<Entry, Wrong> {
    let state = match (row.marked, row.tombstone) {
        (_, Some(reason)) => EntryState::Tombstone(Reason::from_code(reason)?),
        (Some(reason), None) => EntryState::Marked(Reason::from_code(reason)?),
        (None, None) => EntryState::Live,
    };
    Ok(Entry {
        span: row.span,
        message: MessageId::from_slice(&row.message).ok_or("message")?,
        state,
        enqueued_at: UnixMillis(row.enqueued_at),
        accepted_at: UnixMillis(row.accepted_at),
        expires_at: UnixMillis(row.expires_at),
        priority: Priority::from_code(row.priority)?,
        collapse_key: row.collapse_key,
        user: row.user.map(UserHash),
        body: row.payload.map_or(Body::Reference, Body::Inline),
        variant: u8::try_from(row.variant).map_err(|_| "variant")?,
    })
}
