//! The numbers of a message, to which each batch and each shard is added once.
//!
//! One item holds them, and beside them the set of what was added: an addition is one update on the condition that its mark
//! is not in the set. The set takes 16 marks, so that the item stays within 1 KiB; small messages never need more. What comes
//! after that is a transaction of two items: a row of its own for the mark, which must not be there, and the addition to one
//! of eight further items, by which writers keep out of each other's way. A set that is full never changes again, so both
//! ways together still add each mark once.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | message |
//! | `sk` | `t` + 0: the first item; `t` + 1 to 8: the further ones; `b` + mark: a mark's row |
//! | `applied` | marks that the first item holds: a byte for the kind, and the id |
//! | `targeted`, `enumerated`, `own_delivered`, `fcm_opened`, `own_sent`, … | the numbers, by channel and stage or fact |
//! | `platform_ios_opened`, `version_312e32_opened`, … | the same by what devices were; a version's name in hexadecimal |
//! | `ttl` | time to live, from the first addition |

use std::collections::HashSet;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{
    BatchId, Breakdown, Channel, Counter, Fact, MessageId, Platform, ShardId, Stage, Step, Tally, UnixMillis,
    VersionLabel,
};
use homing_ports::{Error, Fault, Result};

use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Damaged, Item, ItemWriter, Seconds, Table, Value, expiry, present, sorted_key};
use crate::one_item::{Call, Query, Written};
use crate::schema::{PARTITION_KEY, SORT_KEY, TTL};
use crate::transaction::{Refusal, Transacted, Write};

/// Marks in the first item: 272 bytes, which leave room for every number of two channels within 1 KiB.
const APPLIED_MAX: usize = 16;
/// Further items, each good for some 250 transactions a second.
const FURTHER_ITEMS: u8 = 8;
/// Tries of one addition whose way is blocked by items of a former life of the message id. Each try deletes one.
const STALE_MAX_ATTEMPTS: u32 = 4;

const NUMBERS: u8 = b't';
const MARKS: u8 = b'b';
const APPLIED: &str = "applied";
const TARGETED: &str = "targeted";
const ENUMERATED: &str = "enumerated";
const ACCEPTED: &str = "accepted";
const SENT: &str = "sent";
const PLATFORM: &str = "platform";
const VERSION: &str = "version";

/// What is added once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark([u8; 17]);

impl Mark {
    /// The changes of a batch of receipts.
    pub(super) fn batch(batch: &BatchId) -> Self {
        Self::of(1, batch.as_bytes())
    }

    /// The devices of a shard.
    pub(super) fn shard(shard: &ShardId) -> Self {
        Self::of(2, shard.as_bytes())
    }

    fn of(kind: u8, id: &[u8; 16]) -> Self {
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(id);
        Self(bytes)
    }

    /// Which of the further items it goes to; another one with each attempt.
    fn further_item(self, attempt: u32) -> u8 {
        let spread = u32::from(self.0[16]).wrapping_add(attempt) % u32::from(FURTHER_ITEMS);
        1 + u8::try_from(spread).unwrap_or(0)
    }
}

fn key_of_numbers(message: &MessageId, item: u8) -> Item {
    sorted_key(*message.as_bytes(), [NUMBERS, item])
}

fn key_of_mark(message: &MessageId, mark: Mark) -> Item {
    sorted_key(*message.as_bytes(), [&[MARKS], mark.0.as_slice()].concat())
}

/// When things that count now are deleted, and what counts as deleted.
#[derive(Clone, Copy, Debug)]
struct Life {
    now: UnixMillis,
    kept_until: Seconds,
}

impl AwsStore {
    fn life(&self) -> Life {
        let now = self.shared.clock.now();
        Life { now, kept_until: expiry(now.plus(HISTORY_KEPT_FOR)) }
    }

    /// Adds to a message's numbers unless the mark was added before.
    pub(super) async fn count_once(&self, call: Call, mark: Mark, message: MessageId, change: Tally) -> Result<()> {
        if change.is_empty() {
            return Ok(());
        }
        for _ in 0..STALE_MAX_ATTEMPTS {
            let first = key_of_numbers(&message, 0);
            let update = add_first(&change, mark, self.life());
            let stale = match self.update(call, first.clone(), update).await? {
                Written::Done(_) => return Ok(()),
                Written::Refused(Some(item)) if self.is_over(&item) => first,
                Written::Refused(Some(item)) if holds(&item, mark) => return Ok(()),
                // The set is full.
                Written::Refused(_) => match self.count_further(call, mark, &message, &change).await? {
                    None => return Ok(()),
                    Some(stale) => stale,
                },
            };
            // An idempotency key that is used again after its time gives the message the id that it had then.
            let is_over = Expression::condition("#ttl <= :now").value("now", present(self.life().now));
            self.delete_item(call, stale, is_over).await?;
        }
        Err(Error::with_source(Fault::Retry, call.operation, "items of a former life stand in the way"))
    }

    /// Adds to a further item. Answers the key of an item whose time is over and that stands in the way.
    async fn count_further(&self, call: Call, mark: Mark, message: &MessageId, change: &Tally) -> Result<Option<Item>> {
        let life = self.life();
        let mut further = Item::new();
        let writes = |attempt| {
            further = key_of_numbers(message, mark.further_item(attempt));
            let row = ItemWriter::of(key_of_mark(message, mark)).with(TTL, life.kept_until).finish();
            vec![
                Write::Put(row, Expression::absent_or_over(life.now)),
                Write::Update(further.clone(), add_further(change, life)),
            ]
        };
        match self.transact(call, writes).await? {
            Transacted::Done => Ok(None),
            // The mark is there: it was added.
            Transacted::Refused(refusals) if matches!(refusals.first(), Some(Refusal::Condition(_))) => Ok(None),
            Transacted::Refused(_) => Ok(Some(further)),
        }
    }

