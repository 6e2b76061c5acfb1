//! The calls on one item, and queries: each asks for its consumed capacity, reads consistently unless told otherwise,
//! sees nothing that has expired, and tells a refused condition from an error.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use homing_ports::Result;

use crate::AwsStore;
use crate::error::in_port;
use crate::expression::Expression;
use crate::item::{Item, Table, is_expired};

/// Which port call this is for, and which table it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// In words, for errors: `"enqueue into the mailbox"`.
    pub(crate) operation: &'static str,
    pub(crate) table: Table,
}

type Answer<T, E> = std::result::Result<T, SdkError<E, HttpResponse>>;

/// What a conditional write came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    /// It is done. The item as it was before, if it was; expired ones too.
    Done(Option<Item>),
    /// The condition does not hold. The item as it stands, if there is one; expired ones too.
    Refused(Option<Item>),
}

/// A query within one partition.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// Its key condition.
    pub(crate) expression: Expression,
    /// A secondary index; stale, as all of them are.
    pub(crate) index: Option<&'static str>,
    /// Items that are looked at; fewer may come.
    pub(crate) limit: Option<usize>,
    /// From the largest sort key down.
    pub(crate) is_descending: bool,
    /// Sees every write that was answered; costs twice.
    pub(crate) is_consistent: bool,
    /// Where the page before stopped.
    pub(crate) start: Option<Item>,
}

impl Query {
    /// All of a partition in the order of sort keys, consistently.
    pub(crate) const fn of(expression: Expression) -> Self {
        Self { expression, index: None, limit: None, is_descending: false, is_consistent: true, start: None }
    }
}

/// A page of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// What has not expired.
    pub(crate) items: Vec<Item>,
    /// Where the next page starts, if there is one.
    pub(crate) next: Option<Item>,
}

/// An error that may be a refused condition.
trait Conditional: ProvideErrorMetadata + std::error::Error + Send + Sync + Sized + 'static {
    /// The refusal, with the item as it stands.
    fn refusal(&self) -> Option<&ConditionalCheckFailedException>;
}

macro_rules! conditional {
    ($($error:ident)+) => {
        $(
            impl Conditional for $error {
                fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
                    if let Self::ConditionalCheckFailedException(refused) = self { Some(refused) } else { None }
                }
            }
        )+
    };
}

conditional! { DeleteItemError PutItemError UpdateItemError }

fn written<E: Conditional>(call: Call, answer: Answer<Option<Item>, E>) -> Result<Written> {
    let error = match answer {
        Ok(before) => return Ok(Written::Done(before)),
        Err(error) => error,
    };
    match error.as_service_error().and_then(Conditional::refusal) {
        Some(refused) => Ok(Written::Refused(refused.item.clone())),
        None => Err(in_port(call.operation, error)),
    }
}

impl AwsStore {
    /// The name of a table in AWS.
    pub(crate) fn table_name(&self, call: Call) -> Result<&str> {
        let settings = &self.shared.settings;
        let (value, name) = match call.table {
            Table::Mailboxes => (&settings.mailboxes, "HOMING_TABLE_MAILBOXES"),
            Table::Messages => (&settings.messages, "HOMING_TABLE_MESSAGES"),
            Table::Ledger => (&settings.ledger, "HOMING_TABLE_LEDGER"),
            Table::Directory => (&settings.directory, "HOMING_TABLE_DIRECTORY"),
        };
        self.setting(value, name, call.operation)
    }

    /// One item, consistently. 1 RRU per 4 KiB.
    pub(crate) async fn get(&self, call: Call, key: Item) -> Result<Option<Item>> {
        Ok(self.get_whatever(call, key).await?.filter(|item| !self.is_over(item)))
    }

    /// One item, also when its time is over: a write must know its version.
    pub(crate) async fn get_whatever(&self, call: Call, key: Item) -> Result<Option<Item>> {
        let request = self.db().get_item().table_name(self.table_name(call)?).set_key(Some(key)).consistent_read(true);
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        Ok(answer.map_err(|error| in_port(call.operation, error))?.item)
    }

    /// Puts a whole item. 1 WRU per KiB of the larger of old and new, also when refused.
    pub(crate) async fn put(&self, call: Call, item: Item, expression: Expression) -> Result<Written> {
        let parts = expression.into_parts();
        let request = self.db().put_item().table_name(self.table_name(call)?).set_item(Some(item));
        let answer = request
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        written(call, answer.map(|done| done.attributes))
    }

    /// Updates an item in place. 1 WRU per KiB of the larger of old and new, also when refused.
    pub(crate) async fn update(&self, call: Call, key: Item, expression: Expression) -> Result<Written> {
        let parts = expression.into_parts();
        let request = self.db().update_item().table_name(self.table_name(call)?).set_key(Some(key));
        let answer = request
            .set_update_expression(parts.update)
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        written(call, answer.map(|done| done.attributes))
    }

    /// Deletes an item. 1 WRU per KiB of it. Named apart from [`homing_ports::Queues::delete`].
    pub(crate) async fn delete_item(&self, call: Call, key: Item, expression: Expression) -> Result<Written> {
        let parts = expression.into_parts();
        let request = self.db().delete_item().table_name(self.table_name(call)?).set_key(Some(key));
        let answer = request
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        written(call, answer.map(|done| done.attributes))
    }

    /// One page of a query: at most 1 MiB. 1 RRU per 4 KiB of all items together, half of it when not consistent.
    pub(crate) async fn query(&self, call: Call, query: Query) -> Result<Page> {
        let parts = query.expression.into_parts();
        let answer = self
            .db()
            .query()
            .table_name(self.table_name(call)?)
            .set_index_name(query.index.map(str::to_owned))
            .set_key_condition_expression(parts.key)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .scan_index_forward(!query.is_descending)
            .consistent_read(query.is_consistent)
            .set_exclusive_start_key(query.start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| in_port(call.operation, error))?;
        let mut items = answer.items.unwrap_or_default();
        items.retain(|item| !self.is_over(item));
        Ok(Page { items, next: answer.last_evaluated_key })
    }

    /// Whether an item's time is over.
    pub(crate) fn is_over(&self, item: &Item) -> bool {
        is_expired(item, self.shared.clock.now())
    }
}
