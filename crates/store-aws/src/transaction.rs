//! Several items in one transaction: all of them or none. Costs 2 WRU per KiB of each item, also when cancelled.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use homing_ports::{Error, Fault, Result};

use crate::AwsStore;
use crate::compare_and_swap::pause;
use crate::error::in_port;
use crate::expression::Expression;
use crate::item::Item;
use crate::one_item::Call;

/// Tries of a transaction that others' writes to its items cancel.
const CONFLICT_MAX_ATTEMPTS: u32 = 10;
/// Tries of a transaction whose writes age, unanswered ones among them; its caller waits.
const IN_TIME_MAX_ATTEMPTS: u32 = 4;

/// One write of a transaction, all to the table of the call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Write {
    Put(Item, Expression),
    Update(Item, Expression),
    Delete(Item, Expression),
}

/// What a transaction came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Transacted {
    /// Every write is done.
    Done,
    /// None is: for each write, whether its condition was refused, and the item as it stands.
    Refused(Vec<Refusal>),
}

/// How one write of a cancelled transaction stood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Its condition held.
    Held,
    /// Its condition did not hold.
    Condition(Option<Item>),
}

/// Why a transaction was cancelled.
enum Cancelled {
    /// By the conditions.
    Refused(Vec<Refusal>),
    /// By others who wrote the same items, or for lack of capacity: the same may succeed next time.
    Conflict,
    /// By anything else.
    Broken,
}

impl AwsStore {
    /// Writes all or nothing. Where others' writes to the same items stand in the way, it is tried again a bounded number
    /// of times; `writes` is asked for each attempt and may choose other items.
    ///
    /// # Errors
    /// What the call answers; [`Fault::Retry`] when others were faster each time.
    pub(crate) async fn transact(
        &self,
        call: Call,
        writes: impl FnMut(u32) -> Vec<Write> + Send,
    ) -> Result<Transacted> {
        self.transact_with(call, None, writes).await
    }

    /// [`AwsStore::transact`] for writes that are worth something only at once: what `writes` names goes out in one try, which
    /// ends `within` this time. A try that nobody answered may still take effect, so the conditions must let only one do so.
    pub(crate) async fn transact_in_time(
        &self,
        call: Call,
        within: Duration,
        writes: impl FnMut(u32) -> Vec<Write> + Send,
    ) -> Result<Transacted> {
        self.transact_with(call, Some(within), writes).await
    }

    async fn transact_with(
        &self,
        call: Call,
        within: Option<Duration>,
        mut writes: impl FnMut(u32) -> Vec<Write> + Send,
    ) -> Result<Transacted> {
        let mut last = None;
        for attempt in 0..if within.is_some() { IN_TIME_MAX_ATTEMPTS } else { CONFLICT_MAX_ATTEMPTS } {
            let items =
                writes(attempt).into_iter().map(|write| self.transact_item(call, write)).collect::<Result<Vec<_>>>()?;
            let request = self.db().transact_write_items().set_transact_items(Some(items));
            let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total).customize();
            let request = match within {
                Some(within) => request.config_override(one_try(within)),
                None => request,
            };
            let Err(error) = request.send().await else { return Ok(Transacted::Done) };
            match cancelled(&error) {
                Some(Cancelled::Refused(refusals)) => return Ok(Transacted::Refused(refusals)),
                Some(Cancelled::Conflict) => {}
                Some(Cancelled::Broken) | None => {
                    let error = in_port(call.operation, error);
                    if within.is_none() || error.fault != Fault::Retry {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
            pause(attempt).await;
        }
        let conflict =
            || Error::with_source(Fault::Retry, call.operation, "other transactions stood in the way each time");
        Err(last.unwrap_or_else(conflict))
    }

    fn transact_item(&self, call: Call, write: Write) -> Result<TransactWriteItem> {
        let table = self.table_name(call)?;
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        // The builders fail only for what is missing, and all that they need is set here.
        let broken = |error| Error::with_source(Fault::Broken, call.operation, error);
        let item = TransactWriteItem::builder();
        let item = match write {
            Write::Put(row, expression) => {
                let parts = expression.into_parts();
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(row))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .return_values_on_condition_check_failure(old);
                item.put(put.build().map_err(broken)?)
            }
            Write::Update(key, expression) => {
                let parts = expression.into_parts();
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .set_update_expression(parts.update)
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .return_values_on_condition_check_failure(old);
                item.update(update.build().map_err(broken)?)
            }
            Write::Delete(key, expression) => {
                let parts = expression.into_parts();
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .return_values_on_condition_check_failure(old);
                item.delete(delete.build().map_err(broken)?)
            }
        };
        Ok(item.build())
    }
}

/// One try within this time, instead of the SDK's several.
fn one_try(within: Duration) -> aws_sdk_dynamodb::config::Builder {
    let timeouts = TimeoutConfig::builder().operation_timeout(within).build();
    aws_sdk_dynamodb::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancelled> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons();
    let mut is_refused = false;
    for reason in reasons {
        match reason.code() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => is_refused = true,
            // Of several reasons one that may pass says nothing yet about the conditions of the others.
            Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => {
                return Some(Cancelled::Conflict);
            }
            Some(_) => return Some(Cancelled::Broken),
        }
    }
    Some(if is_refused { Cancelled::Refused(reasons.iter().map(refusal).collect()) } else { Cancelled::Broken })
}

fn refusal(reason: &CancellationReason) -> Refusal {
    if reason.code() == Some("ConditionalCheckFailed") {
        Refusal::Condition(reason.item().cloned())
    } else {
        Refusal::Held
    }
}

#[cfg(test)]
mod tests;
