//! One link over the mailbox model, whose calls a test answers when it likes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use homing_domain::mailbox::{Body, Enqueue, Enqueued, Mailbox};
use homing_domain::{
    ConnSeq, DeviceId, Ended, Event, GatewayRef, HandOffTarget, HeartbeatSettings, MessageId, Priority, PushBody,
    Reason, Receipt, Seq, ServerId, Stage, UnixMillis,
};
use homing_wire::{Ack, Frame, Hello, encode};

use crate::Transport;
use crate::server::{Closing, Effect, Greeting, Live};

pub(super) const DEVICE: DeviceId = DeviceId::from_bytes([7; 16]);
pub(super) const GATEWAY: GatewayRef = GatewayRef { server_id: ServerId([1; 8]), incarnation: 1 };

pub(super) fn message(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

/// A short message that never expires.
pub(super) fn body(n: u8) -> PushBody {
    PushBody {
        message: message(n),
        accepted_at: UnixMillis(0),
        expires_at: UnixMillis::NEVER,
        priority: Priority::Normal,
        collapse_key: None,
        payload: Bytes::from_static(b"{}"),
        recalls: None,
    }
}

pub(super) struct World {
    pub(super) mailbox: Mailbox,
    pub(super) now: UnixMillis,
}

impl World {
    pub(super) fn new() -> Self {
        Self { mailbox: Mailbox::new("demo".parse().unwrap(), 1, 1, None), now: UnixMillis(1_000) }
    }

    pub(super) fn enqueue(&mut self, body: &PushBody) -> Enqueued {
        self.mailbox.enqueue(Enqueue {
            app: self.mailbox.app.clone(),
            message: body.message,
            user: None,
            now: self.now,
            accepted_at: body.accepted_at,
            expires_at: body.expires_at,
            priority: body.priority,
            collapse_key: body.collapse_key.clone(),
            body: Body::of(&body.payload, body.recalls),
            variant: 0,
        })
    }

    /// Puts messages 1 to `n` into the mailbox.
    pub(super) fn fill(&mut self, n: u8) {
        (1..=n).for_each(|n| drop(self.enqueue(&body(n))));
    }

    /// An entry and its hand-off, as dispatch does.
    pub(super) fn push(&mut self, live: &mut Live, body: PushBody) {
        if let Enqueued::Stored { seq, .. } = self.enqueue(&body) {
            self.hand_off(live, body, seq);
        }
    }

    pub(super) fn hand_off(&self, live: &mut Live, body: PushBody, seq: Seq) {
        let conn_seq = live.conn_seq();
        let target = HandOffTarget { device: DEVICE, conn_seq, seq, enqueued_at: self.now };
        live.hand_off(self.now, &Arc::new(body), target);
    }

    pub(super) fn hello(conn_seq: ConnSeq, epoch: u64, last_seq: Seq) -> Hello {
        Hello {
            device: Bytes::copy_from_slice(DEVICE.as_bytes()),
            app: "demo".to_owned(),
            epoch,
            last_seq,
            conn_seq,
            auth: Bytes::from_static(&[0; 16]),
            ..Hello::default()
        }
    }

    /// Takes over and goes live.
    pub(super) fn live(&mut self, conn_seq: ConnSeq, last_seq: Seq) -> Live {
        self.live_from(&Self::hello(conn_seq, 1, last_seq)).unwrap()
    }

    pub(super) fn live_from(&mut self, hello: &Hello) -> Result<Live, Closing> {
        let mut greeting = Greeting::new(self.now, Transport::Tcp);
        let claim = greeting.receive(&bytes(hello.clone()))?.unwrap();
        let joining = greeting.identify(claim);
        let mut takeover = joining.takeover(GATEWAY, self.now);
        takeover.credential_generation = 1;
        let taken_over = self.mailbox.take_over(takeover).map_err(Closing::from)?;
        joining.welcome(self.now, taken_over, &HeartbeatSettings::default())
    }

    pub(super) fn ack(&self, live: &mut Live, seq: Seq) {
        self.send(live, Ack { seq, receipts: vec![], feed_offset: 0 });
    }

    pub(super) fn send(&self, live: &mut Live, frame: impl Into<Frame>) {
        live.receive(self.now, &bytes(frame));
    }

    /// Performs the tombstones that are asked for on the model, and answers.
    pub(super) fn bury(&mut self, live: &mut Live, effects: &[Effect]) -> Vec<(Seq, Reason)> {
        let mut buried = Vec::new();
        for effect in effects {
            if let Effect::Tombstone(entries) = effect {
                let answer = self.mailbox.tombstone(live.conn_seq(), entries);
                live.tombstoned(self.now, answer.map_err(Into::into));
                buried.extend(entries);
            }
        }
        buried
    }

    /// Answers a re-read with the model.
    pub(super) fn answer_read(&self, live: &mut Live) {
        live.mailbox(self.now, Ok(Some(self.mailbox.clone())));
    }
}

pub(super) fn bytes(frame: impl Into<Frame>) -> BytesMut {
    let mut buffer = BytesMut::new();
    encode(&frame.into(), &mut buffer);
    buffer
}

pub(super) fn effects(live: &mut Live) -> Vec<Effect> {
    std::iter::from_fn(|| live.poll()).collect()
}

pub(super) fn frames(effects: &[Effect]) -> Vec<Frame> {
    let frame = |effect: &Effect| match effect {
        Effect::Transmit(frame) => Some(frame.clone()),
        _ => None,
    };
    effects.iter().filter_map(frame).collect()
}

/// The seqs of the pushes among them.
pub(super) fn pushed(effects: &[Effect]) -> Vec<Seq> {
    let seq = |frame: &Frame| match frame {
        Frame::Push(push) => Some(push.seq),
        _ => None,
    };
    frames(effects).iter().filter_map(seq).collect()
}

/// The skips among them, as (last seq, reason, count).
pub(super) fn skipped(effects: &[Effect]) -> Vec<(Seq, i32, u64)> {
    let skip = |frame: &Frame| match frame {
        Frame::Skip(skip) => Some((skip.to_seq, skip.reason, skip.count)),
        _ => None,
    };
    frames(effects).iter().filter_map(skip).collect()
}

/// The receipts among them, with the tickets to say that they are durable.
pub(super) fn recorded(effects: &[Effect]) -> (Vec<u64>, Vec<Receipt>) {
    let mut tickets = Vec::new();
    let mut all = Vec::new();
    for effect in effects {
        if let Effect::Record { ticket, receipts } = effect {
            tickets.push(*ticket);
            all.extend(receipts.iter().cloned());
        }
    }
    (tickets, all)
}

/// The ends among receipts.
pub(super) fn ends(effects: &[Effect]) -> Vec<(MessageId, Stage, Option<Reason>)> {
    let end = |receipt: &Receipt| match receipt.event {
        Event::Ended(Ended { stage, reason, .. }) => Some((receipt.message, stage, reason)),
        Event::Fact(_) => None,
    };
    recorded(effects).1.iter().filter_map(end).collect()
}

pub(super) fn closing(effects: &[Effect]) -> Option<Closing> {
    effects.iter().find_map(|effect| match effect {
        Effect::Close(closing) => Some(*closing),
        _ => None,
    })
}

pub(super) fn trims(effects: &[Effect]) -> Vec<(Seq, Seq)> {
    let trim = |effect: &Effect| match effect {
        Effect::Trim { expected_lo, through } => Some((*expected_lo, *through)),
        _ => None,
    };
    effects.iter().filter_map(trim).collect()
}

pub(super) fn position_of(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> Option<usize> {
    effects.iter().position(wanted)
}
