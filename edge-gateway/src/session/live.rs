//! The task of a live link: reads, writes, performs, and sleeps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use homing_domain::{FeedOffset, Notice};
use homing_link::server::{Closing, Effect, Leaving, Live};
use homing_telemetry::FeedPushed;
use homing_wire::{CloseCode, Frame, Pong, Push, Recall, encode};

use super::calls::{Answer, Calls, call, read_feed};
use super::ending::{Ending, FAREWELL_WITHIN};
use super::join::{Joined, tell_previous};
use crate::context::Context;
use crate::feeds::FeedLink;
use crate::handle::Handle;
use crate::outbox::Entry;
use crate::ports::GatewayPorts;
use crate::transport::Channel;

/// Bytes that are collected before they are written: a TLS record's worth.
const WRITE_AT: usize = 16 * 1_024;
/// No sleep is longer, whatever the clock says.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

/// A live link.
pub(super) struct Session<P, C> {
    context: Arc<Context<P>>,
    channel: C,
    pub(super) handle: Arc<Handle>,
    pub(super) live: Live,
    /// Whether its app wants to be told who comes and goes.
    pub(super) presence: bool,
    feed: FeedLink,
    calls: Calls,
    /// Receipts that found the outbox full; the machine bounds them, for they are not recorded.
    unsent: VecDeque<Entry>,
}

/// What is left of it.
pub(super) struct Ended<C> {
    pub(super) channel: C,
    pub(super) leaving: Leaving,
    pub(super) unsent: VecDeque<Entry>,
    pub(super) ending: Ending,
}

impl<P: GatewayPorts, C: Channel> Session<P, C> {
    pub(super) fn new(context: Arc<Context<P>>, channel: C, handle: Arc<Handle>, joined: Joined) -> Self {
        let calls = Calls::new();
        if let Some(route) = joined.previous {
            let (context, device, by) = (Arc::clone(&context), joined.live.device(), joined.live.conn_seq());
            calls.push(Box::pin(async move {
                tell_previous(context, route, Notice::Superseded { device, by }).await;
                Answer::Told
            }));
        }
        // Before it asks for the first time: what comes after that answer is told.
        let feed = context.feeds.join(joined.live.app(), &handle);
        let Joined { live, presence, .. } = joined;
        Self { context, channel, handle, live, presence, feed, calls, unsent: VecDeque::new() }
    }

    /// Until the link ends.
    pub(super) async fn run(mut self: Box<Self>) -> Ended<C> {
        let shared = Arc::clone(&self.context);
        let ending = loop {
            if let Err(ending) = self.perform().await {
                break ending;
            }
            let now = self.context.now();
            let sleep = Duration::from_millis(self.live.next_timeout().since(now)).min(SLEEP_MAX);
            tokio::select! {
                () = self.handle.wait() => self.told().await,
                Some(answer) = self.calls.next() => self.answered(answer),
                read = self.channel.read(), if !self.live.is_congested() => match read {
                    Ok(Some(bytes)) => {
                        if let Some(remote) = self.channel.remote() {
                            self.live.observed(remote);
                        }
                        self.live.receive(self.context.now(), &bytes);
                    }
                    Ok(None) | Err(_) => break Ending::GONE,
                },
                Some(room) = shared.outbox.room(), if !self.unsent.is_empty() => {
                    if let Some(entry) = self.unsent.pop_front() {
                        room.fill(entry);
                    }
                    self.send_unsent();
                }
                () = tokio::time::sleep(sleep) => self.live.timeout(self.context.now()),
            }
        };
        let Self { context, channel, live, unsent, .. } = *self;
        Ended { channel, leaving: live.leave(context.now()), unsent, ending }
    }

