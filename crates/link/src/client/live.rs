//! A link on which the gateway owns the device.

use std::collections::VecDeque;

use homing_domain::limits::WINDOW_MAX_MESSAGES;
use homing_domain::{ConnSeq, MessageId, Millis, Seq, UnixMillis, UpstreamId};
use homing_wire::{
    Ack, Close, CloseCode, Decoder, Frame, GoAway, HeartbeatConfig, Ping, Pong, Push, Recall, Skip, SkipReason, UpAck,
    UpCode,
};

use super::arrival::{Arrival, Commit, Message};
use super::end::{Closed, Ended};
use super::heartbeat::{Beat, Heartbeat};
use super::memory::{Cursor, Memory};
use crate::Transport;
use crate::limits::ACK_DELAY_MAX;

/// So many durable messages are acknowledged at once: the gateway's window must not run dry.
const ACK_AT_ONCE: Seq = WINDOW_MAX_MESSAGES as Seq / 4;

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

/// A live link. Wants [`Live::update`] after every change of its [`Memory`].
#[derive(Debug)]
pub struct Live {
    decoder: Decoder,
    transport: Transport,
    conn_seq: ConnSeq,
    /// How far this link has come: an Ack beyond it would be a lie about this link.
    passed: Cursor,
    acked: Seq,
    is_resumed: bool,
    ack_due: Option<UnixMillis>,
    heartbeat: Heartbeat,
    effects: VecDeque<Effect>,
    is_over: bool,
}

impl Live {
    pub(super) fn new(
        now: UnixMillis,
        transport: Transport,
        conn_seq: ConnSeq,
        start: Cursor,
        heartbeat: Option<&HeartbeatConfig>,
        decoder: Decoder,
        memory: &mut Memory,
    ) -> Self {
        memory.receipts.requeue();
        let mut live = Self {
            decoder,
            transport,
            conn_seq,
            passed: start,
            acked: start.seq,
            is_resumed: true,
            ack_due: None,
            heartbeat: Heartbeat::new(now, transport, heartbeat),
            effects: VecDeque::new(),
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
            self.heartbeat.heard();
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
            self.effects.push_back(Effect::Transmit(up.into()));
        }
        let ready = self.ready(memory);
        if ready.saturating_sub(self.acked) >= ACK_AT_ONCE {
            self.send_ack(memory);
        } else if ready > self.acked || memory.receipts.is_waiting() {
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
            Some(Beat::Ping { next }) => {
                let ack = self.take_ack(memory);
                memory.receipts.pinged();
                let next_ms = u32::try_from(next).unwrap_or(u32::MAX);
                self.effects.push_back(Effect::Transmit(Ping { ack, probe_after_ms: 0, next_ms }.into()));
            }
            Some(Beat::Dead) => return self.end(Ended::Silent),
            None => {}
        }
        if self.ack_due.is_some_and(|due| due <= now) {
            self.send_ack(memory);
        }
        self.update(now, memory);
    }

    /// Leaves cleanly: what is durable is acknowledged, then a Close goes out. The driver ends the link.
    pub fn leave(&mut self, memory: &mut Memory) {
        if !self.is_over {
            self.send_ack(memory);
            let close = Close { code: CloseCode::Normal as i32, retry_after_ms: 0, detail: 0 };
            self.effects.push_back(Effect::Transmit(close.into()));
            self.is_over = true;
        }
    }

    fn frame(&mut self, now: UnixMillis, frame: Frame, memory: &mut Memory) {
        match frame {
            Frame::Push(push) => self.push(now, push, memory),
            Frame::Skip(skip) => self.skip(skip, memory),
            Frame::Pong(pong) => self.pong(now, pong, memory),
            Frame::UpAck(answer) => self.up_ack(now, answer, memory),
            Frame::Recall(recall) => self.recall(&recall, memory),
            Frame::GoAway(go_away) => self.go_away(go_away),
            Frame::HeartbeatConfig(config) => self.configure(now, &config),
            Frame::Probe(_) => {}
            Frame::Close(close) => self.end(Ended::Closed(Closed::from(close))),
            Frame::Hello(_) | Frame::Welcome(_) | Frame::Ack(_) | Frame::Ping(_) | Frame::Up(_) => {
                self.protocol_error();
            }
        }
    }

