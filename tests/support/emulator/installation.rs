//! The resources of one installation, made by calls: what infra/functions.yaml makes on AWS, as far as the store uses it.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_sqs::config::Credentials;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use homing_ports::{Clock, QueueName};
use homing_store_aws::schema::{PARTITION_KEY, SORT_KEY, TABLES, TableSchema};
use homing_store_aws::{AwsSettings, AwsStore};

use super::Emulator;

/// The region that everything is in.
const REGION: &str = "us-east-1";
/// First pause of the SDK before it tries again: the emulator is never overloaded, only told to say so.
const BACKOFF: Duration = Duration::from_millis(2);
/// Receives beyond [`QueueName::max_receives`] after which SQS itself gives an item up: the store does it before.
const REDRIVE_MARGIN: u32 = 5;

/// An HTTP client without TLS.
pub fn plain_http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// The SDK's configuration for an emulator at `endpoint`, over a given HTTP client.
pub async fn sdk_config(endpoint: &str, http: SharedHttpClient) -> SdkConfig {
    sdk_config_of(endpoint, http, "000000000000").await
}

/// The emulator takes an access key of twelve digits for the account, and keeps accounts apart.
async fn sdk_config_of(endpoint: &str, http: SharedHttpClient, account: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(account, "test", None, None, "emulator"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard().with_initial_backoff(BACKOFF))
        .http_client(http)
        .load()
        .await
}

/// Tables, queues, a bus and a group of schedules, all empty.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Their names.
    pub settings: AwsSettings,
    /// How they are reached.
    pub config: SdkConfig,
}

impl Installation {
    /// Makes them.
    ///
    /// # Panics
    /// If the emulator refuses one.
    pub async fn create(emulator: &Emulator) -> Self {
        Self::create_in(emulator, 0).await
    }

    /// Makes them in an account of their own: the same emulator then has nothing else in common but the clock.
    ///
    /// # Panics
    /// If the emulator refuses one.
    pub async fn create_in(emulator: &Emulator, account: u64) -> Self {
        let account = format!("{account:012}");
        let config = sdk_config_of(emulator.endpoint(), plain_http(), &account).await;
        let mut settings = AwsSettings::default();
        create_tables(&config, &mut settings).await;
        create_queues(&config, &mut settings).await;
        create_bus_and_group(&config, &mut settings).await;
        Self { settings, config }
    }

    /// A store over them.
    pub fn store(&self, clock: Arc<dyn Clock>) -> AwsStore {
        AwsStore::with_config(&self.config, self.settings.clone(), clock)
    }

    /// A store over them that reaches AWS by another HTTP client.
    pub fn store_over(&self, http: SharedHttpClient, clock: Arc<dyn Clock>) -> AwsStore {
        let config = self.config.clone().into_builder().http_client(http).build();
        AwsStore::with_config(&config, self.settings.clone(), clock)
    }
}

async fn create_tables(config: &SdkConfig, settings: &mut AwsSettings) {
    let db = aws_sdk_dynamodb::Client::new(config);
    for table in &TABLES {
        let name = format!("test-{}", table.name);
        create_table(&db, &name, table).await;
        let setting = match table.name {
            "mailboxes" => &mut settings.mailboxes,
            "messages" => &mut settings.messages,
            "ledger" => &mut settings.ledger,
            "directory" => &mut settings.directory,
            other => panic!("a table without a setting: {other}"),
        };
        *setting = Some(name);
    }
}

fn key(attribute: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build().expect("both are set")
}

async fn create_table(db: &aws_sdk_dynamodb::Client, name: &str, table: &TableSchema) {
    let mut attributes = vec![PARTITION_KEY];
    let mut keys = vec![key(PARTITION_KEY, KeyType::Hash)];
    if table.sorted {
        attributes.push(SORT_KEY);
        keys.push(key(SORT_KEY, KeyType::Range));
    }
    let mut indexes = Vec::new();
    for index in table.indexes {
        attributes.extend([index.partition, index.sort]);
        let projected = if index.whole { ProjectionType::All } else { ProjectionType::KeysOnly };
        let built = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .key_schema(key(index.partition, KeyType::Hash))
            .key_schema(key(index.sort, KeyType::Range))
            .projection(Projection::builder().projection_type(projected).build())
            .build();
        indexes.push(built.expect("name and keys are set"));
    }
    let definition = |attribute: &str| {
        let binary = AttributeDefinition::builder().attribute_name(attribute).attribute_type(ScalarAttributeType::B);
        binary.build().expect("both are set")
    };
    db.create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.into_iter().map(definition).collect()))
        .set_key_schema(Some(keys))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .send()
        .await
        .expect("the table is made");
}

async fn create_queues(config: &SdkConfig, settings: &mut AwsSettings) {
    let sqs = aws_sdk_sqs::Client::new(config);
    for (at, queue) in QueueName::ALL.into_iter().enumerate() {
        let dead = sqs.create_queue().queue_name(format!("test-{}-dead", queue.name())).send().await;
        let dead = dead.expect("the queue is made").queue_url.expect("it has a URL");
        let redrive = format!(
            r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{}}}"#,
            arn_of(&sqs, &dead).await,
            queue.max_receives() + REDRIVE_MARGIN
        );
        let made = sqs
            .create_queue()
            .queue_name(format!("test-{}", queue.name()))
            .attributes(QueueAttributeName::VisibilityTimeout, (queue.visibility() / 1_000).to_string())
            .attributes(QueueAttributeName::RedrivePolicy, redrive)
            .send()
            .await;
        let url = made.expect("the queue is made").queue_url.expect("it has a URL");
        if queue == QueueName::Due {
            settings.due_queue_arn = Some(arn_of(&sqs, &url).await);
        }
        settings.queues[at] = Some(url);
        settings.dead[at] = Some(dead);
    }
    settings.gateway_queue_prefix = Some("test-gateway-".to_owned());
}

async fn arn_of(sqs: &aws_sdk_sqs::Client, url: &str) -> String {
    let asked = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn).send().await;
    let mut attributes = asked.expect("the queue is there").attributes.unwrap_or_default();
    attributes.remove(&QueueAttributeName::QueueArn).expect("every queue has an ARN")
}

async fn create_bus_and_group(config: &SdkConfig, settings: &mut AwsSettings) {
    let events = aws_sdk_eventbridge::Client::new(config);
    events.create_event_bus().name("test-bus").send().await.expect("the bus is made");
    settings.event_bus = Some("test-bus".to_owned());
    let scheduler = aws_sdk_scheduler::Client::new(config);
    scheduler.create_schedule_group().name("test-schedules").send().await.expect("the group is made");
    settings.schedule_group = Some("test-schedules".to_owned());
    settings.schedule_role_arn = Some("arn:aws:iam::000000000000:role/test-schedules".to_owned());
}
