//! One device and one gateway, both as they are, over a feed's log, a mailbox and a network, all of which wait to be told.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use homing_domain::mailbox::{Body, Enqueue, Enqueued, Mailbox};
use homing_domain::{
    DeviceId, Event, FeedAction, FeedEntry, FeedOffset, GatewayRef, HandOffTarget, HeartbeatSettings, MessageId,
    Priority, PushBody, ServerId, UnixMillis,
};
use homing_link::Transport;
use homing_link::client::{self, Arrival, Commit, Introduction, Memory, Opened, Opening, Saved};
use homing_link::server::{Effect, FeedLog, FeedPage, Greeting, Live, StoreFault};
use homing_wire::{Frame, encode};

const DEVICE: DeviceId = DeviceId::from_bytes([7; 16]);
/// Far more rounds than it takes to bring everything over one link.
const ROUNDS_MAX: usize = 2_000;

/// How a message came to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    ByLink,
    ByVendor,
}

/// An entry of the plain list.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    pub(crate) offset: FeedOffset,
    pub(crate) message: MessageId,
    recalls: Option<MessageId>,
    pub(crate) is_for_device: bool,
    pub(crate) is_stopped: bool,
}

pub(crate) struct World {
    keeps_offset: bool,
    window: u32,
    now: UnixMillis,
    messages: u64,
    pub(crate) brought: Vec<Brought>,
    pub(crate) enqueued: Vec<MessageId>,
    /// What is in the feed, and what the gateway has read of it.
    written: Vec<(FeedOffset, FeedEntry)>,
    pub(crate) log: FeedLog,
    mailbox: Mailbox,
    gateway: Option<Live>,
    questions: VecDeque<Effect>,
    device: Option<Box<client::Live>>,
    to_device: Vec<u8>,
    to_gateway: Vec<u8>,
    memory: Memory,
    disk: Saved,
    commits: VecDeque<Commit>,
    /// What the app was told, in order.
    pub(crate) heard: Vec<(MessageId, Told)>,
    pub(crate) counted: Vec<MessageId>,
    /// Whose end was recorded.
    pub(crate) ended: Vec<MessageId>,
}

