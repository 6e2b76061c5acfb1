//! The function's process: what is made once and serves every invocation.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::{Millis, UnixMillis};
use homing_endpoint::{Edge, EdgeLimits, EdgeParts, assemble};
use homing_ports::{Clock as _, QueueName, Received, StageError};
use homing_store_aws::AwsStore;
use homing_system::{SystemClock, SystemEntropy};
use utoipa_axum::router::OpenApiRouter;

use crate::emf::Emf;
use crate::environment::{Environment, EnvironmentError};
use crate::sqs_event::{BatchResponse, SqsEvent};
use crate::{batch, http, logs};

/// Which of the fleet's device keys new devices get.
const DEVICE_KEY: u32 = 1;

/// The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its environment.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Its main knows no such entry: the template's `Handler` is wrong.
    #[error("there is no handler {0:?} in this function")]
    Handler(String),
}

/// The process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    environment: Environment,
    store: Arc<AwsStore>,
    metrics: Emf,
}

impl Host {
    /// Reads the environment, starts logs and metrics, and connects. Nothing is called over the network yet: a cold start
    /// is short.
    ///
    /// # Errors
    /// [`HostError::Environment`]: a variable has a value that cannot be.
    pub async fn start() -> Result<Self, HostError> {
        let environment = Environment::of_process()?;
        logs::write_logs(&environment.log_filter);
        let metrics = Emf::default();
        metrics.install();
        let store = AwsStore::connect(environment.aws.clone(), Arc::new(SystemClock)).await;
        Ok(Self { shared: Arc::new(Shared { environment, store: Arc::new(store), metrics }) })
    }

    /// Which entry of the function this process is.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.shared.environment.handler
    }

    /// The error of a main that does not know its [`Self::handler`].
    #[must_use]
    pub fn unknown_handler(&self) -> HostError {
        HostError::Handler(self.handler().to_owned())
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> Arc<AwsStore> {
        Arc::clone(&self.shared.store)
    }

    /// Randomness.
    #[must_use]
    pub const fn entropy(&self) -> SystemEntropy {
        SystemEntropy
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        SystemClock.now()
    }

    /// The secret that all gateways and functions share.
    ///
    /// # Errors
    /// [`EnvironmentError::Missing`]: this function was not given it.
    pub fn fleet_secret(&self) -> Result<FleetSecret, HostError> {
        let secret = self.shared.environment.fleet_secret.clone();
        Ok(secret.ok_or(EnvironmentError::Missing("HOMING_FLEET_SECRET"))?)
    }

    /// Where vendors reach the API, without a slash at its end, if anybody said so.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.shared.environment.public_url.as_deref()
    }

    /// For trying out: where vendors are instead of in production, as `vendors.origins` of the single binary; empty if nobody
    /// said so.
    #[must_use]
    pub fn vendors_origins(&self) -> &str {
        self.shared.environment.vendors_origins.as_deref().unwrap_or_default()
    }

    /// Where alerts are mailed and who sends them, if there is a mail server: the URL, which may hold a password, and an address.
    #[must_use]
    pub fn mail(&self) -> Option<(&str, &str)> {
        self.shared.environment.mail.as_ref().map(|mail| (&*mail.url, &*mail.from))
    }

    /// The state of HTTP routers, and of what else checks callers.
    ///
    /// # Errors
    /// [`EnvironmentError::Missing`]: the fleet secret, from which the keys of devices derive.
    pub fn edge(&self) -> Result<Edge<AwsStore>, HostError> {
        let environment = &self.shared.environment;
        let secret = self.fleet_secret()?;
        let defaults = EdgeLimits::default();
        let business_per_second = environment.app_quota_per_second.unwrap_or(defaults.business_per_second);
        Ok(Edge::new(EdgeParts {
            ports: self.ports(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            keys: Arc::new(DeviceKeys::derived(&secret, DEVICE_KEY)),
            fleet_secret: secret,
            public_url: environment.public_url.clone(),
            limits: EdgeLimits { business_per_second, ..defaults },
        }))
    }

    /// The whole service of an HTTP function: the same frame as in the single binary, with traces and metrics around it.
    pub fn http(&self, router: OpenApiRouter) -> Router {
        http::around(self, assemble([router], Arc::new(SystemClock), Arc::new(SystemEntropy)))
    }

    /// Works on a batch of `queue` until shortly before `deadline`, each item through `stage`, and writes the metrics.
    pub async fn batch<W>(
        &self,
        queue: QueueName,
        event: SqsEvent,
        deadline: UnixMillis,
        trace: Option<&str>,
        stage: impl Fn(Received) -> W,
    ) -> BatchResponse
    where
        W: Future<Output = Result<(), StageError>>,
    {
        let remaining: Millis = deadline.since(self.now());
        let answer = batch::work(&*self.shared.store, queue, event, remaining, trace, stage).await;
        self.flush();
        answer
    }

    /// Writes the metrics that gathered. [`Self::http`] and [`Self::batch`] do it by themselves.
    pub fn flush(&self) {
        self.shared.metrics.flush(&self.shared.environment.function, self.now());
    }
}
