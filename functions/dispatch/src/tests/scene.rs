//! The people of the tests: gateways, devices in every state, and the message that all of them are to get.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::{decode_dispatch_input, encode};
use homing_domain::limits::MAILBOX_MAX_ENTRIES;
use homing_domain::mailbox::{Body, Enqueue, Enqueued, Mailbox, Takeover};
use homing_domain::{
    AppId, Audience, ConnSeq, Control, DeviceId, Event, Exclusion, GatewayRef, HandOffTarget, Lease, Load, Message,
    MessageId, Notice, Options, Priority, Reason, Schedule, ServerId, Shard, ShardId, Stage, Target, UnixMillis,
    UserHash,
};
use homing_ports::{QueueName, StageError};

use super::world::World;
use crate::Dispatch;

pub(super) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
pub(super) const MESSAGE: MessageId = MessageId::from_bytes([0xAA; 16]);
pub(super) const ALIVE: GatewayRef = GatewayRef { server_id: ServerId([1; 8]), incarnation: 5 };
pub(super) const ALSO_ALIVE: GatewayRef = GatewayRef { server_id: ServerId([2; 8]), incarnation: 1 };
/// An earlier life of `ALIVE`.
pub(super) const RESTARTED: GatewayRef = GatewayRef { server_id: ServerId([1; 8]), incarnation: 4 };
/// Its lease ran out.
pub(super) const SILENT: GatewayRef = GatewayRef { server_id: ServerId([3; 8]), incarnation: 1 };
pub(super) const USER: UserHash = UserHash(77);

pub(super) fn app() -> AppId {
    "demo".parse().unwrap()
}

pub(super) const fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

pub(super) fn message(ttl_seconds: u32) -> Message {
    Message {
        id: MESSAGE,
        app: app(),
        audience: Audience::All,
        payload: Bytes::from_static(b"{}"),
        options: Options {
            ttl_seconds,
            priority: Priority::High,
            collapse_key: Some("score".into()),
            ..Options::default()
        },
        body_sha256: [0; 32],
        accepted_at: NOW.minus(50),
        release_at: None,
        expires_at: NOW.minus(50).plus(u64::from(ttl_seconds) * 1_000),
        stage: Stage::Releasing,
        releasing_at: Some(NOW),
        released_at: None,
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    }
}

pub(super) fn lease(gateway: GatewayRef, expires_at: UnixMillis) -> Lease {
    Lease {
        gateway,
        host: "localhost".into(),
        port: 1,
        region: String::new(),
        load: Load::default(),
        draining: false,
        expires_at,
    }
}

/// An older entry of another message.
pub(super) fn older(n: u8, collapse_key: Option<&str>) -> Enqueue {
    Enqueue {
        app: app(),
        message: MessageId::from_bytes([n; 16]),
        user: None,
        now: NOW.minus(100),
        accepted_at: NOW.minus(100),
        expires_at: UnixMillis::NEVER,
        priority: Priority::Normal,
        collapse_key: collapse_key.map(Into::into),
        body: Body::Inline(Bytes::from_static(b"{}")),
        variant: 0,
    }
}

pub(super) fn mailbox(fill: usize, on: Option<(GatewayRef, ConnSeq)>) -> Mailbox {
    let mut mailbox = Mailbox::new(app(), 1, 1, Some(USER));
    for n in 1..=fill {
        let enqueued = mailbox.enqueue(older(u8::try_from(n).unwrap(), None));
        assert!(matches!(enqueued, Enqueued::Stored { .. }));
    }
    if let Some((gateway, conn_seq)) = on {
        mailbox.take_over(Takeover { gateway, conn_seq, credential_generation: 1, now: UnixMillis(0) }).unwrap();
    }
    mailbox
}

