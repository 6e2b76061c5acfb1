//! How a message moves through its stages. Each move is one update with the condition that [`Stage::may_become`] states; the
//! answer is made from the item that AWS returns. Each raises the row's version, so that a change which read the row before
//! the move is refused and decides anew.

use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{FeedOffset, Message, MessageId, Stage, UnixMillis};
use homing_ports::{Error, Fault, Result};

use super::call;
use super::row::{self, Segments};
use crate::AwsStore;
use crate::expression::Expression;
use crate::item::Item;
use crate::one_item::{Call, Written};

/// `accepted`, or `scheduled` and its time has come → `releasing`. A recurring message is never released itself. From now on somebody must look again only after the end of the message.
pub(super) fn begin_release(now: UnixMillis) -> Expression {
    Expression::update("SET #st = :releasing, #ri = :now, #ds = #cl ADD #v :one")
        .when("#st = :accepted OR (#st = :scheduled AND #ra <= :now AND attribute_not_exists(#cr))")
        .value("releasing", Stage::Releasing)
        .value("accepted", Stage::Accepted)
        .value("scheduled", Stage::Scheduled)
        .value("now", now)
        .value("one", 1_u64)
}

/// The one segment of a named audience or of what is in a feed only, and with it `releasing` → `released`.
pub(super) fn finish_only_segment(now: UnixMillis) -> Expression {
    Expression::update("SET #st = :released, #re = :now ADD #dn :segment, #v :one")
        .when("#st = :releasing AND attribute_not_exists(#ev)")
        .value("releasing", Stage::Releasing)
        .value("released", Stage::Released)
        .value("now", now)
        .value("segment", Segments::one(0))
        .value("one", 1_u64)
}

/// One of many segments. It may be there already.
pub(super) fn finish_one_segment(segment: u8) -> Expression {
    Expression::update("ADD #dn :segment, #v :one")
        .when("attribute_exists(#pk)")
        .value("segment", Segments::one(segment))
        .value("one", 1_u64)
}

/// `releasing` → `released`, after the last segment.
pub(super) fn end_release(now: UnixMillis) -> Expression {
    Expression::update("SET #st = :released, #re = :now ADD #v :one")
        .when("#st = :releasing")
        .value("releasing", Stage::Releasing)
        .value("released", Stage::Released)
        .value("now", now)
        .value("one", 1_u64)
}

/// `released` → `completed`: nobody need look again.
pub(super) fn complete() -> Expression {
    Expression::update("SET #st = :completed REMOVE #dp, #ds ADD #v :one")
        .when("#st = :released")
        .value("released", Stage::Released)
        .value("completed", Stage::Completed)
        .value("one", 1_u64)
}

impl AwsStore {
    pub(super) async fn release(
        &self,
        id: MessageId,
        now: UnixMillis,
        feed_head: Option<FeedOffset>,
    ) -> Result<Option<Message>> {
        let call = call("begin the release of the message");
        if let Some(feed_head) = feed_head {
            return self.release_into_feed(call, id, now, feed_head).await;
        }
        match self.update(call, row::key(&id), begin_release(now)).await? {
            Written::Done(before) => {
                let mut message = self.before(call, before).await?;
                message.stage = Stage::Releasing;
                message.releasing_at = Some(now);
                Ok(Some(message))
            }
            Written::Refused(stored) => self.as_it_stands(call, stored).await,
        }
    }

    pub(super) async fn finish(&self, id: MessageId, segment: u8, now: UnixMillis) -> Result<Option<Message>> {
        let call = call("finish a segment of the message");
        if segment >= FANOUT_SEGMENTS {
            return Err(Error::with_source(Fault::Broken, call.operation, format!("no segment {segment}")));
        }
        if segment == 0 {
            // A named audience and what is in a feed only have this one, so that finishing it is the release.
            match self.update(call, row::key(&id), finish_only_segment(now)).await? {
                Written::Done(before) => return self.released(call, before, 1, now).await,
                Written::Refused(None) => return Ok(None),
                Written::Refused(Some(_)) => {}
            }
        }
        let mut message = match self.update(call, row::key(&id), finish_one_segment(segment)).await? {
            Written::Done(before) => self.before(call, before).await?,
            Written::Refused(stored) => return self.as_it_stands(call, stored).await,
        };
        message.segments_done |= 1 << segment;
        if !(message.is_enumerated() && message.stage.may_become(Stage::Released)) {
            return Ok(Some(message));
        }
        match self.update(call, row::key(&id), end_release(now)).await? {
            Written::Done(before) => self.released(call, before, message.segments_done, now).await,
            Written::Refused(stored) => self.as_it_stands(call, stored).await,
        }
    }

    pub(super) async fn close(&self, id: MessageId) -> Result<()> {
        // Refused = in another stage, or gone: nothing to do in either case.
        self.update(call("complete the message"), row::key(&id), complete()).await.map(|_| ())
    }

    async fn released(&self, call: Call, before: Option<Item>, done: u64, now: UnixMillis) -> Result<Option<Message>> {
        let mut message = self.before(call, before).await?;
        message.segments_done |= done;
        message.stage = Stage::Released;
        message.released_at = Some(now);
        Ok(Some(message))
    }

    /// The message as it was before an update that took place. The condition holds only for a row that exists.
    async fn before(&self, call: Call, before: Option<Item>) -> Result<Message> {
        let missing = || Error::with_source(Fault::Broken, call.operation, "done without the item");
        self.with_body(call, before.ok_or_else(missing)?).await
    }

    async fn as_it_stands(&self, call: Call, stored: Option<Item>) -> Result<Option<Message>> {
        match stored {
            Some(row) => self.with_body(call, row).await.map(Some),
            None => Ok(None),
        }
    }
}