    /// All numbers of a message.
    pub(super) async fn numbers_of(&self, call: Call, message: MessageId) -> Result<Tally> {
        let expression = Expression::key("#pk = :p AND begins_with(#sk, :t)").value("p", message).value("t", [NUMBERS]);
        // Nine items of at most 3 KiB: never more than one page.
        let page = self.query(call, Query::of(expression)).await?;
        let mut tally = Tally::default();
        for item in page.items {
            tally.merge(&read(item).map_err(|damaged| damaged.in_port(call.operation))?);
        }
        Ok(tally)
    }
}

/// `SET` and `ADD` of the numbers, with their values.
pub(super) fn addition(change: &Tally, kept_until: Seconds, and_add: &str) -> Expression {
    let mut text = format!("SET #ttl = if_not_exists(#ttl, :ttl) ADD {and_add}");
    for (at, (counter, _)) in change.iter().enumerate() {
        let comma = if at == 0 && and_add.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        _ = write!(text, "{comma}#{} :n{at}", name(counter));
    }
    let update = Expression::update(text).value("ttl", kept_until);
    change.iter().enumerate().fold(update, |update, (at, (_, by))| update.value(&format!("n{at}"), by))
}

fn add_first(change: &Tally, mark: Mark, life: Life) -> Expression {
    addition(change, life.kept_until, "#applied :mark")
        .value("now", present(life.now))
        .when(
            "(attribute_not_exists(#ttl) OR #ttl > :now) AND (attribute_not_exists(#applied) \
             OR (size(#applied) < :max AND NOT contains(#applied, :m)))",
        )
        .value("mark", HashSet::from([mark.0.to_vec()]))
        .value("m", mark.0)
        .value("max", APPLIED_MAX)
}

fn add_further(change: &Tally, life: Life) -> Expression {
    addition(change, life.kept_until, "")
        .value("now", present(life.now))
        .when("attribute_not_exists(#ttl) OR #ttl > :now")
}

fn holds(item: &Item, mark: Mark) -> bool {
    matches!(item.get(APPLIED), Some(AttributeValue::Bs(marks)) if marks.iter().any(|held| held.as_ref() == mark.0))
}

/// The attribute of a number.
fn name(counter: Counter) -> String {
    match counter {
        Counter::Targeted => TARGETED.to_owned(),
        Counter::Enumerated => ENUMERATED.to_owned(),
        Counter::Ended(channel, stage) => format!("{}_{}", channel.name(), stage.name()),
        Counter::Fact(channel, fact) => format!("{}_{}", channel.name(), fact.name()),
        Counter::Accepted => ACCEPTED.to_owned(),
        Counter::Sent(channel) => format!("{}_{SENT}", channel.name()),
        Counter::Of(Breakdown::Platform(platform), step) => format!("{PLATFORM}_{}_{}", platform.name(), step.name()),
        Counter::Of(Breakdown::Version(version), step) => format!("{VERSION}_{}_{}", hex(version), step.name()),
    }
}

/// Expressions name attributes by letters, digits and lines only.
fn hex(version: VersionLabel) -> String {
    version.as_str().bytes().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<VersionLabel> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = text.as_bytes().chunks(2).map(byte).collect::<Option<Vec<_>>>()?;
    Some(VersionLabel::new(std::str::from_utf8(&bytes).ok()?))
}

fn counter(name: &str) -> Option<Counter> {
    if name == TARGETED {
        return Some(Counter::Targeted);
    }
    if name == ENUMERATED {
        return Some(Counter::Enumerated);
    }
    if name == ACCEPTED {
        return Some(Counter::Accepted);
    }
    // No channel's name has a line in it, and no stage is named as a fact.
    let (channel, what) = name.split_once('_')?;
    if channel == PLATFORM || channel == VERSION {
        let (of, step) = what.split_once('_')?;
        let step = Step::ALL.into_iter().find(|known| known.name() == step)?;
        let breakdown = match channel {
            PLATFORM => Breakdown::Platform(of.parse::<Platform>().ok()?),
            _ => Breakdown::Version(unhex(of)?),
        };
        return Some(Counter::Of(breakdown, step));
    }
    let channel: Channel = channel.parse().ok()?;
    if what == SENT {
        return Some(Counter::Sent(channel));
    }
    let fact = what.parse::<Fact>().map(|fact| Counter::Fact(channel, fact));
    fact.or_else(|()| what.parse::<Stage>().map(|stage| Counter::Ended(channel, stage))).ok()
}

/// The numbers of an item.
pub(super) fn read(item: Item) -> std::result::Result<Tally, Damaged> {
    const UNKNOWN: Damaged = Damaged { table: Table::Ledger, attribute: "of an unknown number" };
    let mut tally = Tally::default();
    for (name, value) in item {
        if [PARTITION_KEY, SORT_KEY, APPLIED, TTL].contains(&name.as_str()) {
            continue;
        }
        tally.add(counter(&name).ok_or(UNKNOWN)?, i64::from_value(value).ok_or(UNKNOWN)?);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests;
