//! An HTTP client between the store and the emulator that fails as AWS and networks do.

mod answers;

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// It goes through.
    Pass,
    /// The connection breaks before the request is sent.
    NeverSent,
    /// The server says that there are too many requests. Nothing happened.
    Throttled,
    /// The server says 500. Nothing happened.
    ServerError,
    /// DynamoDB refuses a write because a transaction holds the item. Nothing happened.
    Conflict,
    /// A part of a batch is not done: unprocessed keys, failed entries.
    Partial,
    /// It is done, and the connection breaks before the answer is read.
    AnswerLost,
    /// Neither this request nor any other ever ends: the process is gone.
    Killed,
}

/// Decides about each request.
pub(super) trait Strikes: fmt::Debug + Send + Sync + 'static {
    /// For an action such as `UpdateItem`; empty where the request does not name it.
    fn next(&self, action: &str) -> Strike;
}

/// Strikes by chance.
#[derive(Debug)]
pub(super) struct Chance {
    random: Mutex<StdRng>,
    /// The share of requests that fail, each in one of these ways.
    share: f64,
    kinds: &'static [Strike],
}

impl Chance {
    /// The same seed strikes the same requests, as far as their order is the same.
    pub(super) fn new(seed: u64, share: f64, kinds: &'static [Strike]) -> Self {
        Self { random: Mutex::new(StdRng::seed_from_u64(seed)), share, kinds }
    }
}

impl Strikes for Chance {
    fn next(&self, _: &str) -> Strike {
        let mut random = self.random.lock().unwrap();
        if random.random_bool(self.share) { self.kinds[random.random_range(0..self.kinds.len())] } else { Strike::Pass }
    }
}

/// The client.
#[derive(Clone, Debug)]
pub(super) struct FaultyHttp {
    inner: SharedHttpClient,
    strikes: Arc<dyn Strikes>,
}

impl FaultyHttp {
    /// Over a client that works.
    pub(super) fn over(inner: SharedHttpClient, strikes: Arc<dyn Strikes>) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner, strikes })
    }
}

impl HttpClient for FaultyHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, strikes: Arc::clone(&self.strikes) })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    strikes: Arc<dyn Strikes>,
}

fn broken(why: &'static str) -> ConnectorError {
    ConnectorError::io(why.into())
}

/// The last word of `DynamoDB_20120810.UpdateItem`.
fn action(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = action(&request);
        let inner = self.inner.clone();
        match self.strikes.next(&action) {
            Strike::Pass => inner.call(request),
            Strike::NeverSent => HttpConnectorFuture::ready(Err(broken("the connection broke"))),
            Strike::Throttled => HttpConnectorFuture::ready(Ok(answers::throttled(&action))),
            Strike::ServerError => HttpConnectorFuture::ready(Ok(answers::server_error())),
            Strike::Conflict => match answers::conflict(&action, &request) {
                Some(answer) => HttpConnectorFuture::ready(Ok(answer)),
                None => inner.call(request),
            },
            Strike::Partial => match answers::partial(&action, &request) {
                Some(answer) => HttpConnectorFuture::ready(Ok(answer)),
                None => inner.call(request),
            },
            Strike::AnswerLost => HttpConnectorFuture::new(async move {
                inner.call(request).await?;
                Err(broken("the answer got lost"))
            }),
            Strike::Killed => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}
