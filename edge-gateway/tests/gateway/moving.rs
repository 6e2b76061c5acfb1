//! All links of one gateway go to another: asked to, and cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use homing_domain::{DeviceId, Event, ServerId, Stage, UnixMillis};
use homing_edge_gateway::GatewayConfig;
use homing_link::Transport;
use homing_ports::Clock as _;
use tokio::task::JoinSet;

use crate::mobile::{Log, Mobile};
use crate::raw::Raw;
use crate::world::{PATIENCE, World};

const DEVICES: u32 = 300;
/// To each device: before, while and after it moves.
const MESSAGES: usize = 6;
const SPREAD_MS: u64 = 6_000;

/// All devices have one address here.
fn welcome_all(config: &mut GatewayConfig) {
    config.admission.handshakes_per_address_per_second = config.admission.handshakes_per_second;
    config.admission.max_unproven_per_address = config.admission.max_unproven;
}

async fn second_of(first: &World) -> Arc<World> {
    let second = World::on(Arc::clone(&first.ports), |config| {
        welcome_all(config);
        config.server_id = ServerId(*b"gateway2");
    });
    Arc::new(second.await)
}

struct Crowd {
    devices: Vec<DeviceId>,
    living: JoinSet<(Mobile, Raw)>,
    log: Arc<Log>,
}

impl Crowd {
    async fn at(first: &World, next: &Arc<World>, transports: &[Transport]) -> Self {
        let mut crowd = Self { devices: Vec::new(), living: JoinSet::new(), log: Arc::default() };
        for n in 0..DEVICES {
            let device = first.register(n);
            let transport = transports[n as usize % transports.len()];
            let mut mobile = Mobile::new(device, transport);
            let link = mobile.connect(first).await;
            crowd.devices.push(device);
            crowd.living.spawn(mobile.live(link, Arc::clone(next), Arc::clone(&crowd.log), MESSAGES));
        }
        crowd
    }

    fn push_to_all(&self, world: &World) {
        for device in &self.devices {
            world.push(*device, "on the way");
        }
    }

    async fn until_received(&self, count: usize) {
        self.until(|log| log.received.load(Ordering::Relaxed) >= count, "messages").await;
    }

    async fn until_moved(&self, count: usize) {
        self.until(|log| log.moved.lock().unwrap().len() >= count, "moves").await;
    }

    async fn until(&self, look: impl Fn(&Log) -> bool, what: &str) {
        let looking = async {
            loop {
                let changed = self.log.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                if look(&self.log) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE * 3, looking).await.unwrap_or_else(|_| panic!("never came: {what}"));
    }

    /// Waits until every device has everything, and counts moves per second since `start`. Returns the links too.
    async fn finish(mut self, start: UnixMillis) -> (BTreeMap<u64, usize>, Vec<Raw>) {
        let mut links = Vec::new();
        while let Some(ended) = tokio::time::timeout(PATIENCE * 3, self.living.join_next()).await.unwrap() {
            let (mobile, link) = ended.unwrap();
            assert_eq!(mobile.messages.len(), MESSAGES);
            links.push(link);
        }
        let mut per_second = BTreeMap::new();
        for at in self.log.moved.lock().unwrap().iter() {
            *per_second.entry(at.since(start) / 1_000).or_default() += 1;
        }
        (per_second, links)
    }
}

/// Each message of each device is told as delivered, and nothing else is.
async fn expect_all_told(world: &World) {
    let all = DEVICES as usize * MESSAGES;
    let distinct = |receipts: Vec<homing_domain::Receipt>| {
        let told = receipts.into_iter().map(|receipt| {
            assert!(matches!(receipt.event, Event::Ended(end) if end.stage == Stage::Delivered), "{receipt:?}");
            (receipt.device, receipt.message)
        });
        told.collect::<BTreeSet<_>>().len()
    };
    world.ports.until("every receipt", |ports| (distinct(ports.receipts()) == all).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_moves_every_link_without_a_storm_and_without_a_loss() {
    let first = World::with(welcome_all).await;
    let second = second_of(&first).await;
    let crowd = Crowd::at(&first, &second, &[Transport::Quic, Transport::Tcp]).await;
    crowd.push_to_all(&first);
    crowd.until_received(DEVICES as usize).await;
    let start = second.ports.now();
    first.gateway.drain(SPREAD_MS).await;
    for part in 1..=4 {
        crowd.until_moved(DEVICES as usize * part / 5).await;
        crowd.push_to_all(&first);
    }
    crowd.until_moved(DEVICES as usize).await;
    crowd.push_to_all(&first);
    let (per_second, _links) = crowd.finish(start).await;
    println!("{DEVICES} links moved over {SPREAD_MS} ms, per second: {per_second:?}");
    let peak = per_second.values().max().copied().unwrap_or_default();
    assert!(peak <= DEVICES as usize / 2, "a storm: {per_second:?}");
    assert_eq!(first.gateway.stats().asked_to_move, DEVICES, "each was asked once");
    expect_all_told(&second).await;
    for n in 0..DEVICES {
        let route = first.ports.mailbox_of(crate::world::device(n)).route.unwrap();
        assert_eq!(route.gateway, second.gateway.gateway());
    }
    first.stop().await;
}

/// The first gateway lives in a runtime of its own, whose end is as sudden as SIGKILL: no frame, no detach, no lease ended.
#[test]
fn a_killed_gateway_loses_nothing() {
    let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mine = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let first = doomed.block_on(World::with(welcome_all));
    mine.block_on(async {
        let second = second_of(&first).await;
        // QUIC notices by its heartbeats only, which is the link machine's own test.
        let crowd = Crowd::at(&first, &second, &[Transport::Tcp]).await;
        crowd.push_to_all(&first);
        crowd.until_received(DEVICES as usize).await;
        crowd.push_to_all(&first);
        let start = second.ports.now();
        doomed.shutdown_background();
        // Handed off to a gateway that is no more.
        crowd.push_to_all(&first);
        crowd.until_moved(DEVICES as usize / 2).await;
        crowd.push_to_all(&first);
        crowd.until_moved(DEVICES as usize).await;
        let back_after = second.ports.now().since(start);
        crowd.push_to_all(&first);
        crowd.push_to_all(&first);
        let (per_second, _links) = crowd.finish(start).await;
        println!("{DEVICES} links of a killed gateway are back after {back_after} ms, per second: {per_second:?}");
        assert!(back_after < 20_000, "{back_after} ms");
        expect_all_told(&second).await;
    });
}
