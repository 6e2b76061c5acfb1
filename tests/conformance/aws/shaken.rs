//! The suites once more, over a network and an AWS that fail now and then. The store tries again what AWS calls transient, and
//! its callers do what [`homing_ports::Fault::Retry`] says: nothing else may change.

use std::sync::Arc;

use homing_domain::{Millis, UnixMillis};
use homing_ports::Clock as _;
use homing_store_aws::UPSTREAMS_SETTLE_AFTER;
use homing_tests::emulator::{Emulator, Installation, plain_http};

use super::BEGIN;
use super::faults::{Chance, FaultyHttp, Strike};
use super::retrying::Retrying;
use crate::adapter::Adapter;

/// The share of requests that fail.
const SHARE: f64 = 0.1;
const SEED: u64 = 3;
/// Failures by which nothing happened, so that the second try is answered as the first would have been.
const WITHOUT_EFFECT: &[Strike] =
    &[Strike::NeverSent, Strike::Throttled, Strike::ServerError, Strike::Conflict, Strike::Partial];

/// A store that is struck, and a caller who tries again.
pub(crate) struct Shaken {
    ports: Retrying,
    emulator: Emulator,
}

impl Adapter for Shaken {
    type Ports = Retrying;

    async fn start() -> Self {
        let emulator = Emulator::start(BEGIN).await;
        let installation = Installation::create(&emulator).await;
        let http = FaultyHttp::over(plain_http(), Arc::new(Chance::new(SEED, SHARE, WITHOUT_EFFECT)));
        Self { ports: Retrying(installation.store_over(http, emulator.clock())), emulator }
    }

    fn ports(&self) -> &Retrying {
        &self.ports
    }

    fn now(&self) -> UnixMillis {
        self.emulator.clock().now()
    }

    async fn advance(&self, by: Millis) {
        self.emulator.advance(by).await;
    }

    async fn settle(&self) {
        self.advance(UPSTREAMS_SETTLE_AFTER + 1).await;
    }
}

suites!(crate::aws::shaken::Shaken);
