//! The AWS store over the emulator: how the suites make one, and what it promises beyond the ports.

mod bill;
mod cuts;
mod directory_races;
mod faults;
mod forwarding;
mod ledger_numbers;
mod mailbox_costs;
mod mailbox_model;
mod message_lists;
mod outside;
mod retrying;
mod shaken;

use homing_domain::{Millis, UnixMillis};
use homing_ports::Clock as _;
use homing_store_aws::{AwsStore, UPSTREAMS_SETTLE_AFTER};
use homing_tests::emulator::{Emulator, Installation};

use crate::adapter::Adapter;

/// When the emulator's clock begins: after all times in the suites' values, and so soon after them that nothing of those
/// values is too old to be kept.
const BEGIN: UnixMillis = UnixMillis(100_000_000);

/// A store on an emulator of its own.
pub(crate) struct Aws {
    store: AwsStore,
    emulator: Emulator,
}

impl Adapter for Aws {
    type Ports = AwsStore;

    async fn start() -> Self {
        let emulator = Emulator::start(BEGIN).await;
        let store = Installation::create(&emulator).await.store(emulator.clock());
        Self { store, emulator }
    }

    fn ports(&self) -> &AwsStore {
        &self.store
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

suites!(crate::aws::Aws);
