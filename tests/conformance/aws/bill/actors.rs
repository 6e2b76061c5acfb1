//! Everybody who spends: each with a store of its own, whose meter is its bill.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use homing_credentials::{DeviceKeys, FleetSecret};
use homing_dispatch::Dispatch;
use homing_domain::{MessageId, ServerId};
use homing_edge_gateway::{Certificate, Gateway, GatewayConfig, RunningGateway};
use homing_endpoint::{Edge, EdgeLimits, EdgeParts, assemble};
use homing_fanout::Fanout;
use homing_ports::{Ledger, NoVendors, QueueName, Queues, Received, StageError};
use homing_receipts::RecordReceipts;
use homing_store_aws::{AwsStore, Cost};
use homing_system::{SystemClock, SystemEntropy};
use homing_tests::emulator::{Emulator, Installation};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::crowd::{Crowd, call};

/// Items of one invocation, as the template has it.
const BATCH: usize = 10;
/// A receive waits so long for the first item, in milliseconds.
const WAIT: u64 = 2_000;

/// All processes of an installation, in this one.
pub(super) struct Actors {
    stores: BTreeMap<&'static str, AwsStore>,
    pub(super) intake: Router,
    pub(super) binding: Router,
    pub(super) console: Router,
    gateway: RunningGateway<AwsStore>,
    pub(super) certificate: CertificateDer<'static>,
    _emulator: Emulator,
}

const NAMES: [&str; 8] = ["intake", "binding", "console", "fanout", "dispatch", "receipts", "gateway", "source"];

impl Actors {
    pub(super) async fn start() -> Self {
        let emulator = Emulator::start_running().await;
        let installation = Installation::create(&emulator).await;
        let stores: BTreeMap<_, _> =
            NAMES.into_iter().map(|name| (name, installation.store(Arc::new(SystemClock)))).collect();
        let keys = DeviceKeys::derived(&FleetSecret::new([7; 32]), 1);
        let edge = |name| edge(&stores[name], &keys);
        let http = |router| assemble([router], Arc::new(SystemClock), Arc::new(SystemEntropy));
        let (intake, binding, console) = (edge("intake"), edge("binding"), edge("console"));
        let (intake, binding) = (http(homing_intake::router(intake)), http(homing_binding::router(binding)));
        let console = http(homing_console::router(console));
        let (gateway, certificate) = start_gateway(&stores["gateway"], keys).await;
        Self { stores, intake, binding, console, gateway, certificate, _emulator: emulator }
    }

    pub(super) fn store(&self, name: &str) -> &AwsStore {
        &self.stores[name]
    }

    pub(super) fn port(&self) -> u16 {
        self.gateway.local_addr().port()
    }

    /// Sends one message to all of the crowd and follows it until every receipt is counted.
    pub(super) async fn push(&self, crowd: &Crowd, text: &str) -> Bill {
        self.reset();
        let request = serde_json::json!({
            "audience": { "devices": crowd.ids },
            "notification": { "title": "Hello" },
            "data": { "text": text },
        });
        let accepted = call(&self.intake, "POST", "/v1/messages", &crowd.server_key, &request).await;
        let message: MessageId = accepted["message_id"].as_str().unwrap().parse().unwrap();
        let fanout = Fanout::new(Arc::new(self.stores["fanout"].clone()));
        let dispatch = Dispatch::new(Arc::new(self.stores["dispatch"].clone()), Arc::new(NoVendors));
        let receipts = RecordReceipts::new(Arc::new(self.stores["receipts"].clone()));
        let mut invocations = 1;
        invocations += self.drain(QueueName::Audience, |item| consume(&fanout, Fanout::consume, item)).await;
        invocations += self.drain(QueueName::Dispatch, |item| consume(&dispatch, Dispatch::consume, item)).await;
        crowd.heard(text).await;
        let mut counted = 0;
        while counted < crowd.ids.len() as i64 {
            invocations +=
                self.drain(QueueName::Receipts, |item| consume(&receipts, RecordReceipts::consume, item)).await;
            let tally = self.stores["source"].tally(message).await.unwrap();
            counted = tally.balance(None).delivered;
        }
        Bill { invocations, ..self.bill() }
    }