/// One device in every state that dispatch tells apart.
pub(super) fn world(ttl_seconds: u32) -> Arc<World> {
    let world = World::default();
    let full = MAILBOX_MAX_ENTRIES;
    world.with(|state| {
        state.now = NOW;
        state.messages.insert(MESSAGE, message(ttl_seconds));
        state.leases = vec![lease(ALIVE, NOW.plus(9_000)), lease(ALSO_ALIVE, NOW.plus(9_000)), lease(SILENT, NOW)];
        let mut put = |n: u8, mailbox: Mailbox| state.mailboxes.insert(device(n), mailbox);
        put(1, mailbox(0, Some((ALIVE, 11))));
        put(2, mailbox(3, Some((ALIVE, 12))));
        put(3, mailbox(0, Some((ALSO_ALIVE, 13))));
        put(4, mailbox(0, Some((SILENT, 14))));
        put(5, mailbox(0, Some((RESTARTED, 15))));
        put(6, mailbox(0, None));
        // 7 is unknown.
        let mut revoked = mailbox(0, None);
        revoked.revoke();
        put(8, revoked);
        let mut rebound = mailbox(0, None);
        rebound.bind(Some(UserHash(78)));
        put(9, rebound);
        put(10, Mailbox::new("other".parse().unwrap(), 1, 1, None));
        put(11, mailbox(full, None));
        put(12, mailbox(full, Some((ALIVE, 22))));
        put(13, mailbox(full, Some((SILENT, 23))));
        let mut collapsing = mailbox(0, None);
        collapsing.enqueue(older(99, Some("score")));
        put(14, collapsing);
    });
    Arc::new(world)
}

pub(super) fn shard() -> Shard {
    let target = |n| Target::plain(device(n), (n == 9 || n == 1).then_some(USER));
    Shard { id: ShardId::from_bytes([5; 16]), message: MESSAGE, targets: (1..=14).map(target).collect(), next: None }
}

/// The stage over the world, which is its vendors as well.
pub(super) fn stage(world: &Arc<World>) -> Dispatch<World, World> {
    Dispatch::new(Arc::clone(world), Arc::clone(world))
}

/// The fakes never wait, so a stage that needs no runtime and no timer is done at the first poll.
pub(super) fn consume(dispatch: &Dispatch<World, World>, body: &Bytes) -> Result<(), StageError> {
    dispatch.consume(body).now_or_never().expect("a stage waits for its ports only")
}

/// Dispatches a shard with all that follows from it: failed tries again, everything twice, and gateways that trim when
/// they are asked to.
pub(super) fn run(world: &Arc<World>, shard: &Shard) {
    let dispatch = stage(world);
    let mut bodies = vec![encode(shard)];
    for _ in 0..20 {
        let Some(body) = bodies.pop() else { return };
        for _ in 0..2 {
            let mut tries = 0;
            while consume(&dispatch, &body).is_err() {
                tries += 1;
                assert!(tries < 5, "it fails for ever");
            }
            trim(world);
        }
        let again = world.take_sent(QueueName::Dispatch);
        for item in again {
            assert!(item.delay > 0);
            assert!(decode_dispatch_input(&item.body).is_ok());
            if !bodies.contains(&item.body) {
                bodies.push(item.body);
            }
        }
        world.with(|state| state.now = state.now.plus(1_000));
    }
    panic!("dispatch goes round in circles");
}

/// What a gateway does when it is asked to trim: the device had acknowledged the first half.
fn trim(world: &World) {
    world.with(|state| {
        for (_, notice) in &state.notices {
            if let Notice::Trim { device, conn_seq } = notice
                && let Some(mailbox) = state.mailboxes.get_mut(device)
                && mailbox.entries.len() == MAILBOX_MAX_ENTRIES
            {
                let half = mailbox.lo + 31;
                mailbox.trim(*conn_seq, mailbox.lo, half).unwrap();
            }
        }
    });
}

/// How each delivery ended, as the ledger was told. Equal batch ids must mean equal rows, else counting goes wrong.
pub(super) fn ends(world: &World) -> BTreeMap<(MessageId, DeviceId), BTreeSet<Reason>> {
    world.with(|state| {
        let mut ends = BTreeMap::<_, BTreeSet<Reason>>::new();
        let mut contents = BTreeMap::new();
        for batch in &state.told {
            let rows: Vec<_> = batch.receipts.iter().map(|one| (one.message, one.device, one.event)).collect();
            assert_eq!(contents.entry(batch.id).or_insert_with(|| rows.clone()), &rows);
            for (message, device, event) in rows {
                let Event::Ended(ended) = event else { panic!("dispatch knows no facts") };
                ends.entry((message, device)).or_default().insert(ended.reason.unwrap());
            }
        }
        ends
    })
}

/// Every hand-off: which gateway was told to bring it to which device.
pub(super) fn hand_offs(world: &World) -> Vec<(GatewayRef, HandOffTarget)> {
    world.with(|state| {
        let targets = state.notices.iter().filter_map(|(gateway, notice)| match notice {
            Notice::HandOff(hand_off) => {
                assert_eq!(hand_off.body.message, MESSAGE);
                assert!(hand_off.body.expires_at > state.now);
                Some(hand_off.targets.iter().map(|target| (*gateway, *target)))
            }
            _ => None,
        });
        targets.flatten().collect()
    })
}
