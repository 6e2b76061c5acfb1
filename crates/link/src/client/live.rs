//! A link on which the gateway owns the device.

mod inbox;

use std::collections::VecDeque;

use homing_domain::limits::WINDOW_MAX_MESSAGES;
use homing_domain::{ConnSeq, FeedOffset, Millis, UnixMillis, UpstreamId};
use homing_wire::{Ack, Close, CloseCode, Decoder, Frame, GoAway, HeartbeatConfig, Ping, Pong, UpAck, UpCode};

use super::arrival::Commit;
use super::end::{Closed, Ended};
use super::heartbeat::{Beat, Heartbeat, Lesson};
use super::memory::{Cursor, Memory};
use crate::Transport;
use crate::limits::ACK_DELAY_MAX;

/// So many durable messages are acknowledged at once: the gateway's window must not run dry.
const ACK_AT_ONCE: u64 = WINDOW_MAX_MESSAGES as u64 / 4;

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this frame.
    Transmit(Frame),
    /// Write this durably, in order; then [`Memory::committed`] and [`Live::update`].
    Commit(Commit),
    /// A message to the business is durable, or refused for good.
    UploadSettled {
        /// Which.
        id: UpstreamId,
        /// `Stored` or `Refused`.
        code: UpCode,
    },
    /// The heartbeat's interval is another one now.
    HeartbeatChanged {
        /// The new one.
        interval: Millis,
    },
    /// Something was learned of the network, and is in the [`Memory`]: keep it. Nothing waits for that.
    Learned(Lesson),
    /// Connect elsewhere within a random part of `spread`, take over, then close this link.
    GoAway {
        /// Over how long devices spread.
        spread: Millis,
        /// `host:port`; `None` = as always.
        address: Option<String>,
    },
    /// The link is over: close the transport. The last effect.
    End(Ended),
}

/// Which link it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) transport: Transport,
    pub(super) network_hash: u64,
    pub(super) conn_seq: ConnSeq,
}

/// A live link. Wants [`Live::update`] after every change of its [`Memory`].
#[derive(Debug)]
pub struct Live {
    decoder: Decoder,
    transport: Transport,
    network_hash: u64,
    conn_seq: ConnSeq,
    /// How far this link has come: an Ack beyond it would be a lie about this link.
    passed: Cursor,
    /// What the gateway knows: acknowledged, or said by itself.
    acked: Cursor,
    /// Offsets of the messages that came by the feed and are not acknowledged.
    unacked_of_feed: VecDeque<FeedOffset>,
    is_resumed: bool,
    ack_due: Option<UnixMillis>,
    heartbeat: Heartbeat,
    effects: VecDeque<Effect>,
    is_over: bool,
}

impl Live {
    pub(super) fn new(
        now: UnixMillis,
        Place { transport, network_hash, conn_seq }: Place,
        start: Cursor,
        heartbeat: Option<&HeartbeatConfig>,
        decoder: Decoder,
        memory: &mut Memory,
    ) -> Self {
        memory.receipts.requeue();
        let lessons = memory.arrive(now, network_hash, transport);
        let learned = memory.networks.learned(network_hash, transport);
        let mut live = Self {
            decoder,
            transport,
            network_hash,
            conn_seq,
            passed: start,
            acked: start,
            unacked_of_feed: VecDeque::new(),
            is_resumed: true,
            ack_due: None,
            heartbeat: Heartbeat::new(now, transport, heartbeat, memory.power, learned),
            effects: lessons.map(Effect::Learned).collect(),
            is_over: false,
        };
        live.update(now, memory);
        live
    }

    pub(super) fn begin_with(&mut self, commit: Commit) {
        self.is_resumed = false;
        self.effects.push_front(Effect::Commit(commit));
    }

    /// This connection's number.
    #[must_use]
    pub const fn conn_seq(&self) -> ConnSeq {
        self.conn_seq
    }

    /// What it runs on.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether it goes on where the last one stopped; if not, its first effect is the commit of a reset.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// The heartbeat's interval.
    #[must_use]
    pub const fn heartbeat_interval(&self) -> Millis {
        self.heartbeat.interval()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if self.effects.is_empty() {
            // An idle link keeps no buffer.
            self.effects = VecDeque::new();
        }
        effect
    }

