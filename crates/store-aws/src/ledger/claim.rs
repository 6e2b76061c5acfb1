//! Claims: one at a time asks a device's vendor for a message. A claim is one update whose condition is exactly the model's,
//! so of any number at once one is granted.
//!
//! A claim whose answer was lost and that is sent again meets itself and is answered as taken. Nobody is granted it then, and
//! the next one is when it has lapsed: late, but not twice. That next one is told of it, as the item before the update says.

use homing_domain::limits::{HISTORY_KEPT_FOR, VENDOR_CLAIM_KEPT_FOR};
use homing_domain::{Channel, Claimed, Delivery, DeviceId, MessageId, Stage, UnixMillis};
use homing_ports::{Error, Fault, Result};

use super::{call, row};
use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Item, VERSION, expiry, present};
use crate::one_item::Written;
use crate::schema::TTL;

/// [`Delivery::claim`] of a row that is pending, or that is not there yet. `clock` is the store's, by which items age.
pub(super) fn claim(channel: Channel, now: UnixMillis, clock: UnixMillis) -> Expression {
    // As far before the present as after it, by a clock that was ahead. Below zero near the beginning of time.
    let (now_wide, kept) = (i128::from(now.0), i128::from(VENDOR_CLAIM_KEPT_FOR));
    Expression::update(
        "SET #k = :now, #c = if_not_exists(#c, :c), #s = if_not_exists(#s, :pending), \
         #ttl = if_not_exists(#ttl, :ttl) ADD #v :one",
    )
    .when(
        "attribute_not_exists(#pk) OR (#s = :pending AND #ttl > :present \
         AND (attribute_not_exists(#k) OR #k <= :lapsed OR #k >= :ahead))",
    )
    .value("now", now)
    .value("lapsed", now_wide - kept)
    .value("ahead", now_wide + kept)
    .value("c", channel)
    .value("pending", Stage::Pending)
    .value("ttl", expiry(clock.plus(HISTORY_KEPT_FOR)))
    .value("present", present(clock))
    .value("one", 1_u64)
}

/// What a claim that took hold is granted as, by the item before it.
fn granted(before: Option<&Item>) -> Claimed {
    Claimed::Granted { asked_before: before.is_some_and(|before| before.contains_key("k")) }
}

/// [`Delivery::release_claim`].
pub(super) fn release() -> Expression {
    Expression::update("REMOVE #k ADD #v :one").when("attribute_exists(#k)").value("one", 1_u64)
}

impl AwsStore {
    pub(super) async fn claim(
        &self,
        message: MessageId,
        device: DeviceId,
        channel: Channel,
        now: UnixMillis,
    ) -> Result<Claimed> {
        let (call, clock) = (call("claim the delivery"), self.shared.clock.now());
        let refused = match self.update(call, row::key(&message, &device), claim(channel, now, clock)).await? {
            Written::Done(before) => return Ok(granted(before.as_ref())),
            Written::Refused(stored) => stored,
        };
        if let Some(stored) = refused.filter(|stored| !self.is_over(stored)) {
            let mut row = row::read(stored).map_err(|damaged| damaged.in_port(call.operation))?;
            return match row.claim(now) {
                // The condition says what the model says, so it held a moment ago for another row: that one is gone.
                Claimed::Granted { .. } => {
                    Err(Error::with_source(Fault::Retry, call.operation, "refused what is free"))
                }
                refused => Ok(refused),
            };
        }
        // What stands there is history that nobody has deleted yet.
        let mut row = Delivery::new(message, device, channel);
        let claimed = row.claim(now);
        let kept_until = expiry(clock.plus(HISTORY_KEPT_FOR));
        let item = row::write(&row).with(TTL, kept_until).with(VERSION, 1_u64).finish();
        match self.put(call, item, Expression::absent_or_over(clock)).await? {
            Written::Done(_) => Ok(claimed),
            Written::Refused(_) => Ok(Claimed::Taken),
        }
    }
}

#[cfg(test)]
mod tests {
    use homing_domain::{BatchId, Ended, Event, Receipt};
    use homing_ports::Ledger as _;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::script::{NOW, Reply, Script};

