//! A gateway's link against a device that says anything, over a mailbox that fails now and then.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use homing_domain::limits::WINDOW_MAX_MESSAGES;
use homing_domain::mailbox::{Body, Enqueue, Enqueued, EntryState, Mailbox};
use homing_domain::{
    DeviceId, Event, GatewayRef, HandOffTarget, HeartbeatSettings, MessageId, Priority, PushBody, Reason, Seq,
    ServerId, UnixMillis, UserHash,
};
use homing_link::Transport;
use homing_link::server::{Effect, FeedPage, Greeting, Joining, Leaving, Live, StoreFault};
use homing_wire::{Ack, Decoder, Frame, Hello, Ping, Push, Recall, Resumption, Skip, Up, Welcome, encode};

use crate::script::Script;

const APP: &str = "demo";
const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);
const EPOCH: u64 = 7;

/// Whatever the device says and however the store fails: pushes and skips come in order without a hole, a Skip only for
/// what is a tombstone, at most a window is unacknowledged of mailbox and feed together, the feed comes in order and is
/// counted once, nothing is trimmed that the ledger was not told of, and the
/// end of a link settles.
pub fn link_server(data: &[u8]) {
    // A stranger's first bytes.
    let _ = Greeting::new(UnixMillis(0), Transport::Quic).receive(data);

    let mut script = Script::new(data);
    let mut world = World::new(&mut script);
    while !script.is_over() {
        if let Some(mut live) = world.connect(&mut script) {
            while !script.is_over() && world.perform_all(&mut live) {
                world.step(&mut script, &mut live);
            }
            world.perform_all(&mut live);
            world.end(&mut script, live);
        }
    }
}