    fn push(&mut self, now: UnixMillis, push: Push, memory: &mut Memory) {
        let Some(message) = Message::from_push(push) else {
            return self.protocol_error();
        };
        if self.is_given_up(memory) {
            return;
        }
        let seq = message.seq;
        if seq == 0 {
            self.effects.extend(memory.arrived(message, now).map(Effect::Commit));
            return;
        }
        if !self.reach(seq, seq, memory) {
            return;
        }
        if seq > memory.received.seq {
            self.effects.extend(memory.arrived(message, now).map(Effect::Commit));
        }
    }

    /// A recall stands in the mailbox like a message. One without a number moves nothing and is not acknowledged.
    fn recall(&mut self, frame: &Recall, memory: &mut Memory) {
        let Recall { seq, .. } = *frame;
        let own = MessageId::from_slice(&frame.recall);
        let Some(message) = MessageId::from_slice(&frame.message).filter(|_| seq == 0 || own.is_some()) else {
            return self.protocol_error();
        };
        if self.is_given_up(memory) || seq != 0 && !self.reach(seq, seq, memory) {
            return;
        }
        if seq == 0 || seq > memory.received.seq {
            self.effects.push_back(Effect::Commit(memory.recalled(seq, message, own)));
        }
    }

    fn skip(&mut self, skip: Skip, memory: &mut Memory) {
        let Skip { to_seq, count, .. } = skip;
        if count == 0 || count > to_seq {
            return self.protocol_error();
        }
        if self.is_given_up(memory) || !self.reach(to_seq - count + 1, to_seq, memory) {
            return;
        }
        if to_seq > memory.received.seq {
            let arrival = Arrival::Skipped { reason: SkipReason::try_from(skip.reason).ok(), count };
            let commit = memory.step(Cursor { seq: to_seq, ..self.passed }, arrival);
            self.effects.push_back(Effect::Commit(commit));
        }
    }

    /// Whether a newer connection was opened, which ends this link as soon as it brings something. The newer Hello said
    /// how far the device has come: were this link to bring it further, the gateway that takes over would withdraw what
    /// the device already shows, and tell the ledger so.
    fn is_given_up(&mut self, memory: &Memory) -> bool {
        let is_given_up = memory.conn_seq() > self.conn_seq;
        if is_given_up {
            self.end(Ended::Lost);
        }
        is_given_up
    }

    /// Moves this link over `first..=last`. A hole before `first` ends the link, for the takeover of the next one reads
    /// the mailbox anew; found again at the same place it is passed over, and the app is told. False = the link ended.
    fn reach(&mut self, first: Seq, last: Seq, memory: &mut Memory) -> bool {
        let done = memory.received.seq.max(self.passed.seq);
        if first > done.saturating_add(1) {
            let hole = Cursor { seq: done, ..self.passed };
            if memory.hole.replace(hole) != Some(hole) {
                self.protocol_error();
                return false;
            }
            let step = Cursor { seq: first - 1, ..self.passed };
            let commit = memory.step(step, Arrival::Hole { count: first - 1 - done });
            self.effects.push_back(Effect::Commit(commit));
        }
        self.passed.seq = self.passed.seq.max(last);
        true
    }

    fn pong(&mut self, now: UnixMillis, pong: Pong, memory: &mut Memory) {
        memory.receipts.ponged();
        if self.heartbeat.ponged(now) {
            let interval = self.heartbeat.interval();
            self.effects.push_back(Effect::HeartbeatChanged { interval });
        }
        if let Some(config) = pong.heartbeat {
            self.configure(now, &config);
        }
        if let Some(go_away) = pong.go_away {
            self.go_away(go_away);
        }
    }

    fn configure(&mut self, now: UnixMillis, config: &HeartbeatConfig) {
        if self.heartbeat.configure(now, config) {
            let interval = self.heartbeat.interval();
            self.effects.push_back(Effect::HeartbeatChanged { interval });
        }
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
    fn ready(&self, memory: &Memory) -> Seq {
        if memory.durable.epoch == self.passed.epoch { memory.durable.seq.min(self.passed.seq) } else { 0 }
    }

    fn take_ack(&mut self, memory: &mut Memory) -> Option<Ack> {
        self.ack_due = None;
        let ready = self.ready(memory);
        if ready <= self.acked && !memory.receipts.is_waiting() {
            return None;
        }
        self.acked = self.acked.max(ready);
        Some(Ack { seq: self.acked, receipts: memory.receipts.take() })
    }

    fn send_ack(&mut self, memory: &mut Memory) {
        if let Some(ack) = self.take_ack(memory) {
            self.effects.push_back(Effect::Transmit(ack.into()));
        }
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
