//! Who has which address at a vendor.

use futures_util::future::join_all;
use homing_domain::{Channel, DeviceId};
use homing_ports::VendorTokens;

use crate::adapter::{Adapter, Ports};
use crate::values::{app_id, device_id};

const CHANNEL: Channel = Channel::Fcm;

async fn owner(ports: &impl Ports, token: &str) -> Option<DeviceId> {
    ports.token_owner(&app_id("shop"), CHANNEL, token).await.unwrap()
}

async fn claim(ports: &impl Ports, token: &str, device: u32) -> Option<DeviceId> {
    ports.claim_token(&app_id("shop"), CHANNEL, token, device_id(device)).await.unwrap()
}

async fn release(ports: &impl Ports, token: &str, device: u32) {
    ports.release_token(&app_id("shop"), CHANNEL, token, device_id(device)).await.unwrap();
}

pub(crate) async fn the_last_who_reported_it_has_it<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(owner(ports, "t").await, None);
    assert_eq!(claim(ports, "t", 1).await, None);
    assert_eq!(claim(ports, "t", 1).await, None, "its own");
    assert_eq!(claim(ports, "t", 2).await, Some(device_id(1)));
    assert_eq!(owner(ports, "t").await, Some(device_id(2)));
    assert_eq!(claim(ports, "t", 1).await, Some(device_id(2)), "and back");
    assert_eq!(owner(ports, "t").await, Some(device_id(1)));
}

pub(crate) async fn a_claim_that_is_repeated_is_answered_the_same<A: Adapter>(world: &A) {
    let ports = world.ports();
    claim(ports, "t", 1).await;
    // Whoever died before it took the token from the first does so when it comes again.
    for _ in 0..3 {
        assert_eq!(claim(ports, "t", 2).await, Some(device_id(1)));
    }
    release(ports, "t", 2).await;
    assert_eq!(claim(ports, "t", 2).await, None, "what was released is forgotten");
}

pub(crate) async fn only_the_owner_releases<A: Adapter>(world: &A) {
    let ports = world.ports();
    release(ports, "t", 1).await;
    claim(ports, "t", 1).await;
    claim(ports, "t", 2).await;
    release(ports, "t", 1).await;
    assert_eq!(owner(ports, "t").await, Some(device_id(2)));
    for _ in 0..2 {
        release(ports, "t", 2).await;
        assert_eq!(owner(ports, "t").await, None);
    }
}

pub(crate) async fn tokens_do_not_mix<A: Adapter>(world: &A) {
    let ports = world.ports();
    let long = "长".repeat(340);
    let longer = format!("{long}x");
    let places = [
        ("shop", Channel::Fcm, "t"),
        ("shop", Channel::Fcm, "tt"),
        ("shop", Channel::Fcm, "T"),
        ("shop", Channel::Fcm, ""),
        ("shop", Channel::Apns, "t"),
        ("shop-2", Channel::Fcm, "t"),
        ("shop", Channel::WebPush, &long),
        ("shop", Channel::WebPush, &longer),
    ];
    for (n, (app, channel, token)) in (1..).zip(places) {
        assert_eq!(ports.claim_token(&app_id(app), channel, token, device_id(n)).await.unwrap(), None, "{n}");
    }
    for (n, (app, channel, token)) in (1..).zip(places) {
        assert_eq!(ports.token_owner(&app_id(app), channel, token).await.unwrap(), Some(device_id(n)));
    }
}

pub(crate) async fn of_many_at_once_each_is_told_of_another<A: Adapter>(world: &A) {
    let ports = world.ports();
    let told = join_all((1..=8).map(|device| claim(ports, "t", device))).await;
    let last = owner(ports, "t").await;
    // Each but the last is somebody's forerunner, so that somebody takes the token from it.
    for device in (1..=8).map(device_id) {
        let forerunner_of = told.iter().filter(|before| **before == Some(device)).count();
        assert_eq!(forerunner_of, usize::from(last != Some(device)), "{device}");
    }
    assert_eq!(told.iter().filter(|before| before.is_none()).count(), 1, "the first met nobody");
}