    /// What Lambda's event source and a function do until the queue is empty; how many invocations that took.
    async fn drain<W>(&self, queue: QueueName, stage: impl Fn(Received) -> W) -> u64
    where
        W: Future<Output = Result<(), StageError>>,
    {
        let source = &self.stores["source"];
        let mut invocations = 0;
        loop {
            let items = source.receive(queue, BATCH, WAIT).await.unwrap();
            if items.is_empty() {
                return invocations;
            }
            invocations += 1;
            let handles = items.iter().map(|item| item.handle.clone()).collect();
            for item in items {
                stage(item).await.unwrap();
            }
            source.delete(queue, handles).await.unwrap();
        }
    }

    fn reset(&self) {
        for store in self.stores.values() {
            drop(store.meter().reset());
        }
    }

    fn bill(&self) -> Bill {
        let of_one = |(name, store): (&&'static str, &AwsStore)| (*name, store.meter().spent());
        Bill { invocations: 0, spent: self.stores.iter().map(of_one).collect() }
    }
}

async fn consume<S>(
    stage: &S,
    consume: impl AsyncFn(&S, &bytes::Bytes) -> Result<(), StageError>,
    item: Received,
) -> Result<(), StageError> {
    consume(stage, &item.body).await
}

fn edge(store: &AwsStore, keys: &DeviceKeys) -> Edge<AwsStore> {
    Edge::new(EdgeParts {
        ports: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        keys: Arc::new(keys.clone()),
        fleet_secret: FleetSecret::new([7; 32]),
        public_url: None,
        limits: EdgeLimits::default(),
    })
}

async fn start_gateway(store: &AwsStore, keys: DeviceKeys) -> (RunningGateway<AwsStore>, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let chain = vec![made.cert.der().clone()];
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut config = GatewayConfig::new(listen, ServerId([9; 8]), FleetSecret::new([7; 32]), keys);
    config.admission.handshakes_per_address_per_second = 2_000;
    let certificate = chain[0].clone();
    let gateway = Gateway::start(Arc::new(store.clone()), config, Certificate { chain, key }).await.unwrap();
    (gateway, certificate)
}

/// What was spent.
pub(super) struct Bill {
    invocations: u64,
    spent: BTreeMap<&'static str, BTreeMap<String, Cost>>,
}

impl Bill {
    /// What AWS has a price for.
    pub(super) const KINDS: [&'static str; 5] =
        ["write request units", "read request units", "SQS requests", "Lambda invocations", "API requests"];

    /// The sums.
    pub(super) fn kinds(&self) -> Vec<(&'static str, f64)> {
        let sum = |of: fn(&str, &Cost) -> f64| self.lines().map(|(_, call, cost)| of(call, cost)).sum::<f64>();
        let [writes, reads, sqs, lambda, api] = Self::KINDS;
        vec![
            (writes, sum(|call, cost| if is_write(call) { cost.units } else { 0.0 })),
            (reads, sum(|call, cost| if is_read(call) { cost.units } else { 0.0 })),
            (sqs, sum(|call, cost| count(cost.requests) * times_on_the_way(call))),
            (lambda, count(self.invocations)),
            (api, 1.0),
        ]
    }

    /// Each actor's calls.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'static str, &str, &Cost)> {
        self.spent.iter().flat_map(|(actor, calls)| calls.iter().map(|(call, cost)| (*actor, call.as_str(), cost)))
    }
}

fn is_write(call: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"]
        .iter()
        .any(|name| call == format!("DynamoDB.{name}"))
}

fn is_read(call: &str) -> bool {
    ["GetItem", "BatchGetItem", "Query"].iter().any(|name| call == format!("DynamoDB.{name}"))
}

/// How many requests of a push's way a call stands for. Each delete had a receive; receives that found nothing are the price
/// of waiting, not of a push.
fn times_on_the_way(call: &str) -> f64 {
    if call.starts_with("SQS.Send") {
        1.0
    } else if call.starts_with("SQS.Delete") {
        2.0
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
const fn count(number: u64) -> f64 {
    number as f64
}