    /// Performs what the machine asks for.
    async fn perform(&mut self) -> Result<(), Ending> {
        let mut bytes = BytesMut::new();
        let mut by_feed = 0;
        while let Some(effect) = self.live.poll() {
            match effect {
                Effect::Transmit(frame) => {
                    self.note(&frame);
                    by_feed += usize::from(is_by_feed(&frame));
                    encode(&frame, &mut bytes);
                    if bytes.len() >= WRITE_AT {
                        self.write(&mut bytes).await?;
                    }
                }
                Effect::Record { ticket, receipts } => {
                    let entry = Entry { receipts, ticket, link: Arc::clone(&self.handle) };
                    self.unsent.push_back(entry);
                    self.send_unsent();
                }
                Effect::ReadFeed { after, limit } => self.read_feed(after, limit),
                Effect::CountFeed(messages) => self.context.feed_counts.count(&messages),
                Effect::Undelivered(item) => self.context.returns.put(item).await,
                Effect::Close(closing) => {
                    encode(&closing.frame(), &mut bytes);
                    // A device that does not take its Close frame is closed all the same.
                    drop(tokio::time::timeout(FAREWELL_WITHIN, self.channel.write(&bytes)).await);
                    return Err(closing.into());
                }
                Effect::Ended => return Err(Ending::LEFT),
                other => {
                    self.calls.extend(call(&self.context, self.live.device(), self.live.conn_seq(), other));
                }
            }
        }
        self.write(&mut bytes).await?;
        if by_feed > 0 {
            FeedPushed { device: self.live.device(), pushes: by_feed }.emit();
        }
        Ok(())
    }

    /// Most links ask for what is not there, and are answered at once.
    fn read_feed(&mut self, after: FeedOffset, limit: usize) {
        let now = self.context.now();
        match self.feed.feed().nothing_after(after, now) {
            Some(page) => self.live.feed(now, Ok(page)),
            None => self.calls.push(read_feed(&self.context, self.feed.feed(), self.live.device(), after, limit)),
        }
    }

    /// Counts the requests to move.
    fn note(&self, frame: &Frame) {
        if let (Frame::Pong(Pong { go_away: Some(_), .. }), Some(drain)) = (frame, self.context.drain.get()) {
            drain.asked();
        }
    }

    fn send_unsent(&mut self) {
        while let Some(entry) = self.unsent.pop_front() {
            if let Err(entry) = self.context.outbox.try_put(entry) {
                self.unsent.push_front(entry);
                return;
            }
        }
        // An idle link keeps no queue.
        self.unsent = VecDeque::new();
    }

    async fn write(&mut self, bytes: &mut BytesMut) -> Result<(), Ending> {
        if bytes.is_empty() {
            return Ok(());
        }
        let patience = Duration::from_millis(self.context.config.write_timeout);
        match tokio::time::timeout(patience, self.channel.write(bytes)).await {
            Ok(Ok(())) => {
                bytes.clear();
                Ok(())
            }
            Ok(Err(_)) => Err(Ending::GONE),
            Err(_) => Err(Ending::SLOW),
        }
    }

    async fn told(&mut self) {
        let told = self.handle.take();
        let now = self.context.now();
        for ticket in told.recorded {
            self.live.recorded(now, ticket);
        }
        for (body, target) in told.hand_offs {
            self.live.hand_off(now, &body, target);
        }
        if told.reread {
            self.live.reread(now);
        }
        if told.feed {
            self.live.feed_grew(now);
        }
        if told.trim {
            self.live.trim_wanted(now);
        }
        if let Some(spread) = told.drain {
            self.live.drain(spread);
        }
        if told.heartbeat {
            match self.context.app(self.live.app()).await {
                Ok(settings) => self.live.heartbeat_changed(&settings.heartbeat),
                // The device keeps its settings until the next change or connection.
                Err(error) => tracing::warn!(device = %self.live.device(), %error, "heartbeat settings not read"),
            }
        }
        if told.revoked {
            self.live.revoked();
        }
        if let Some(by) = told.superseded {
            self.live.superseded(by);
        }
        if let Some(closing) = told.end {
            self.live.end(closing);
        }
    }

    fn answered(&mut self, answer: Answer) {
        let now = self.context.now();
        match answer {
            Answer::Mailbox(answer) => self.live.mailbox(now, answer),
            Answer::Body(message, answer) => {
                let body = answer.as_ref().map(|body| body.as_deref()).map_err(|fault| *fault);
                self.live.body(now, message, body);
            }
            Answer::Feed(answer) => self.live.feed(now, answer),
            Answer::Tombstoned(answer) => self.live.tombstoned(now, answer),
            Answer::Trimmed(answer) => self.live.trimmed(now, answer),
            Answer::Upstream(id, answer) => self.live.upstream_stored(now, id, answer),
            Answer::Told => {}
            // A live link gives nobody up; were it so, it would be over.
            Answer::Detached(_) => self.live.end(Closing::new(CloseCode::Normal)),
        }
    }
}

/// Whether it brings what came by the feed.
const fn is_by_feed(frame: &Frame) -> bool {
    match frame {
        Frame::Push(Push { feed_offset, .. }) | Frame::Recall(Recall { feed_offset, .. }) => *feed_offset > 0,
        _ => false,
    }
}
