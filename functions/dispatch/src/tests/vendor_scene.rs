//! People whose devices have vendors.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::encode;
use homing_domain::{
    BatchId, Channel, Delivery, DeliveryPolicy, Device, DeviceId, DeviceProfile, Millis, Platform, Preferences, Shard,
    Stage, Target, VendorToken,
};
use homing_ports::{Outgoing, QueueName, StageError};

use super::scene::{MESSAGE, NOW, USER, app, consume, device, shard, stage, world};
use super::world::World;

/// It has a live link.
pub(super) const HERE: DeviceId = device(1);
/// It has none.
pub(super) const AWAY: DeviceId = device(6);
pub(super) const FALLBACK_AFTER: Millis = 10_000;
pub(super) const ONLINE_FIRST: DeliveryPolicy = DeliveryPolicy::OnlineFirst { fallback_after: FALLBACK_AFTER };
pub(super) const FALLBACK: DeliveryPolicy = DeliveryPolicy::Fallback { fallback_after: FALLBACK_AFTER };

/// Both devices have an address at Apple's.
pub(super) fn vendors(policy: DeliveryPolicy) -> Arc<World> {
    let world = world(3_600);
    world.with(|state| {
        state.channels = vec![Channel::Apns, Channel::Fcm];
        state.batch_max = 100;
        // Timers go off while gateways live.
        state.leases.iter_mut().for_each(|lease| lease.expires_at = lease.expires_at.plus(FALLBACK_AFTER));
        state.messages.get_mut(&MESSAGE).unwrap().options.delivery = policy;
        for id in [HERE, AWAY] {
            state.mailboxes.get_mut(&id).unwrap().has_vendor = true;
            state.devices.insert(id, row(id, "apns"));
        }
    });
    world
}

fn row(id: DeviceId, channel: &str) -> Device {
    Device {
        id,
        app: app(),
        profile: DeviceProfile {
            platform: Platform::Ios,
            brand: None,
            model: None,
            os_version: None,
            app_version: None,
            locale: None,
            timezone: None,
            notifications_enabled: true,
        },
        vendor: Some(VendorToken { channel: channel.into(), token: format!("token of {id}"), since: NOW }),
        user: None,
        user_since: None,
        preferences: Preferences::default(),
        tags: Vec::new(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: NOW,
        updated_at: NOW,
        seen_at: NOW,
        revision: 1,
        lanes: Vec::new(),
    }
}

pub(super) fn move_to(world: &World, id: DeviceId, channel: &str) {
    world.with(|state| state.devices.insert(id, row(id, channel)));
}

/// A page of these, addressed to the user of both.
pub(super) fn page(devices: &[DeviceId]) -> Shard {
    Shard { targets: devices.iter().map(|id| Target::plain(*id, Some(USER))).collect(), ..shard() }
}

/// Dispatches the page and answers what it left for later.
pub(super) fn dispatch(world: &Arc<World>, devices: &[DeviceId]) -> Vec<(QueueName, Outgoing)> {
    consume(&stage(world), &encode(&page(devices))).unwrap();
    follow_ups(world)
}

/// What went back to dispatch and to the vendors' queues.
pub(super) fn follow_ups(world: &World) -> Vec<(QueueName, Outgoing)> {
    let queues = QueueName::ALL.into_iter().filter(|queue| *queue == QueueName::Dispatch || queue.is_of_vendor());
    queues.flat_map(|queue| world.take_sent(queue).into_iter().map(move |item| (queue, item))).collect()
}

/// Does the work of one item.
pub(super) fn work(world: &Arc<World>, queue: QueueName, body: &Bytes) -> Result<(), StageError> {
    let stage = stage(world);
    if queue == QueueName::Dispatch {
        return consume(&stage, body);
    }
    stage.consume_channel(body).now_or_never().expect("a stage waits for its ports only")
}

/// Works off what is to be done at once, and answers what is not: jobs of vendors' queues, if the items are dispatch's.
pub(super) fn work_all(world: &Arc<World>, items: &[(QueueName, Outgoing)]) -> Vec<(QueueName, Outgoing)> {
    for (queue, item) in items {
        work(world, *queue, &item.body).unwrap();
    }
    follow_ups(world)
}

/// Whatever was left for later, each at its time, until nothing is left. What fails is repeated after a second, and the
/// ledger is kept meanwhile.
pub(super) fn play(world: &Arc<World>, items: Vec<(QueueName, Outgoing)>) {
    let mut waiting: Vec<(Millis, QueueName, Bytes)> = Vec::new();
    let now = || world.with(|state| state.now.0);
    waiting.extend(items.into_iter().map(|(queue, item)| (now() + item.delay, queue, item.body)));
    for _ in 0..50 {
        keep_ledger(world);
        let Some(next) = (0..waiting.len()).min_by_key(|at| waiting[*at].0) else { return };
        let (due, queue, body) = waiting.remove(next);
        world.with(|state| state.now.0 = state.now.0.max(due));
        if work(world, queue, &body).is_err() {
            waiting.push((now() + 1_000, queue, body));
        }
        let sent = follow_ups(world);
        waiting.extend(sent.into_iter().map(|(queue, item)| (now() + item.delay, queue, item.body)));
    }
    panic!("it goes round in circles");
}

/// What the stage of receipts does.
pub(super) fn keep_ledger(world: &World) {
    world.with(|state| {
        for receipt in state.told.iter().flat_map(|batch| &batch.receipts) {
            let key = (receipt.message, receipt.device);
            let row = state.deliveries.entry(key).or_insert_with(|| Delivery::new(key.0, key.1, receipt.channel));
            row.record(receipt, BatchId::from_bytes([1; 16]));
        }
    });
}

/// How it stands with the message, by device.
pub(super) fn stages(world: &World) -> BTreeMap<DeviceId, (Channel, Stage)> {
    keep_ledger(world);
    world.with(|state| {
        let rows = state.deliveries.iter().filter(|((message, _), _)| *message == MESSAGE);
        rows.map(|((_, device), row)| (*device, (row.channel, row.stage))).collect()
    })
}

/// Whom vendors were asked for, in order.
pub(super) fn asked(world: &World) -> Vec<DeviceId> {
    world.with(|state| state.asked.iter().map(|(_, push)| push.to[0].device).collect())
}
