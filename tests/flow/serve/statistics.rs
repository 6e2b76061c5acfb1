//! What became of deliveries, as figures of a message and of its app.

use homing_contract::http::v1::{
    AudienceRequest, FunnelView, MessageStatistics, PlatformName, RegisterDevice, StatisticsView,
};
use homing_device_sdk::{MemoryState, Transport};

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn figures_tell_who_opened_it_on_what() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let phone = RegisterDevice { app_version: Some("2.1.0".to_owned()), ..RegisterDevice::new(PlatformName::Android) };
    let phone = world.register_as(phone, None).await;
    let mut phone = world.link(&phone, Transport::Quic, MemoryState::new()).await;
    let away = world.register(None).await;
    let sent = world.push(AudienceRequest::devices([phone.id.clone(), away.device_id]), "你好", None).await;
    assert_eq!(phone.next_text().await.0, sent);
    phone.handle.displayed(sent.parse().unwrap()).await.unwrap();
    phone.handle.opened(sent.parse().unwrap()).await.unwrap();
    world.seen(&sent, |view| view.balance.opened == 1 && view.balance.displayed == 1).await;
    drop(phone);
    // What is counted is finished before a stop ends, and is there after it.
    let keys = world.keys();
    assert!(world.stop().await);
    let world = World::start_again(directory.path(), keys).await;

    let message: MessageStatistics = world.get(&format!("/v1/stats/messages/{sent}")).await;
    assert_eq!((message.targeted, message.reach_rate), (2, Some(0.5)));
    let one = FunnelView { sent: 1, delivered: 1, displayed: 1, opened: 1, open_rate: Some(1.0) };
    assert_eq!(message.figures.funnel, one);
    assert_eq!(message.figures.channels["own"], one);
    assert_eq!(message.figures.platforms.into_iter().collect::<Vec<_>>(), [("android".to_owned(), one)]);
    assert_eq!(message.figures.versions.into_iter().collect::<Vec<_>>(), [("2.1.0".to_owned(), one)]);
    for granularity in ["minute", "hour", "day"] {
        let series: StatisticsView = world.get(&format!("/v1/stats/messages?granularity={granularity}")).await;
        assert_eq!(series.total.funnel, one, "{granularity}");
        assert_eq!(series.total.ended.get("delivered"), Some(&1));
        assert_eq!(series.total.versions["2.1.0"], one);
        assert!((1..=2).contains(&series.periods.len()), "an hour may end in the middle of it");
    }
    assert!(world.stop().await);
}
