//! Claims of deliveries: one at a time asks a device's vendor.

use futures_util::future::join_all;
use homing_domain::limits::VENDOR_CLAIM_KEPT_FOR;
use homing_domain::{Channel, Claimed, Delivery, Ended, Event, Fact, Reason, Receipt, Stage, UnixMillis};
use homing_ports::Ledger;

use crate::adapter::{Adapter, Ports};
use crate::values::{batch_id, delivered, device_id, fact, message_id, receipt};

/// Nobody set out before whose claim is still there.
const FIRST: Claimed = Claimed::Granted { asked_before: false };
/// Somebody did, and was not heard of again.
const AGAIN: Claimed = Claimed::Granted { asked_before: true };

async fn claim(ports: &impl Ports, message: u32, now: UnixMillis) -> Claimed {
    ports.claim_delivery(message_id(message), device_id(1), Channel::Fcm, now).await.unwrap()
}

async fn row(ports: &impl Ports, message: u32) -> Option<Delivery> {
    ports.delivery(message_id(message), device_id(1)).await.unwrap()
}

pub(crate) async fn a_claim_is_the_models<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut model = Delivery::new(message_id(1), device_id(1), Channel::Fcm);
    let kept = VENDOR_CLAIM_KEPT_FOR;
    let mut answers = Vec::new();
    // At the beginning and the end of time too, and by clocks that are apart.
    for now in [0, 5, kept - 1, kept, kept + 1, 1, 0, 5, 2 * kept, 9 * kept, 10 * kept - 1, 10 * kept, u64::MAX] {
        let answer = claim(ports, 1, UnixMillis(now)).await;
        assert_eq!(answer, model.claim(UnixMillis(now)), "at {now}");
        assert_eq!(row(ports, 1).await.as_ref(), Some(&model));
        answers.push(answer);
    }
    assert!([FIRST, AGAIN, Claimed::Taken].iter().all(|answer| answers.contains(answer)));
    // Of another message, and of another device.
    assert_eq!(claim(ports, 2, UnixMillis(5)).await, FIRST);
    let other = ports.claim_delivery(message_id(2), device_id(2), Channel::Apns, UnixMillis(5)).await.unwrap();
    assert_eq!(other, FIRST);
    let channel = ports.delivery(message_id(2), device_id(2)).await.unwrap().unwrap().channel;
    assert_eq!(channel, Channel::Apns, "a row that is not there yet is made, of that channel");
}

pub(crate) async fn a_row_that_is_there_keeps_what_it_has<A: Adapter>(world: &A) {
    let ports = world.ports();
    let shown = ports
        .record(batch_id(1), vec![fact(1, 1, Fact::Displayed)], homing_domain::Snapshots::default())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(claim(ports, 1, UnixMillis(70_000)).await, FIRST);
    let claimed = Delivery { claimed_at: Some(UnixMillis(70_000)), ..shown };
    assert_eq!(row(ports, 1).await.as_ref(), Some(&claimed));
    let opened = ports
        .record(batch_id(2), vec![fact(1, 1, Fact::Opened)], homing_domain::Snapshots::default())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(opened, Delivery { opened: opened.opened, ..claimed }, "and what comes after it keeps the claim");
    assert!(opened.opened.is_some());
    world.settle().await;
    assert_eq!(ports.deliveries(message_id(1), None, 9).await.unwrap(), [opened]);
}

pub(crate) async fn what_has_ended_is_not_claimed<A: Adapter>(world: &A) {
    let ports = world.ports();
    let now = UnixMillis(70_000);
    let ends = [
        delivered(1, 1),
        receipt(2, 1, Event::Ended(Ended::undelivered(Reason::Closed, None))),
        Receipt { channel: Channel::Fcm, ..receipt(3, 1, Event::Ended(Ended::handed_off(now))) },
    ];
    for (message, end) in (1..).zip(ends) {
        let ended = ports.record(batch_id(1), vec![end], homing_domain::Snapshots::default()).await.unwrap().remove(0);
        assert_eq!(claim(ports, message, now).await, Claimed::Ended);
        assert_eq!(row(ports, message).await, Some(ended), "and is left alone");
    }
    // The way of a vendor: claimed, taken by it, counted as its.
    assert_eq!(claim(ports, 4, now).await, FIRST);
    let taken = Receipt { channel: Channel::Fcm, ..receipt(4, 1, Event::Ended(Ended::handed_off(now))) };
    let mut model = row(ports, 4).await.unwrap();
    model.record(&taken, batch_id(2));
    assert_eq!(
        ports.record(batch_id(2), vec![taken.clone()], homing_domain::Snapshots::default()).await.unwrap(),
        [model.clone()]
    );
    assert_eq!((model.stage, model.channel, model.sent_at), (Stage::HandedOff, Channel::Fcm, Some(now)));
    assert_eq!(claim(ports, 4, now.plus(2 * VENDOR_CLAIM_KEPT_FOR)).await, Claimed::Ended);
    assert_eq!(
        ports.record(batch_id(3), vec![taken], homing_domain::Snapshots::default()).await.unwrap(),
        [model],
        "a repeat changes nothing"
    );
    let withdrawn = receipt(5, 1, Event::Ended(Ended::undelivered(Reason::TakenByVendor, None)));
    let pending =
        ports.record(batch_id(1), vec![withdrawn], homing_domain::Snapshots::default()).await.unwrap().remove(0);
    assert_eq!(pending.stage, Stage::Pending, "that a mailbox gave it to the vendor is no end");
    assert_eq!(claim(ports, 5, now).await, FIRST);
}

pub(crate) async fn a_released_claim_is_free<A: Adapter>(world: &A) {
    let ports = world.ports();
    let now = UnixMillis(70_000);
    let release = async |message| ports.release_claim(message_id(message), device_id(1)).await.unwrap();
    release(1).await;
    assert_eq!(row(ports, 1).await, None, "nothing is made by it");
    for _ in 0..2 {
        assert_eq!(claim(ports, 1, now).await, FIRST);
        assert_eq!(claim(ports, 1, now).await, Claimed::Taken);
        for _ in 0..2 {
            release(1).await;
            assert_eq!(row(ports, 1).await.unwrap().claimed_at, None, "and so does a repeat");
        }
    }
    assert_eq!(claim(ports, 1, now).await, FIRST);
    let ended =
        ports.record(batch_id(1), vec![delivered(1, 1)], homing_domain::Snapshots::default()).await.unwrap().remove(0);
    release(1).await;
    assert_eq!(row(ports, 1).await, Some(Delivery { claimed_at: None, ..ended }), "what has ended stays ended");
    assert_eq!(claim(ports, 1, now).await, Claimed::Ended);
}

pub(crate) async fn of_many_at_once_one_is_granted<A: Adapter>(world: &A) {
    let ports = world.ports();
    let kept = VENDOR_CLAIM_KEPT_FOR;
    // A row that is new, one that is claimed anew after a claim that lapsed, one that was released.
    for now in [kept, 2 * kept, 3 * kept].map(UnixMillis) {
        let claims = join_all((0..16).map(|_| claim(ports, 1, now))).await;
        let expected = if now.0 == 2 * kept { AGAIN } else { FIRST };
        let granted = claims.iter().filter(|claimed| **claimed == expected).count();
        let taken = claims.iter().filter(|claimed| **claimed == Claimed::Taken).count();
        assert_eq!((granted, taken), (1, 15));
        if now.0 == 2 * kept {
            ports.release_claim(message_id(1), device_id(1)).await.unwrap();
        }
    }
}
