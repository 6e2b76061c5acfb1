//! Read, decide, write back if nobody wrote in between.
//!
//! Every write by this module raises the attribute [`VERSION`] and holds only while it is what was read, so two writers
//! never mix. The loser is answered the winner's item and decides anew on it: a lost race costs one refused write, no read.
//!
//! Cost: a read of 1 RRU per 4 KiB (none when the caller knows the item already), and 1 WRU per KiB and attempt when the
//! decision changes something.

use std::time::Duration;

use homing_ports::{Error, Fault, Result};

use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Damaged, Item, VERSION, Value};
use crate::one_item::{Call, Written};

/// Writes of one swap before it is left to the caller's own retry. Twelve writers that all meet each other get through.
const SWAP_MAX_ATTEMPTS: u32 = 12;
/// First pause after a lost race, at most: two round trips to DynamoDB. It doubles with each attempt.
const PAUSE_BASE: Duration = Duration::from_millis(10);
/// Longest pause. All pauses of one swap together stay below 2 s, a tenth of a queue item's visibility.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// What is known of the item before anything is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Nothing: it is read.
    Nothing,
    /// It is so, as a refused write answered just now, or as the caller guesses. A wrong guess costs one refused write.
    Item(Option<Item>),
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision<A> {
    /// The answer to the caller.
    pub(crate) answer: A,
    /// The whole item to be put, its key included; `None` leaves everything as it is.
    pub(crate) write: Option<Item>,
}

impl AwsStore {
    /// Runs `decide` on the item (`None` = there is none, or its time is over) and puts what it wants put. `decide` may run
    /// several times; the answer is that of the run whose write held.
    ///
    /// A write whose answer was lost is found again by its equality and counts as done; so two writers that put exactly the
    /// same are both told that it was them. Use a put with [`Expression::absent`] where only one may be told.
    ///
    /// # Errors
    /// What the calls answer; what `decide` answers; [`Fault::Retry`] when [`SWAP_MAX_ATTEMPTS`] others were faster.
    pub(crate) async fn compare_and_swap<A>(
        &self,
        call: Call,
        key: Item,
        known: Known,
        mut decide: impl FnMut(Option<Item>) -> Result<Decision<A>> + Send,
    ) -> Result<A> {
        let mut item = match known {
            Known::Nothing => self.get_whatever(call, key).await?,
            Known::Item(item) => item,
        };
        for attempt in 0..SWAP_MAX_ATTEMPTS {
            let version = item.as_ref().map(|item| version(call, item)).transpose()?;
            let decision = decide(item.filter(|item| !self.is_over(item)))?;
            let Some(mut write) = decision.write else { return Ok(decision.answer) };
            write.insert(VERSION.to_owned(), version.unwrap_or(0).wrapping_add(1).into_value());
            match self.put(call, write.clone(), unchanged(version)).await? {
                Written::Done(_) => return Ok(decision.answer),
                Written::Refused(Some(stored)) if stored == write => return Ok(decision.answer),
                Written::Refused(stored) => item = stored,
            }
            pause(attempt).await;
        }
        Err(Error::with_source(Fault::Retry, call.operation, "others changed the item each time"))
    }
}

fn version(call: Call, item: &Item) -> Result<u64> {
    let damaged = Damaged { table: call.table, attribute: VERSION };
    let value = item.get(VERSION).cloned().and_then(u64::from_value);
    value.ok_or_else(|| damaged.in_port(call.operation))
}

/// The condition that the item is still of this version.
pub(crate) fn unchanged(version: Option<u64>) -> Expression {
    match version {
        Some(version) => Expression::condition("#v = :v").value("v", version),
        None => Expression::absent(),
    }
}

/// Waits a random time that grows with the attempts, so that writers who met once do not meet again ("full jitter").
pub(crate) async fn pause(attempt: u32) {
    let most = PAUSE_BASE.saturating_mul(2_u32.saturating_pow(attempt)).min(PAUSE_MAX);
    tokio::time::sleep(rand::random_range(Duration::ZERO..=most)).await;
}

#[cfg(test)]
mod tests;