impl World {
    pub(crate) fn new(keeps_offset: bool, window: u32) -> Self {
        let disk = Saved { cursor: client::Cursor { epoch: 1, seq: 0, feed: 0 }, ..Saved::default() };
        Self {
            keeps_offset,
            window,
            now: UnixMillis(1_000_000),
            messages: 0,
            brought: Vec::new(),
            enqueued: Vec::new(),
            written: Vec::new(),
            log: FeedLog::default(),
            mailbox: Mailbox::new("demo".parse().unwrap(), 1, 0, None),
            gateway: None,
            questions: VecDeque::new(),
            device: None,
            to_device: Vec::new(),
            to_gateway: Vec::new(),
            memory: Memory::new(disk.clone()),
            disk,
            commits: VecDeque::new(),
            heard: Vec::new(),
            counted: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// How far the device has come durably.
    pub(crate) fn offset(&self) -> FeedOffset {
        self.disk.cursor.feed
    }

    fn new_message(&mut self) -> MessageId {
        self.messages += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.messages.to_be_bytes());
        MessageId::from_bytes(id)
    }

    fn put(&mut self, message: MessageId, action: FeedAction) -> FeedOffset {
        let offset = self.written.last().map_or(1, |(offset, _)| offset + 1);
        self.written.push((offset, FeedEntry { message, action, expires_at: UnixMillis::NEVER }));
        offset
    }

    pub(crate) fn bring(&mut self, is_for_device: bool, is_recall: bool) {
        let recalls = self.brought.last().map(|entry| entry.message).filter(|_| is_recall);
        let message = self.new_message();
        let offset = self.put(message, FeedAction::Bring);
        self.brought.push(Brought { offset, message, recalls, is_for_device, is_stopped: false });
    }

    pub(crate) fn stop(&mut self) {
        let Some(last) = self.brought.last_mut().filter(|entry| !entry.is_stopped) else { return };
        last.is_stopped = true;
        let message = last.message;
        self.put(message, FeedAction::Stop);
    }

    pub(crate) fn enqueue(&mut self) {
        if self.mailbox.hi + 1 - self.mailbox.lo > 32 {
            return;
        }
        let message = self.new_message();
        let body = body(message, None);
        let enqueued = self.mailbox.enqueue(Enqueue {
            app: self.mailbox.app.clone(),
            message,
            user: None,
            now: self.now,
            accepted_at: body.accepted_at,
            expires_at: body.expires_at,
            priority: body.priority,
            collapse_key: None,
            body: Body::of(&body.payload, None),
            variant: 0,
        });
        let Enqueued::Stored { seq, .. } = enqueued else { panic!("{enqueued:?}") };
        self.enqueued.push(message);
        if let Some(gateway) = &mut self.gateway {
            let target = HandOffTarget { device: DEVICE, conn_seq: gateway.conn_seq(), seq, enqueued_at: self.now };
            gateway.hand_off(self.now, &Arc::new(body), target);
        }
        self.perform();
    }

    pub(crate) fn hint(&mut self) {
        self.log.append(self.now, self.written.iter().copied());
        if let Some(gateway) = &mut self.gateway {
            gateway.feed_grew(self.now);
        }
        self.perform();
    }

    /// What the driver of the gateway finds for this device.
    fn page(&self, after: FeedOffset, limit: usize) -> FeedPage {
        let entry = |message| self.brought.iter().find(|entry| entry.message == message && entry.is_for_device);
        let found = self.log.after(after, self.now).filter_map(|(offset, message)| Some((offset, entry(message)?)));
        let push = |(offset, entry): (FeedOffset, &Brought)| (offset, Arc::new(body(entry.message, entry.recalls)));
        let pushes: Vec<_> = found.map(push).take(limit).collect();
        let is_cut = pushes.len() == limit;
        let last = pushes.last().map(|(offset, _)| *offset).filter(|_| is_cut);
        FeedPage { through: last.unwrap_or_else(|| self.log.head().max(after)), pushes }
    }

    pub(crate) fn answer(&mut self, fails: bool) {
        let Some(question) = self.questions.pop_front() else { return };
        let mut gateway = self.gateway.take().expect("it asked");
        let now = self.now;
        match question {
            Effect::ReadFeed { .. } if fails => gateway.feed(now, Err(StoreFault::Unavailable)),
            Effect::ReadFeed { after, limit } => gateway.feed(now, Ok(self.page(after, limit))),
            Effect::ReadMailbox if fails => gateway.mailbox(now, Err(StoreFault::Unavailable)),
            Effect::ReadMailbox => gateway.mailbox(now, Ok(Some(self.mailbox.clone()))),
            Effect::Record { ticket, receipts } => {
                let ended = receipts.iter().filter(|receipt| matches!(receipt.event, Event::Ended(_)));
                self.ended.extend(ended.map(|receipt| receipt.message));
                gateway.recorded(now, ticket);
            }
            Effect::Trim { expected_lo, through } => {
                let answer = self.mailbox.trim(gateway.conn_seq(), expected_lo, through);
                gateway.trimmed(now, answer.map_err(Into::into));
            }
            other => panic!("not expected here: {other:?}"),
        }
        self.gateway = Some(gateway);
        self.perform();
    }

    /// Does what both machines ask for.
    fn perform(&mut self) {
        while let Some(effect) = self.gateway.as_mut().and_then(Live::poll) {
            match effect {
                Effect::Transmit(frame) => self.to_device.extend_from_slice(&bytes_of(&frame)),
                Effect::CountFeed(messages) => self.counted.extend(messages),
                Effect::Close(closing) => panic!("a sound device is closed upon: {closing:?}"),
                question => self.questions.push_back(question),
            }
        }
        while let Some(effect) = self.device.as_mut().and_then(|device| device.poll()) {
            match effect {
                client::Effect::Transmit(frame) => self.to_gateway.extend_from_slice(&bytes_of(&frame)),
                client::Effect::Commit(commit) => self.commits.push_back(commit),
                client::Effect::End(ended) => panic!("a sound gateway is left: {ended:?}"),
                _ => {}
            }
        }
    }

    pub(crate) fn down(&mut self, bytes: usize) {
        let Some(device) = &mut self.device else { return };
        let arriving: Vec<_> = self.to_device.drain(..bytes.min(self.to_device.len())).collect();
        device.receive(self.now, &arriving, &mut self.memory);
        self.perform();
    }

    pub(crate) fn up(&mut self, bytes: usize) {
        let Some(gateway) = &mut self.gateway else { return };
        let arriving: Vec<_> = self.to_gateway.drain(..bytes.min(self.to_gateway.len())).collect();
        gateway.receive(self.now, &arriving);
        self.perform();
    }

    pub(crate) fn write(&mut self) {
        while let Some(Commit { number, cursor, arrival }) = self.commits.pop_front() {
            self.disk.cursor = cursor;
            let (heard, also) = match arrival {
                Arrival::Message(message) => (Some(message.id), None),
                Arrival::Recalled { message, recall } => (recall, Some(message)),
                _ => (None, None),
            };
            for message in heard.into_iter().chain(also) {
                self.disk.seen.insert(message);
            }
            self.heard.extend(heard.map(|message| (message, Told::ByLink)));
            self.memory.committed(number, self.now);
        }
        if let Some(device) = &mut self.device {
            device.update(self.now, &mut self.memory);
        }
        self.perform();
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(millis);
        if let Some(gateway) = &mut self.gateway {
            gateway.timeout(self.now);
        }
        if let Some(device) = &mut self.device {
            device.timeout(self.now, &mut self.memory);
        }
        self.perform();
    }

    pub(crate) fn break_off(&mut self, restarts: bool) {
        self.device = None;
        self.to_device.clear();
        self.to_gateway.clear();
        self.questions.clear();
        if let Some(gateway) = self.gateway.take() {
            let mut leaving = gateway.leave(self.now);
            while let Some(effect) = leaving.poll() {
                if let Effect::CountFeed(messages) = effect {
                    self.counted.extend(messages);
                }
            }
        }
        if restarts {
            self.commits.clear();
            self.memory = Memory::new(self.disk.clone());
        } else {
            self.write();
        }
    }

    /// A new link, if there is none.
    pub(crate) fn connect(&mut self) {
        if self.device.is_some() {
            return;
        }
        assert!(self.memory.is_settled());
        let conn_seq = self.memory.raise_connection();
        self.disk.conn_seq = conn_seq;
        let introduction = Introduction {
            app: "demo".parse().unwrap(),
            device: DEVICE,
            key_id: 1,
            credential_generation: 0,
            conn_seq,
            auth: [1; 16],
            transport: Transport::Tcp,
            network_hash: 0,
            sdk: "test".into(),
        };
        let (opening, hello) = Opening::new(self.now, &introduction, &self.memory);
        let Frame::Hello(mut hello) = hello else { panic!("{hello:?}") };
        hello.window = self.window;
        if !self.keeps_offset {
            (hello.reads_feed, hello.feed_offset) = (false, 0);
        }
        let mut greeting = Greeting::new(self.now, Transport::Tcp);
        let claim = greeting.receive(&bytes_of(&hello.into())).unwrap().unwrap();
        let joining = greeting.identify(claim);
        let gateway = GatewayRef { server_id: ServerId([1; 8]), incarnation: 1 };
        let taken_over = self.mailbox.take_over(joining.takeover(gateway, self.now)).unwrap();
        let mut live = joining.welcome(self.now, taken_over, &HeartbeatSettings::default()).unwrap();
        let Some(Effect::Transmit(welcome)) = live.poll() else { panic!("no Welcome") };
        let Opened::Live(device) = opening.receive(self.now, &bytes_of(&welcome), &mut self.memory) else {
            panic!("no link")
        };
        (self.gateway, self.device) = (Some(live), Some(device));
        self.perform();
    }

    /// The last message comes another way, too. It is remembered before the app hears of it.
    pub(crate) fn vendor(&mut self) {
        let Some(last) = self.brought.last().filter(|entry| entry.is_for_device && entry.recalls.is_none()) else {
            return;
        };
        if self.memory.note_elsewhere(last.message) {
            self.disk.seen.insert(last.message);
            self.heard.push((last.message, Told::ByVendor));
        }
    }

    /// Everything takes its course, until nothing is left to be done.
    pub(crate) fn settle(&mut self) {
        self.connect();
        self.hint();
        for _ in 0..ROUNDS_MAX {
            let before = (self.heard.len(), self.offset(), self.now);
            self.answer(false);
            self.down(usize::MAX);
            self.write();
            self.up(usize::MAX);
            let is_quiet = self.questions.is_empty() && self.to_device.is_empty() && self.commits.is_empty();
            if before == (self.heard.len(), self.offset(), self.now) && is_quiet {
                let next = self.device.as_ref().map(|device| device.next_timeout(&self.memory)).expect("a link");
                // The second heartbeat from here on has told all that Pongs tell.
                if self.is_known_to_both() {
                    return;
                }
                self.now = self.now.max(next);
                self.pass(0);
            }
        }
        panic!("it does not come to rest: {:?} of {:?}", self.disk.cursor, self.log);
    }

    fn is_known_to_both(&self) -> bool {
        let is_all_heard = self.brought.iter().filter(|entry| entry.is_for_device && !entry.is_stopped);
        let is_heard = |message: MessageId| self.heard.iter().any(|(heard, _)| *heard == message);
        let is_there = !self.keeps_offset || self.offset() == self.log.head();
        is_there
            && is_all_heard.into_iter().all(|entry| is_heard(entry.message))
            && self.enqueued.iter().all(|message| is_heard(*message))
    }
}

/// What is sent of a message.
fn body(message: MessageId, recalls: Option<MessageId>) -> PushBody {
    PushBody {
        message,
        accepted_at: UnixMillis(0),
        expires_at: UnixMillis::NEVER,
        priority: Priority::Normal,
        collapse_key: None,
        payload: Bytes::from_static(b"{}"),
        recalls,
    }
}

fn bytes_of(frame: &Frame) -> BytesMut {
    let mut buffer = BytesMut::new();
    encode(frame, &mut buffer);
    buffer
}