struct World {
    now: UnixMillis,
    mailbox: Mailbox,
    bodies: Vec<PushBody>,
    /// Effects that were given out and not performed yet.
    open: VecDeque<Effect>,
    /// What the ledger was durably told of.
    told: BTreeSet<MessageId>,
    /// Reads what the device sends, to know what it acknowledged.
    overheard: Decoder,
    /// What the last Hello said.
    claimed: Seq,
    sent: Seq,
    acked: Seq,
    unacked: VecDeque<Seq>,
    /// The last offset of the feed that was sent on this link, or claimed.
    fed: u64,
    fed_unacked: VecDeque<u64>,
    /// The last offset that was counted.
    counted: u64,
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let app = APP.parse().expect("an app id");
        let mut world = Self {
            now: UnixMillis(1_000_000),
            mailbox: Mailbox::new(app, EPOCH, 1, Some(UserHash(1))),
            bodies: Vec::new(),
            open: VecDeque::new(),
            told: BTreeSet::new(),
            overheard: Decoder::new(),
            claimed: 0,
            sent: 0,
            acked: 0,
            unacked: VecDeque::new(),
            fed: 0,
            fed_unacked: VecDeque::new(),
            counted: 0,
        };
        for _ in 0..script.within(0, 70) {
            world.enqueue(script);
        }
        world
    }

    /// From the Hello to the first effects of the live link.
    fn connect(&mut self, script: &mut Script<'_>) -> Option<Live> {
        let last_seq = match script.byte() {
            0 => script.number(),
            _ => script.within(self.acked, self.acked.max(self.sent)),
        };
        self.claimed = last_seq;
        let hello = Hello {
            device: Bytes::copy_from_slice(DEVICE.as_bytes()),
            app: APP.into(),
            epoch: if script.byte() == 255 { 8 } else { EPOCH },
            last_seq,
            conn_seq: self.mailbox.conn_seq + 1,
            key_id: 1,
            credential_generation: 1,
            auth: Bytes::copy_from_slice(&[2; 16]),
            network_hash: 0,
            sdk: String::new(),
            window: u32::from(script.byte() % 40),
            feed_offset: script.within(self.counted, self.counted.max(self.fed)),
            reads_feed: !script.byte().is_multiple_of(4),
        };
        (self.fed, self.counted) = (hello.feed_offset, self.counted.max(hello.feed_offset));
        self.fed_unacked.clear();
        let mut greeting = Greeting::new(self.now, Transport::Tcp);
        let claim = greeting.receive(&bytes_of(hello)).expect("a well-formed Hello").expect("a whole Hello");
        let mut joining: Joining = greeting.identify(claim);
        let gateway = GatewayRef { server_id: ServerId([3; 8]), incarnation: 1 };
        let taken_over =
            self.mailbox.take_over(joining.takeover(gateway, self.now)).expect("a larger number takes over");
        // Between the takeover and its answer.
        for _ in 0..script.within(0, 3) {
            if let Some((body, target)) = self.enqueue(script) {
                joining.hand_off(body, target);
            }
        }
        self.overheard = Decoder::new();
        self.unacked.clear();
        joining.welcome(self.now, taken_over, &HeartbeatSettings::default()).ok()
    }

    fn step(&mut self, script: &mut Script<'_>, live: &mut Live) {
        match script.byte() % 12 {
            0 => {
                let count = usize::from(script.byte());
                self.say(live, script.bytes(count));
            }
            1 | 2 => {
                let seq = script.within(self.acked, self.sent.max(self.acked));
                let feed_offset = if script.flag() { script.within(0, self.fed) } else { 0 };
                self.say(live, &bytes_of(Ack { seq, receipts: Vec::new(), feed_offset }));
            }
            3 => {
                let ack = Ack { seq: script.number(), receipts: Vec::new(), feed_offset: script.number() };
                let next_ms = u32::try_from(script.number()).unwrap_or(u32::MAX);
                let probe_after_ms = u32::from(script.byte());
                self.say(live, &bytes_of(Ping { ack: script.flag().then_some(ack), probe_after_ms, next_ms }));
            }
            4 => self.say(live, &bytes_of(Up { id: script.number(), topic: "t".into(), payload: Bytes::new() })),
            5 | 6 => {
                if let Some((body, target)) = self.enqueue(script)
                    && !script.byte().is_multiple_of(4)
                {
                    live.hand_off(self.now, &body, target);
                }
            }
            7 => self.withdraw(script, live),
            8 | 9 => self.perform_one(script, live),
            10 => {
                let span = if script.flag() { live.next_timeout().since(self.now) } else { script.number() };
                // A year at a time: the clock must not reach its end.
                self.now = self.now.plus(span.min(31_536_000_000));
                live.timeout(self.now);
            }
            _ => match script.byte() % 8 {
                0 => live.trim_wanted(self.now),
                1 => live.drain(1_000),
                2 => live.superseded(script.number()),
                3 => live.reread(self.now),
                5 | 6 => live.feed_grew(self.now),
                4 => live.heartbeat_changed(&HeartbeatSettings { idle_factor_percent: 200, ..Default::default() }),
                _ => self.stray_hand_off(script, live),
            },
        }
    }

    fn enqueue(&mut self, script: &mut Script<'_>) -> Option<(Arc<PushBody>, HandOffTarget)> {
        let number = u64::try_from(self.bodies.len()).expect("a length fits") + 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let style = script.byte();
        let body = PushBody {
            message: MessageId::from_bytes(id),
            accepted_at: self.now,
            expires_at: self.now.plus(if style & 1 == 0 { 60_000 } else { 31_536_000_000 }),
            priority: Priority::Normal,
            collapse_key: (style & 6 == 6).then(|| "k".to_owned()),
            payload: Bytes::from_static(&[b'x'; 400]),
            recalls: None,
        };
        let inline = style & 8 == 0;
        let enqueued = self.mailbox.enqueue(Enqueue {
            app: APP.parse().expect("an app id"),
            message: body.message,
            user: (style & 16 == 0).then_some(UserHash(1)),
            now: self.now,
            accepted_at: body.accepted_at,
            expires_at: body.expires_at,
            priority: body.priority,
            collapse_key: body.collapse_key.clone(),
            body: if inline { Body::Inline(body.payload.clone()) } else { Body::Reference },
            variant: 0,
        });
        self.bodies.push(body.clone());
        let Enqueued::Stored { seq, enqueued_at, route, .. } = enqueued else { return None };
        let conn_seq = route?.conn_seq;
        Some((Arc::new(body), HandOffTarget { device: DEVICE, conn_seq, seq, enqueued_at }))
    }

    fn withdraw(&mut self, script: &mut Script<'_>, live: &mut Live) {
        let back = usize::from(script.byte());
        if let Some(message) = self.bodies.iter().rev().nth(back).map(|body| body.message) {
            self.mailbox.withdraw(message, Reason::Recalled);
        }
        if back % 16 == 15 {
            self.mailbox.bind(Some(UserHash(u64::from(script.byte() % 2))));
        }
        if script.flag() {
            live.reread(self.now);
        }
    }

    /// A hand-off of another connection, of an old seq, or of none.
    fn stray_hand_off(&mut self, script: &mut Script<'_>, live: &mut Live) {
        let Some(body) = self.bodies.last().cloned() else { return };
        let conn_seq = live.conn_seq().wrapping_add(script.within(0, 2)).wrapping_sub(1);
        // A seq beyond the mailbox is never handed off: only the store gives them out.
        let seq = script.within(0, self.mailbox.hi.min(200));
        let known = self.mailbox.numbered().find(|(at, _)| *at == seq).map(|(_, entry)| entry.message);
        let body = self.bodies.iter().find(|body| Some(body.message) == known).cloned().unwrap_or(body);
        if seq == 0 || known.is_some() {
            let target = HandOffTarget { device: DEVICE, conn_seq, seq, enqueued_at: self.now };
            live.hand_off(self.now, &Arc::new(body), target);
        }
    }

    fn say(&mut self, live: &mut Live, bytes: &[u8]) {
        self.overheard.feed(bytes);
        while let Ok(Some(frame)) = self.overheard.next_frame() {
            let ack = match frame {
                Frame::Ack(ack) => Some(ack),
                Frame::Ping(ping) => ping.ack,
                _ => None,
            };
            if let Some(Ack { seq, feed_offset, .. }) = ack.filter(|ack| ack.seq <= self.sent) {
                self.acked = self.acked.max(seq);
                self.unacked.retain(|unacked| *unacked > seq);
                self.fed_unacked.retain(|unacked| *unacked > feed_offset);
            }
        }
        live.receive(self.now, bytes);
    }

    /// Takes all effects out, and checks them. False = the link is over.
    fn perform_all(&mut self, live: &mut Live) -> bool {
        while let Some(effect) = live.poll() {
            match effect {
                Effect::Transmit(frame) => self.transmitted(frame),
                // What is left goes over to the machine that leaves.
                Effect::Close(_) | Effect::Ended => return false,
                Effect::Undelivered(_) => {}
                Effect::CountFeed(messages) => self.count(&messages),
                effect => self.ask(effect),
            }
        }
        true
    }

    fn count(&mut self, messages: &[MessageId]) {
        for message in messages {
            let offset = u64::from_be_bytes(message.as_bytes()[8..].try_into().expect("8 bytes"));
            assert!(offset > self.counted && offset <= self.fed, "{offset} is counted after {}", self.counted);
            self.counted = offset;
        }
    }

    /// A page of a feed whose message at each offset bears it in its id.
    fn page(&self, script: &mut Script<'_>, after: u64, limit: usize) -> FeedPage {
        let mut through = after;
        let mut pushes = Vec::new();
        for _ in 0..script.within(0, 40) {
            through += script.within(1, 3);
            let mut id = [0xfe; 16];
            id[8..].copy_from_slice(&through.to_be_bytes());
            let style = script.byte();
            if style & 1 == 0 && pushes.len() < limit {
                let body = PushBody {
                    message: MessageId::from_bytes(id),
                    accepted_at: self.now,
                    expires_at: self.now.plus(if style & 2 == 0 { 60_000 } else { 31_536_000_000 }),
                    priority: Priority::Normal,
                    collapse_key: None,
                    payload: Bytes::from_static(&[b'x'; 4_000]),
                    recalls: (style & 12 == 12).then_some(MessageId::from_bytes([9; 16])),
                };
                pushes.push((through, Arc::new(body)));
            }
            if pushes.len() == limit {
                break;
            }
        }
        FeedPage { through, pushes }
    }

    /// A push or a recall of the feed went out.
    fn fed(&mut self, offset: u64) {
        assert!(offset > self.fed, "{offset} after {}", self.fed);
        self.fed = offset;
        self.fed_unacked.push_back(offset);
        self.assert_window();
    }

    fn assert_window(&self) {
        let unacked = self.unacked.len() + self.fed_unacked.len();
        assert!(unacked <= WINDOW_MAX_MESSAGES, "{unacked} unacknowledged");
    }

    fn ask(&mut self, effect: Effect) {
        if let Effect::Trim { through, .. } = effect {
            self.assert_told(through);
        }
        let is_single = !matches!(effect, Effect::Record { .. } | Effect::StoreUpstream(_));
        let kind = std::mem::discriminant(&effect);
        let is_under_way = self.open.iter().any(|open| std::mem::discriminant(open) == kind);
        assert!(!is_single || !is_under_way, "a second {effect:?} is under way");
        self.open.push_back(effect);
        assert!(self.open.len() <= 1_024, "effects pile up");
    }

    fn assert_told(&self, through: Seq) {
        for (seq, entry) in self.mailbox.numbered().filter(|(_, entry)| entry.span == 1) {
            assert!(seq > through || self.told.contains(&entry.message), "{seq} is trimmed and was not told of");
        }
    }

    fn transmitted(&mut self, frame: Frame) {
        match frame {
            Frame::Welcome(Welcome { resumption, lo, .. }) => {
                if resumption == Resumption::Reset as i32 {
                    (self.sent, self.acked) = (lo - 1, lo - 1);
                } else {
                    (self.sent, self.acked) = (self.claimed, self.claimed);
                }
            }
            Frame::Push(Push { seq, expires_ms, .. }) if seq != 0 => {
                self.follows(seq);
                assert!(expires_ms > self.now.0, "{seq} is sent and has expired");
                self.sent = seq;
                self.unacked.push_back(seq);
                self.assert_window();
            }
            Frame::Push(Push { feed_offset, expires_ms, .. }) if feed_offset != 0 => {
                assert!(expires_ms > self.now.0, "{feed_offset} of the feed is sent and has expired");
                self.fed(feed_offset);
            }
            Frame::Recall(Recall { feed_offset, .. }) if feed_offset != 0 => self.fed(feed_offset),
            Frame::Skip(Skip { to_seq, count, .. }) => {
                assert!(count >= 1 && count <= to_seq);
                self.follows(to_seq - count + 1);
                self.sent = to_seq;
                for (seq, entry) in self.mailbox.numbered() {
                    let is_skipped = seq > to_seq - count && seq <= to_seq;
                    assert!(
                        !is_skipped || matches!(entry.state, EntryState::Tombstone(_)),
                        "{seq} is skipped and no tombstone"
                    );
                }
            }
            _ => {}
        }
    }

    fn follows(&self, first: Seq) {
        assert_eq!(first, self.sent + 1, "a hole, or a repeat");
    }

    /// Performs the oldest open effect: it succeeds, or fails before or after it took effect.
    fn perform_one(&mut self, script: &mut Script<'_>, live: &mut Live) {
        let Some(effect) = self.open.pop_front() else { return };
        let (is_done, is_answered) = match script.byte() % 8 {
            0 => (false, false),
            1 => (true, false),
            _ => (true, true),
        };
        let now = self.now;
        let fault = || StoreFault::Unavailable;
        match effect {
            Effect::ReadMailbox => {
                live.mailbox(now, if is_answered { Ok(Some(self.mailbox.clone())) } else { Err(fault()) });
            }
            Effect::FetchBody { message, .. } => {
                let body = self.bodies.iter().find(|body| body.message == message && script.byte() != 7);
                live.body(now, message, if is_answered { Ok(body) } else { Err(fault()) });
            }
            Effect::ReadFeed { after, limit } => {
                let page = self.page(script, after, limit);
                live.feed(now, if is_answered { Ok(page) } else { Err(fault()) });
            }
            Effect::Tombstone(entries) => {
                let answer = is_done.then(|| self.mailbox.tombstone(live.conn_seq(), &entries));
                live.tombstoned(now, answer.filter(|_| is_answered).map_or_else(|| Err(fault()), |a| Ok(a?)));
            }
            Effect::Record { ticket, receipts } => {
                self.tell(&receipts);
                live.recorded(now, ticket);
            }
            Effect::Trim { expected_lo, through } => {
                let answer = is_done.then(|| self.mailbox.trim(live.conn_seq(), expected_lo, through));
                live.trimmed(now, answer.filter(|_| is_answered).map_or_else(|| Err(fault()), |a| Ok(a?)));
            }
            Effect::StoreUpstream(upstream) => {
                live.upstream_stored(now, upstream.id, if is_answered { Ok(()) } else { Err(fault()) });
            }
            other => panic!("a live link does not ask for {other:?}"),
        }
    }

    fn tell(&mut self, receipts: &[homing_domain::Receipt]) {
        let ended = receipts.iter().filter(|receipt| matches!(receipt.event, Event::Ended(_)));
        self.told.extend(ended.map(|receipt| receipt.message));
    }

    /// The link ends: the gateway settles it, or dies.
    fn end(&mut self, script: &mut Script<'_>, live: Live) {
        let conn_seq = live.conn_seq();
        let mut leaving: Leaving = live.leave(self.now);
        let records = self.open.drain(..).filter(|effect| matches!(effect, Effect::Record { .. }));
        let mut open: VecDeque<Effect> = records.collect();
        if script.byte().is_multiple_of(8) {
            return;
        }
        for _ in 0..256 {
            open.extend(std::iter::from_fn(|| leaving.poll()));
            let Some(effect) = open.pop_front() else {
                if leaving.is_finished() {
                    break;
                }
                self.now = self.now.max(leaving.next_timeout());
                leaving.timeout(self.now);
                continue;
            };
            match effect {
                Effect::Record { ticket, receipts } => {
                    self.tell(&receipts);
                    leaving.recorded(self.now, ticket);
                }
                Effect::Trim { expected_lo, through } => {
                    self.assert_told(through);
                    let answer = self.mailbox.trim(conn_seq, expected_lo, through);
                    leaving.trimmed(self.now, answer.map_err(StoreFault::from));
                }
                Effect::Detach { sent } => {
                    assert!(sent >= self.sent, "{} may have been seen, the detach says {sent}", self.sent);
                    leaving.detached(self.now, self.mailbox.detach(conn_seq, sent).map_err(StoreFault::from));
                }
                _ => {}
            }
        }
        assert!(leaving.is_finished(), "the end of the link does not settle");
        assert_eq!(self.mailbox.route, None, "the device is given up");
    }
}

fn bytes_of(frame: impl Into<Frame>) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    encode(&frame.into(), &mut buffer);
    buffer.to_vec()
}
