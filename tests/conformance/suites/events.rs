//! The event bus takes what it is told. What becomes of it is the bus's own affair.

use homing_domain::{BusEvent, Counter, Presence, Stage, Tally, UnixMillis};
use homing_ports::Events;

use crate::adapter::Adapter;
use crate::values::{app_id, device_id, gateway, message_id};

fn every_kind(n: u32) -> [BusEvent; 4] {
    let mut tally = Tally::targeted(2);
    tally.add(Counter::Ended(homing_domain::Channel::Own, Stage::Delivered), 2);
    let presence = Presence {
        app: app_id("shop"),
        device: device_id(n),
        conn_seq: 3,
        gateway: gateway(1),
        at: UnixMillis(1_700_000_000_000),
    };
    [
        BusEvent::MessageCompleted {
            app: app_id("shop"),
            message: message_id(n),
            balance: tally.balance(None),
            at: presence.at,
        },
        BusEvent::DeviceOnline(presence.clone()),
        BusEvent::DeviceOffline(presence.clone()),
        BusEvent::Alert {
            app: None,
            name: "dead_letter",
            detail: "第3次 \u{0} \"failed\"".to_owned(),
            at: presence.at,
        },
    ]
}

pub(crate) async fn every_kind_is_taken<A: Adapter>(world: &A) {
    world.ports().publish(every_kind(1).into()).await.unwrap();
    world.ports().publish(every_kind(1).into()).await.unwrap();
}

pub(crate) async fn any_number_is_taken<A: Adapter>(world: &A) {
    world.ports().publish(Vec::new()).await.unwrap();
    world.ports().publish((0..25).flat_map(every_kind).collect()).await.unwrap();
}
