//! A store whose calls are answered from a script, for what no emulator says: throttling, cancelled transactions, what was
//! left unprocessed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use homing_domain::UnixMillis;
use homing_ports::Clock;
use serde_json::{Value, json};

use crate::{AwsSettings, AwsStore};

/// The present in scripted tests.
pub(crate) const NOW: UnixMillis = UnixMillis(1_795_000_000_123);

/// One answer.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// HTTP 200 with this body.
    Done(Value),
    /// An error of this code, with more fields in its body.
    Refused(&'static str, Value),
    /// HTTP 500 without words.
    ServerError,
    /// The connection was lost.
    Lost,
}

impl Reply {
    /// An error of DynamoDB without more fields.
    pub(crate) fn error(code: &'static str) -> Self {
        Self::Refused(code, json!({}))
    }
}

/// One request that was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    /// `UpdateItem`.
    pub(crate) operation: String,
    /// Its body.
    pub(crate) body: Value,
}

/// The script and what was sent so far.
#[derive(Clone, Debug)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    replies: VecDeque<Reply>,
    sent: Vec<Sent>,
}

/// Tells these times one after the other, and the last one for ever.
struct Times(Mutex<VecDeque<UnixMillis>>);

impl Clock for Times {
    fn now(&self) -> UnixMillis {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = times.pop_front().unwrap_or(NOW);
        if times.is_empty() {
            times.push_back(now);
        }
        now
    }
}

impl Script {
    /// A store that is answered so, in this order. What is asked beyond that is a lost connection.
    pub(crate) fn store(replies: impl IntoIterator<Item = Reply>) -> (AwsStore, Self) {
        Self::store_at(replies, [NOW])
    }

    /// The same, with a clock that says these times one after the other, and the last one from then on.
    pub(crate) fn store_at(
        replies: impl IntoIterator<Item = Reply>,
        times: impl IntoIterator<Item = UnixMillis>,
    ) -> (AwsStore, Self) {
        let script = Self(Arc::new(Mutex::new(State { replies: replies.into_iter().collect(), sent: Vec::new() })));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "script")))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(TokioSleep))
            .http_client(SharedHttpClient::new(script.clone()))
            .build();
        let settings = AwsSettings::from_lookup(|name| Some(name.to_lowercase()));
        (AwsStore::with_config(&config, settings, Arc::new(Times(Mutex::new(times.into_iter().collect())))), script)
    }

    /// What was sent.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sent.clone()
    }

    /// The operations that were sent.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.operation).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct TokioSleep;

impl aws_sdk_dynamodb::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_dynamodb::config::Sleep {
        aws_sdk_dynamodb::config::Sleep::new(tokio::time::sleep(duration))
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.split('.').next_back().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.sent.push(Sent { operation, body });
        HttpConnectorFuture::ready(match state.replies.pop_front() {
            Some(Reply::Done(body)) => Ok(response(200, &body)),
            Some(Reply::Refused(code, mut body)) => {
                body["__type"] = code.into();
                Ok(response(400, &body))
            }
            Some(Reply::ServerError) => Ok(response(500, &json!({}))),
            Some(Reply::Lost) | None => Err(ConnectorError::io("the connection was lost".into())),
        })
    }
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("a status of three digits");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}
