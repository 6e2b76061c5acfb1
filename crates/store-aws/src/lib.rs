//! Every port on DynamoDB, SQS, EventBridge and EventBridge Scheduler.
//!
//! Nothing here decides: what happens to a mailbox, a message or a delivery row is in `homing-domain`, and the expressions
//! sent to DynamoDB are that model's common case. Where an expression's condition fails, the item that AWS answers goes
//! through the model itself, and what comes out is written back if nobody else wrote in between.
//!
//! Each module's head says what its calls cost in write and read request units (WRU, RRU) and requests; docs/COSTS.md adds
//! them up. Calls retry by themselves what AWS calls transient (throttling, timeouts, 5xx), with exponential backoff and
//! full jitter, a bounded number of times; what is left comes out as [`homing_ports::Fault::Retry`].
//!
//! **Must not know**: the stages, the gateway, HTTP and its public shapes.

mod apps;
mod audiences;
mod batch;
mod compare_and_swap;
mod devices;
mod directory;
mod error;
mod events;
mod expression;
mod feeds;
mod gateways;
mod item;
mod ledger;
mod listing;
mod mailboxes;
mod messages;
mod meter;
mod notices;
mod one_item;
mod queues;
pub mod schema;
#[cfg(test)]
mod script;
mod settings;
mod settings_row;
mod timers;
mod trace;
mod transaction;
mod upstreams;
mod vendor_channels;
mod vendor_tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use homing_domain::UnixMillis;
use homing_ports::{Clock, Fault};

pub use crate::meter::{Cost, Meter, Spent};
pub use crate::settings::AwsSettings;
pub use crate::trace::with_trace;
pub use crate::upstreams::SETTLES_AFTER as UPSTREAMS_SETTLE_AFTER;

/// Tries of one call, the first among them. With the SDK's backoff (1 s base, full jitter, 20 s cap) a throttled table is
/// given some 10 s; then the stage's own retry takes over.
const CALL_MAX_ATTEMPTS: u32 = 4;
/// One try of one call. DynamoDB and SQS answer within 20 ms; what takes seconds will not come.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The store. Cheap to clone; clones share their connections and caches.
#[derive(Clone)]
pub struct AwsStore {
    shared: Arc<Shared>,
}

struct Shared {
    db: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    scheduler: aws_sdk_scheduler::Client,
    settings: AwsSettings,
    clock: Arc<dyn Clock>,
    meter: Meter,
    inboxes: notices::Inboxes,
    upstreams: upstreams::State,
}

impl AwsStore {
    /// Connects with the credentials and the region of the environment (`AWS_*`), as every AWS program does. Nothing is
    /// called yet: a name that does not exist shows at its first use.
    pub async fn connect(settings: AwsSettings, clock: Arc<dyn Clock>) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
        Self::with_config(&config, settings, clock)
    }

    /// Over a given SDK configuration: tests bring their own HTTP client here. The number of tries and the time limits
    /// are set by the store; how long it pauses between tries is the configuration's.
    #[must_use]
    pub fn with_config(config: &SdkConfig, settings: AwsSettings, clock: Arc<dyn Clock>) -> Self {
        let meter = Meter::default();
        let retry = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = config
            .clone()
            .into_builder()
            .retry_config(retry.with_max_attempts(CALL_MAX_ATTEMPTS))
            .timeout_config(timeouts)
            .build();
        let db = aws_sdk_dynamodb::config::Builder::from(&config).interceptor(meter.clone()).build();
        let sqs = aws_sdk_sqs::config::Builder::from(&config).interceptor(meter.clone()).build();
        let events = aws_sdk_eventbridge::config::Builder::from(&config).interceptor(meter.clone()).build();
        let scheduler = aws_sdk_scheduler::config::Builder::from(&config).interceptor(meter.clone()).build();
        let shared = Shared {
            db: aws_sdk_dynamodb::Client::from_conf(db),
            sqs: aws_sdk_sqs::Client::from_conf(sqs),
            events: aws_sdk_eventbridge::Client::from_conf(events),
            scheduler: aws_sdk_scheduler::Client::from_conf(scheduler),
            settings,
            clock,
            meter,
            inboxes: notices::Inboxes::default(),
            upstreams: upstreams::State::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What this store's calls have cost so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    fn db(&self) -> &aws_sdk_dynamodb::Client {
        &self.shared.db
    }

    /// The setting, or the error that names it: a function that was not given it must not use it.
    fn setting<'s>(
        &self,
        value: &'s Option<String>,
        name: &'static str,
        operation: &'static str,
    ) -> homing_ports::Result<&'s str> {
        value.as_deref().ok_or_else(|| {
            homing_ports::Error::with_source(Fault::Broken, operation, format!("the setting {name} is missing"))
        })
    }
}

impl Clock for AwsStore {
    fn now(&self) -> UnixMillis {
        self.shared.clock.now()
    }
}

impl fmt::Debug for AwsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsStore").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