    /// Takes what the gateway sent.
    pub fn receive(&mut self, now: UnixMillis, bytes: &[u8], memory: &mut Memory) {
        if self.is_over {
            return;
        }
        if !bytes.is_empty() {
            self.heartbeat.heard(now);
            self.decoder.feed(bytes);
        }
        while !self.is_over {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => self.frame(now, frame, memory),
                Ok(None) => break,
                Err(_) => self.protocol_error(),
            }
        }
        self.update(now, memory);
    }

    /// Looks at the memory again: something became durable, or waits to be sent.
    pub fn update(&mut self, now: UnixMillis, memory: &mut Memory) {
        if self.is_over {
            return;
        }
        while let Some(up) = memory.uploads.next(now, self.conn_seq) {
            self.transmit(now, up);
        }
        let ready = self.ready(memory);
        if self.unacked(ready) >= ACK_AT_ONCE {
            self.send_ack(now, memory);
        } else if self.is_news(ready) || memory.receipts.is_waiting() {
            self.ack_due.get_or_insert_with(|| now.plus(ACK_DELAY_MAX));
        }
    }

    /// When [`Live::timeout`] wants to be called at the latest.
    #[must_use]
    pub fn next_timeout(&self, memory: &Memory) -> UnixMillis {
        let retry = memory.uploads.next_retry(self.conn_seq).filter(|at| at.0 > 0);
        let ack = self.ack_due.into_iter();
        ack.chain(retry).fold(self.heartbeat.next_timeout(), UnixMillis::min)
    }

    /// The time is `now`.
    pub fn timeout(&mut self, now: UnixMillis, memory: &mut Memory) {
        if self.is_over {
            return;
        }
        match self.heartbeat.timeout(now) {
            Some(Beat::Ping { next, probe_after }) => {
                let ack = self.take_ack(memory);
                memory.receipts.pinged();
                let milliseconds = |span| u32::try_from(span).unwrap_or(u32::MAX);
                let ping = Ping { ack, probe_after_ms: milliseconds(probe_after), next_ms: milliseconds(next) };
                self.effects.push_back(Effect::Transmit(ping.into()));
                self.tell_heartbeat(memory);
            }
            Some(Beat::Dead) => {
                self.broken(memory);
                return self.end(Ended::Silent);
            }
            None => {}
        }
        if self.ack_due.is_some_and(|due| due <= now) {
            self.send_ack(now, memory);
        }
        self.update(now, memory);
    }

    /// Leaves cleanly: what is durable is acknowledged, then a Close goes out. The driver ends the link.
    pub fn leave(&mut self, memory: &mut Memory) {
        if !self.is_over {
            let ack = self.take_ack(memory);
            self.effects.extend(ack.map(|ack| Effect::Transmit(ack.into())));
            let close = Close { code: CloseCode::Normal as i32, retry_after_ms: 0, detail: 0 };
            self.effects.push_back(Effect::Transmit(close.into()));
            self.is_over = true;
        }
    }

    /// The device is on another network, and the link is still there: it goes on with what is known of that one.
    pub fn network_changed(&mut self, now: UnixMillis, network_hash: u64, memory: &mut Memory) {
        if self.is_over || network_hash == self.network_hash {
            return;
        }
        self.network_hash = network_hash;
        let lesson = memory.networks.visit(network_hash, self.transport);
        self.effects.extend(lesson.map(Effect::Learned));
        self.heartbeat.network_changed(now, memory.networks.learned(network_hash, self.transport));
        self.tell_heartbeat(memory);
    }

    /// The transport broke, or nothing comes any more. If it was at a heartbeat, the next link shows what to learn from it.
    pub fn broken(&self, memory: &mut Memory) {
        if let Some(silence) = self.heartbeat.suspect() {
            memory.suspicion.raise(self.network_hash, silence);
        }
    }

    fn frame(&mut self, now: UnixMillis, frame: Frame, memory: &mut Memory) {
        if !matches!(frame, Frame::Pong(_) | Frame::Probe(_)) {
            self.heartbeat.disturb(now);
        }
        match frame {
            Frame::Push(push) => self.push(now, push, memory),
            Frame::Skip(skip) => self.skip(skip, memory),
            Frame::Pong(pong) => self.pong(now, pong, memory),
            Frame::UpAck(answer) => self.up_ack(now, answer, memory),
            Frame::Recall(recall) => self.recall(&recall, memory),
            Frame::GoAway(go_away) => self.go_away(go_away),
            Frame::HeartbeatConfig(config) => self.configure(now, &config, memory),
            Frame::Probe(_) => {
                self.heartbeat.probed(now);
                self.tell_heartbeat(memory);
            }
            Frame::Close(close) => self.end(Ended::Closed(Closed::from(close))),
            Frame::Hello(_) | Frame::Welcome(_) | Frame::Ack(_) | Frame::Ping(_) | Frame::Up(_) => {
                self.protocol_error();
            }
        }
    }

    fn pong(&mut self, now: UnixMillis, pong: Pong, memory: &mut Memory) {
        memory.receipts.ponged();
        memory.suspicion.disprove(self.network_hash, self.transport);
        self.heartbeat.ponged(now, &pong.observed);
        self.tell_heartbeat(memory);
        if let Some(config) = pong.heartbeat {
            self.configure(now, &config, memory);
        }
        self.pass_over(pong.feed_offset, memory);
        if let Some(go_away) = pong.go_away {
            self.go_away(go_away);
        }
    }

    fn configure(&mut self, now: UnixMillis, config: &HeartbeatConfig, memory: &mut Memory) {
        self.heartbeat.configure(now, config);
        self.tell_heartbeat(memory);
    }

    /// What is new about the heartbeat goes to the memory and to the driver.
    fn tell_heartbeat(&mut self, memory: &mut Memory) {
        if let Some(learned) = self.heartbeat.new_lesson() {
            let lesson = Lesson { network_hash: self.network_hash, transport: self.transport, learned };
            memory.networks.apply(lesson);
            self.effects.push_back(Effect::Learned(lesson));
        }
        let interval = self.heartbeat.new_interval();
        self.effects.extend(interval.map(|interval| Effect::HeartbeatChanged { interval }));
    }

    fn up_ack(&mut self, now: UnixMillis, answer: UpAck, memory: &mut Memory) {
        // A code of a later version is no reason to give the message up.
        let code = UpCode::try_from(answer.code).unwrap_or(UpCode::Busy);
        if memory.uploads.answered(now, answer.id, code) {
            self.effects.push_back(Effect::UploadSettled { id: answer.id, code });
        }
    }

    fn go_away(&mut self, go_away: GoAway) {
        let address = Some(go_away.address).filter(|address| !address.is_empty());
        self.effects.push_back(Effect::GoAway { spread: Millis::from(go_away.spread_ms), address });
    }

    /// How far an Ack on this link may go.
    fn ready(&self, memory: &Memory) -> Cursor {
        let Cursor { epoch, seq, feed } = memory.durable;
        let seq = if epoch == self.passed.epoch { seq.min(self.passed.seq) } else { 0 };
        Cursor { epoch: self.passed.epoch, seq, feed: feed.min(self.passed.feed) }
    }

    /// Whether the gateway does not know yet that the device is there.
    const fn is_news(&self, ready: Cursor) -> bool {
        ready.seq > self.acked.seq || ready.feed > self.acked.feed
    }

    /// How many messages an Ack would cover.
    fn unacked(&self, ready: Cursor) -> u64 {
        let of_feed = self.unacked_of_feed.iter().take_while(|offset| **offset <= ready.feed);
        ready.seq.saturating_sub(self.acked.seq) + of_feed.map(|_| 1).sum::<u64>()
    }

    fn take_ack(&mut self, memory: &mut Memory) -> Option<Ack> {
        self.ack_due = None;
        let ready = self.ready(memory);
        if !self.is_news(ready) && !memory.receipts.is_waiting() {
            return None;
        }
        let feed_offset = if ready.feed > self.acked.feed { ready.feed } else { 0 };
        self.acked.seq = self.acked.seq.max(ready.seq);
        self.acked.feed = self.acked.feed.max(feed_offset);
        while self.unacked_of_feed.pop_front_if(|offset| *offset <= feed_offset).is_some() {}
        if self.unacked_of_feed.is_empty() {
            self.unacked_of_feed = VecDeque::new();
        }
        Some(Ack { seq: self.acked.seq, receipts: memory.receipts.take(), feed_offset })
    }

    fn send_ack(&mut self, now: UnixMillis, memory: &mut Memory) {
        if let Some(ack) = self.take_ack(memory) {
            self.transmit(now, ack);
        }
    }

    fn transmit(&mut self, now: UnixMillis, frame: impl Into<Frame>) {
        self.heartbeat.sent(now);
        self.effects.push_back(Effect::Transmit(frame.into()));
    }

    fn protocol_error(&mut self) {
        let close = Close { code: CloseCode::Protocol as i32, retry_after_ms: 0, detail: 0 };
        self.effects.push_back(Effect::Transmit(close.into()));
        self.end(Ended::Protocol);
    }

    fn end(&mut self, ended: Ended) {
        self.is_over = true;
        self.effects.push_back(Effect::End(ended));
    }
}

#[cfg(test)]
mod tests;
