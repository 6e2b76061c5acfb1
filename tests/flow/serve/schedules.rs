//! Messages that wait for their time, over a real server's clock, timers and links.

use homing_contract::http::v1::{
    AudienceRequest, MessagePatch, MessageSummary, MessageView, Notification, ScheduleRequest, StageName,
};
use homing_device_sdk::{MemoryState, Transport};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::world::World;

fn cron(every: &str, count: i64) -> ScheduleRequest {
    ScheduleRequest { cron: Some(every.into()), count: Some(count), ..ScheduleRequest::default() }
}

fn in_an_hour() -> ScheduleRequest {
    ScheduleRequest::at(Timestamp::now() + SignedDuration::from_hours(1))
}

fn only_body(text: &str) -> Option<Notification> {
    Some(Notification { body: Some(text.into()), ..Notification::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_message_comes_three_times_and_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;
    let series = world.push_at(AudienceRequest::all(), "tick", cron("* * * * * *", 3)).await;
    let mut times = Vec::new();
    for _ in 0..3 {
        let (id, text) = device.next_text().await;
        assert_eq!(text, "tick");
        // A broadcast is open until it is closed.
        let occurrence = world.delivered(&id, 1).await;
        assert_eq!(occurrence.summary.series.as_deref(), Some(&*series));
        times.push(occurrence.summary.release_at.unwrap());
    }
    times.sort();
    times.dedup();
    assert_eq!(times.len(), 3, "each has a second of its own");
    assert!(times.iter().all(|time| time.subsec_nanosecond() == 0 && *time <= Timestamp::now()));
    let view = world.completed(&series).await;
    assert_eq!((view.balance.targeted, view.summary.schedule.and_then(|schedule| schedule.count)), (0, Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn local_time_comes_to_each_device_by_its_own_clock() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let (east, here) = (world.register_in("Pacific/Kiritimati").await, world.register_in("Etc/UTC").await);
    let mut east = world.link(&east, Transport::Quic, MemoryState::new()).await;
    let mut here = world.link(&here, Transport::Tcp, MemoryState::new()).await;
    let at = (Timestamp::now() + SignedDuration::from_secs(3)).round(jiff::Unit::Second).unwrap();
    let wall = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let schedule = ScheduleRequest { at_local: Some(wall), ..ScheduleRequest::default() };
    let id = world.push_at(AudienceRequest::all(), "local", schedule).await;
    // In the far east it was that time 14 hours ago.
    assert_eq!(east.next_text().await, (id.clone(), "local".to_owned()));
    assert_eq!(here.next_text().await, (id.clone(), "local".to_owned()));
    assert!(Timestamp::now() >= at, "not before its time");
    assert_eq!(world.completed(&id).await.balance.delivered, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_amended_or_cancelled_and_what_is_gone_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;
    let never = world.push_at(AudienceRequest::all(), "never", in_an_hour()).await;
    let cancelled: MessageSummary = world.post(&format!("/v1/messages/{never}/cancel"), &json!({})).await.unwrap();
    assert_eq!(cancelled.stage, StageName::Cancelled);
    let later = world.push_at(AudienceRequest::all(), "later", in_an_hour()).await;
    let path = format!("/v1/messages/{later}");
    let longer = MessagePatch { schedule: Some(Some(cron("0 0 1 1 *", 1))), ..MessagePatch::default() };
    let summary: MessageSummary = world.patch(&path, &longer).await.unwrap();
    assert_eq!((summary.stage, summary.schedule.unwrap().count), (StageName::Scheduled, Some(1)));
    let now = MessagePatch { notification: only_body("now"), schedule: Some(None), ..MessagePatch::default() };
    let summary: MessageSummary = world.patch(&path, &now).await.unwrap();
    assert_eq!((summary.schedule, summary.release_at), (None, None));
    assert_eq!(device.next_text().await, (later.clone(), "now".to_owned()));
    world.delivered(&later, 1).await;
    let refused = world.patch::<MessageSummary>(&path, &now).await.unwrap_err().to_string();
    assert!(refused.contains("too_late"), "{refused}");
    let refused = world.post::<MessageSummary>(&format!("{path}/cancel"), &json!({})).await.unwrap_err().to_string();
    assert!(refused.contains("recall"), "{refused}");
    let view: MessageView = world.get(&format!("/v1/messages/{never}")).await;
    assert_eq!((view.summary.stage, view.balance.targeted), (StageName::Cancelled, 0));
}