    const MESSAGE: MessageId = MessageId::from_bytes([1; 16]);
    const DEVICE: DeviceId = DeviceId::from_bytes([2; 16]);

    fn claimed(at: UnixMillis) -> Delivery {
        let mut row = Delivery::new(MESSAGE, DEVICE, Channel::Fcm);
        row.claim(at);
        row
    }

    /// A row as DynamoDB answers it, kept until then.
    fn answered(row: &Delivery, kept_until: UnixMillis) -> Json {
        use aws_sdk_dynamodb::types::AttributeValue as V;
        fn json_of(item: &Item) -> Json {
            let value = |value: &V| match value {
                V::B(bytes) => json!({ "B": aws_smithy_types::base64::encode(bytes) }),
                V::N(number) => json!({ "N": number }),
                V::M(map) => json!({ "M": json_of(map) }),
                other => panic!("not in these rows: {other:?}"),
            };
            item.iter().map(|(name, v)| (name.clone(), value(v))).collect::<serde_json::Map<_, _>>().into()
        }
        let item = row::write(row).with(VERSION, 3_u64).with(TTL, expiry(kept_until)).finish();
        json_of(&item)
    }

    /// A refusal by a row that is kept until then.
    fn refused(row: &Delivery, kept_until: UnixMillis) -> Reply {
        Reply::Refused("ConditionalCheckFailedException", json!({ "Item": answered(row, kept_until) }))
    }

    #[tokio::test]
    async fn a_refusal_says_why() {
        let ended = Receipt {
            message: MESSAGE,
            device: DEVICE,
            channel: Channel::Own,
            at: NOW,
            event: Event::Ended(Ended::delivered(None, None)),
        };
        let mut row = claimed(NOW);
        row.record(&ended, BatchId::from_bytes([3; 16]));
        let kept_until = NOW.plus(60_000);
        let replies = [refused(&claimed(NOW), kept_until), refused(&row, kept_until), Reply::Done(json!({}))];
        let (store, script) = Script::store(replies);
        for expected in [Claimed::Taken, Claimed::Ended, Claimed::Granted { asked_before: false }] {
            assert_eq!(store.claim_delivery(MESSAGE, DEVICE, Channel::Fcm, NOW.plus(1)).await.unwrap(), expected);
        }
        assert_eq!(script.operations(), ["UpdateItem"; 3], "the refusal answered the row");
    }

    #[tokio::test]
    async fn what_is_history_is_claimed_anew_by_one() {
        let old = || refused(&claimed(NOW.minus(9)), NOW.minus(1_000));
        let (store, script) = Script::store([old(), Reply::Done(json!({})), old(), old()]);
        for expected in [Claimed::Granted { asked_before: false }, Claimed::Taken] {
            assert_eq!(store.claim_delivery(MESSAGE, DEVICE, Channel::Fcm, NOW).await.unwrap(), expected);
        }
        assert_eq!(script.operations(), ["UpdateItem", "PutItem", "UpdateItem", "PutItem"]);
        let put = &script.sent()[1].body;
        assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk) OR #ttl <= :now");
    }

    #[tokio::test]
    async fn a_claim_that_lapsed_is_told_to_the_next_and_one_that_was_given_back_is_not() {
        let kept_until = NOW.plus(60_000);
        let mut given_back = claimed(UnixMillis(1));
        given_back.release_claim();
        let rows = [claimed(UnixMillis(1)), given_back];
        let replies = rows.map(|row| Reply::Done(json!({ "Attributes": answered(&row, kept_until) })));
        let (store, script) = Script::store(replies);
        for asked_before in [true, false] {
            let claimed = store.claim_delivery(MESSAGE, DEVICE, Channel::Fcm, NOW).await.unwrap();
            assert_eq!(claimed, Claimed::Granted { asked_before });
        }
        assert_eq!(script.sent()[0].body["ReturnValues"], "ALL_OLD", "in the same request");
    }

    #[test]
    fn what_is_sent_has_no_mistakes() {
        // Debug builds lint what becomes a request.
        for expression in [claim(Channel::Fcm, NOW, NOW), claim(Channel::Fcm, UnixMillis(0), UnixMillis(0)), release()]
        {
            expression.into_parts();
        }
    }
}
