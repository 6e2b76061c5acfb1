//! Progress as numbers, and rates as they are sent.

use bytes::Bytes;
use homing_domain::{Audience, Control, Exclusion, Options, Schedule};

use super::*;

const BEGAN: UnixMillis = UnixMillis(100_000);

/// A message that is being released.
pub(in crate::http::v1) fn running(rate_per_second: Option<u32>) -> Message {
    Message {
        id: MessageId::from_bytes([1; 16]),
        app: "demo".parse().unwrap(),
        audience: Audience::All,
        exclude: Exclusion::default(),
        payload: Bytes::new(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        options: Options { rate_per_second, ..Options::default() },
        body_sha256: [0; 32],
        accepted_at: UnixMillis(0),
        schedule: Schedule::Now,
        release_at: None,
        series: None,
        expires_at: UnixMillis(60_000_000),
        stage: Stage::Releasing,
        releasing_at: Some(BEGAN),
        released_at: None,
        segments_done: 0,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
    }
}

/// After 10 seconds.
fn progress(message: &Message, devices: usize, part: f64) -> (f64, Option<u64>) {
    let covers = (f64::from(ENUMERATION_WHOLE) * part) as u32;
    let view = ProgressView::new(message, &Tally::of_page(devices, covers), BEGAN.plus(10_000));
    (view.enumerated, view.eta_seconds)
}

#[test]
fn the_rest_takes_as_long_as_its_part() {
    assert_eq!(progress(&running(None), 1_000, 0.25), (0.25, Some(30)));
    let mut resumed = running(None);
    resumed.control.paused_for = 8_000;
    assert_eq!(progress(&resumed, 1_000, 0.25), (0.25, Some(6)), "a pause is no pace");
    assert_eq!(progress(&running(Some(100)), 1_000, 0.25), (0.25, Some(30)));
    assert_eq!(progress(&running(Some(10)), 1_000, 0.5), (0.5, Some(100)), "a rate that was changed on the way");
    let mut in_feed = running(Some(10));
    in_feed.feed_after = Some(0);
    assert_eq!(progress(&in_feed, 1_000, 0.5), (0.5, Some(10)), "most of them were slowed by nothing");
}

#[test]
fn nothing_is_foretold_that_cannot_be_known() {
    assert_eq!(progress(&running(None), 0, 0.0), (0.0, None));
    assert_eq!(progress(&running(None), 9, 1.5), (1.0, None));
    for flow in [Flow::Paused, Flow::Aborted, Flow::Recalled] {
        let mut message = running(None);
        message.control.flow = flow;
        assert_eq!(progress(&message, 1_000, 0.25), (0.25, None));
    }
    let mut message = running(None);
    (message.stage, message.released_at) = (Stage::Released, Some(UnixMillis(9)));
    message.holds = vec![UnixMillis(5_000), UnixMillis(6_000)];
    assert_eq!(progress(&message, 1_000, 0.99), (1.0, None), "an audience may have shrunk meanwhile");
    let held = ProgressView::new(&message, &Tally::default(), BEGAN).held_until;
    assert_eq!(held, Some(to_timestamp(UnixMillis(5_000))));
}

#[test]
fn a_rate_is_said_even_when_there_is_to_be_none() {
    let check = |text: &str| serde_json::from_str::<RateRequest>(text).map(RateRequest::check);
    assert_eq!(check(r#"{"rate_per_second": 500}"#).unwrap(), Ok(Some(500)));
    assert_eq!(check(r#"{"rate_per_second": null}"#).unwrap(), Ok(None));
    assert!(check("{}").is_err(), "a typo must not take the limit away");
    assert!(check(r#"{"rate": 5}"#).is_err());
    for rate in [0, -1, 1_000_001, i64::MAX] {
        let wrong = check(&format!(r#"{{"rate_per_second": {rate}}}"#)).unwrap().unwrap_err().into_vec();
        assert_eq!((&*wrong[0].code, &*wrong[0].pointer), ("out_of_range", "/rate_per_second"));
    }
}

#[test]
fn flows_have_the_names_of_the_domain() {
    for flow in [Flow::Running, Flow::Paused, Flow::Aborted, Flow::Recalled] {
        assert_eq!(serde_json::to_value(FlowName::from(flow)).unwrap(), flow.name());
    }
}
