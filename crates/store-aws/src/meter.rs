//! Counts every request and the capacity that DynamoDB says it used, as the bill does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, Output,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// What one kind of call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Requests; tries that failed count too, for AWS bills them.
    pub requests: u64,
    /// Read or write request units of those that succeeded, as DynamoDB said. A refused condition is billed like a write
    /// and is not in here, because DynamoDB does not say it.
    pub units: f64,
}

/// Costs by service and operation: `DynamoDB.UpdateItem`.
pub type Spent = BTreeMap<String, Cost>;

/// The count of one store, shared by its clones.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Spent>>);

impl Meter {
    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.lock().clone()
    }

    /// Starts again from nothing, and answers what was spent until now.
    #[must_use]
    pub fn reset(&self) -> Spent {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        // A number is never half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, config: &ConfigBag, cost: Cost) {
        if let Some(metadata) = config.load::<Metadata>() {
            let mut spent = self.lock();
            let sum = spent.entry(format!("{}.{}", metadata.service(), metadata.name())).or_default();
            sum.requests += cost.requests;
            sum.units += cost.units;
        }
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.add(config, Cost { requests: 1, units: 0.0 });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error() {
            let units = units(output);
            if units > 0.0 {
                self.add(config, Cost { requests: 0, units });
            }
        }
        Ok(())
    }
}

/// The capacity that an answer names; 0 for other services' answers.
fn units(output: &Output) -> f64 {
    macro_rules! of {
        ($($one:ty),+; $($many:ty),+) => {
            $(if let Some(output) = output.downcast_ref::<$one>() {
                return sum(output.consumed_capacity());
            })+
            $(if let Some(output) = output.downcast_ref::<$many>() {
                return sum(output.consumed_capacity());
            })+
        };
    }
    of!(GetItemOutput, PutItemOutput, UpdateItemOutput, DeleteItemOutput, QueryOutput;
        BatchGetItemOutput, BatchWriteItemOutput, TransactWriteItemsOutput);
    0.0
}

fn sum<'c>(capacities: impl IntoIterator<Item = &'c ConsumedCapacity>) -> f64 {
    capacities.into_iter().filter_map(ConsumedCapacity::capacity_units).sum()
}
