//! Real contracts of vendors over an app's settings, a token bucket and a network that are made up.

mod world;

use homing_domain::{BusEvent, Channel, ChannelPolicy, VendorAnswer};
use homing_ports::Vendors as _;

use super::admission::ADMITTED_MAX;
use super::answer::{QUOTA_WAIT, REFUSED_CREDENTIAL_WAIT};
use super::circuit::{FAILURES_MAX, PAUSE_FIRST, PAUSE_MAX, PROBE_WAIT};
use super::config::CONFIG_KEPT_FOR;
use super::requests::request_id;
use world::{Answer, NOW, World, app, now_or_panic, push};

const APNS: Channel = Channel::Apns;
const XIAOMI: Channel = Channel::Xiaomi;
const HUAWEI: Channel = Channel::Huawei;
const MEIZU: Channel = Channel::Meizu;
const VIVO: Channel = Channel::Vivo;

const ACCEPTED: VendorAnswer = VendorAnswer::Accepted;

fn accepts(channel: Channel) -> Answer {
    match channel {
        Channel::Xiaomi => Answer::json(200, r#"{"code":0,"data":{"id":"x1"}}"#),
        Channel::Huawei => Answer::json(200, r#"{"code":"80000000","msg":"Success","requestId":"1"}"#),
        _ => Answer::json(200, ""),
    }
}

#[test]
fn nothing_goes_by_a_channel_without_a_credential_and_changes_are_seen_in_time() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    let vendors = world.vendors();
    let serves = || now_or_panic(vendors.serves(&app(), XIAOMI)).unwrap();
    assert!(serves());
    assert!(!now_or_panic(vendors.serves(&app(), Channel::Own)).unwrap());
    assert!(!now_or_panic(vendors.serves(&app(), Channel::Fcm)).unwrap());
    world.with(|state| state.config.as_mut().unwrap().credential = None);
    world.pass(CONFIG_KEPT_FOR - 1);
    assert!(serves());
    world.pass(1);
    assert!(!serves());
    let answers = world.vendors_ask(&vendors, push(XIAOMI, 2));
    assert_eq!(answers, [VendorAnswer::Busy(CONFIG_KEPT_FOR); 2], "the next look ends it");
}

/// The one knows the secrets, the other only whether there are any.
#[test]
fn who_leaves_devices_to_vendors_and_who_asks_agree_on_what_is_served() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    let (vendors, elsewhere) = (world.vendors(), world.elsewhere());
    for has_credential in [true, false] {
        for channel in Channel::ALL {
            let both = [
                now_or_panic(vendors.serves(&app(), channel)).unwrap(),
                now_or_panic(elsewhere.serves(&app(), channel)).unwrap(),
            ];
            assert_eq!(both, [has_credential && channel == XIAOMI; 2], "{channel}");
            assert_eq!(vendors.batch_max(channel), elsewhere.batch_max(channel));
        }
        world.with(|state| state.config.as_mut().unwrap().credential = None);
        world.pass(CONFIG_KEPT_FOR);
    }
    assert!(now_or_panic(elsewhere.admit(&app(), XIAOMI, 1)).is_err());
}

#[test]
fn a_credential_that_cannot_be_opened_or_read_is_told_and_nobody_is_asked() {
    for upload in [r#"{"secret":1}"#, "no json"] {
        let world = World::new(XIAOMI, ChannelPolicy::default());
        world.upload(XIAOMI, upload);
        assert_eq!(world.ask(push(XIAOMI, 1)), [VendorAnswer::Later(REFUSED_CREDENTIAL_WAIT)]);
        world.with(|state| {
            assert!(state.calls.is_empty());
            assert!(matches!(&state.alerts[..], [BusEvent::Alert { name: "vendor_credential_refused", .. }]));
        });
    }
    let world = World::new(XIAOMI, ChannelPolicy::default());
    world.with(|state| state.config.as_mut().unwrap().app = "other".parse().unwrap());
    assert_eq!(world.ask(push(XIAOMI, 1)), [VendorAnswer::Later(REFUSED_CREDENTIAL_WAIT)], "it is another holder's");
}

#[test]
fn devices_share_requests_as_the_vendor_and_the_policy_allow() {
    for (channel, batch_max, requests) in [(XIAOMI, None, 1), (XIAOMI, Some(2), 3), (APNS, None, 5), (APNS, Some(9), 5)]
    {
        let world = World::new(channel, ChannelPolicy { batch_max, ..ChannelPolicy::default() });
        world.always(accepts(channel));
        let answers = world.ask(push(channel, 5));
        world.with(|state| assert_eq!(state.alerts, []));
        assert_eq!(answers, [ACCEPTED; 5], "{channel} {batch_max:?}");
        assert_eq!(world.with(|state| state.calls.len()), requests, "{channel} {batch_max:?}");
    }
    assert_eq!(World::new(APNS, ChannelPolicy::default()).vendors().batch_max(APNS), 256);
    assert_eq!(World::new(APNS, ChannelPolicy::default()).vendors().batch_max(Channel::Meizu), 100);
}

#[test]
fn the_bucket_is_shared_and_what_it_does_not_grant_is_busy() {
    let policy = ChannelPolicy { per_second: Some(10), burst: Some(3), ..ChannelPolicy::default() };
    let world = World::new(APNS, policy);
    world.always(accepts(APNS));
    let busy = VendorAnswer::Busy(700);
    assert_eq!(world.ask(push(APNS, 10)), [[ACCEPTED; 3].to_vec(), vec![busy; 7]].concat(), "seven at ten a second");
    // Another process has spent it too.
    assert_eq!(world.vendors_ask(&world.vendors(), push(APNS, 2)), [VendorAnswer::Busy(200); 2]);
    world.pass(100);
    assert_eq!(world.ask(push(APNS, 1)), [ACCEPTED]);
    world.with(|state| state.rivals = 3);
    world.pass(100);
    assert_eq!(world.ask(push(APNS, 1)), [ACCEPTED], "others came first, thrice");
    world.with(|state| state.rivals = 100);
    world.pass(100);
    assert!(matches!(world.ask(push(APNS, 1))[..], [VendorAnswer::Busy(_)]));
}

#[test]
fn each_device_has_its_own_answer() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    world.always(Answer::json(200, r#"{"code":0,"data":{"id":"x1","bad_regids":"token-1"}}"#));
    assert_eq!(world.ask(push(XIAOMI, 3)), [ACCEPTED, VendorAnswer::InvalidToken(NOW), ACCEPTED]);
}

/// What the vendors' classes mean, by the policy: eight tries with waits of 500 to 1,000 ms at first.
#[test]
fn what_is_not_now_comes_again_by_the_policy_until_its_tries_are_spent() {
    let busy = Answer::json(503, "");
    let world = World::new(XIAOMI, ChannelPolicy { base: 1_000, attempts_max: 3, ..ChannelPolicy::default() });
    world.always(busy);
    let ask = |attempt| world.ask(homing_domain::VendorPush { attempt, ..push(XIAOMI, 1) })[0];
    assert_eq!([ask(0), ask(1), ask(2)], [VendorAnswer::Later(500), VendorAnswer::Later(1_000), VendorAnswer::Refused]);
    // The vendor knows better.
    let world = World::new(APNS, ChannelPolicy::default());
    world.always(Answer::json(429, r#"{"reason":"TooManyRequests"}"#).with("retry-after", "30"));
    assert_eq!(world.ask(push(APNS, 1)), [VendorAnswer::Later(30_000)]);
}

#[test]
fn a_quota_that_is_spent_stops_all_until_it_turns() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    world.once(Answer::json(200, r#"{"code":200001,"reason":"too many today"}"#));
    let [VendorAnswer::Busy(until)] = world.ask(push(XIAOMI, 1))[..] else { panic!("it is no try") };
    assert!(until > 0 && until <= 24 * 3_600_000, "until the day turns in China: {until}");
    world.always(accepts(XIAOMI));
    assert!(matches!(world.ask(push(XIAOMI, 1))[..], [VendorAnswer::Busy(_)]));
    world.with(|state| {
        assert_eq!(state.calls.len(), 1);
        assert!(matches!(&state.alerts[..], [BusEvent::Alert { name: "vendor_quota_spent", .. }]));
    });
    world.pass(until);
    assert_eq!(world.ask(push(XIAOMI, 1)), [ACCEPTED]);
}

#[test]
fn a_refused_credential_cleans_nothing_and_is_told_once_in_a_while() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    world.always(Answer::json(200, r#"{"code":21301,"reason":"bad secret"}"#));
    for _ in 0..3 {
        assert_eq!(world.ask(push(XIAOMI, 2)), [VendorAnswer::Later(REFUSED_CREDENTIAL_WAIT); 2]);
    }
    assert_eq!(world.with(|state| state.alerts.len()), 1);
    world.pass(REFUSED_CREDENTIAL_WAIT);
    world.ask(push(XIAOMI, 2));
    assert_eq!(world.with(|state| state.alerts.len()), 2);
}

#[test]
fn what_only_an_operator_can_mend_is_told() {
    let world = World::new(APNS, ChannelPolicy::default());
    world.always(Answer::json(400, r#"{"reason":"DeviceTokenNotForTopic"}"#));
    assert_eq!(world.ask(push(APNS, 3)), [VendorAnswer::Refused; 3]);
    assert_eq!(world.with(|state| state.alerts.len()), 1, "once");
}

#[test]
fn a_batch_of_another_environments_tokens_is_spared() {
    let bad = Answer::json(400, r#"{"reason":"BadDeviceToken"}"#);
    // As long as nobody is known to be reached, one alone may be of the other environment too.
    for (devices, has_reached, expected, alerts) in [
        (1, false, VendorAnswer::Refused, 0),
        (9, true, VendorAnswer::InvalidToken(NOW), 0),
        (10, true, VendorAnswer::Refused, 1),
    ] {
        let world = World::new(APNS, ChannelPolicy::default());
        if has_reached {
            world.once(accepts(APNS));
            assert_eq!(world.ask(push(APNS, 1)), [VendorAnswer::Accepted]);
        }
        world.always(bad.clone());
        assert_eq!(world.ask(push(APNS, devices)), vec![expected; usize::from(devices)]);
        assert_eq!(world.with(|state| state.alerts.len()), alerts, "{devices}");
    }
    // One of ten is a device's own affair.
    let world = World::new(APNS, ChannelPolicy::default());
    world.once(bad);
    world.always(accepts(APNS));
    assert_eq!(world.ask(push(APNS, 10))[0], VendorAnswer::InvalidToken(NOW));
}

#[test]
fn what_was_not_sent_comes_again_and_what_nobody_knows_does_not() {
    for (channel, repeats_unanswered, unknown) in [
        (XIAOMI, false, VendorAnswer::Unknown),
        (XIAOMI, true, VendorAnswer::Later(500)),
        (VIVO, false, VendorAnswer::Later(500)),
    ] {
        let world = World::new(channel, ChannelPolicy { repeats_unanswered, ..ChannelPolicy::default() });
        let vendors = world.vendors();
        assert_eq!(now_or_panic(vendors.may_repeat(&app(), channel)).unwrap(), unknown != VendorAnswer::Unknown);
        if channel == VIVO {
            world.once(Answer::json(200, r#"{"result":0,"authToken":"t"}"#));
        }
        world.once(Answer::Lost);
        assert_eq!(world.vendors_ask(&vendors, push(channel, 1)), [unknown], "{channel}");
        world.once(Answer::Unsent);
        assert_eq!(world.vendors_ask(&vendors, push(channel, 1)), [VendorAnswer::Later(500)], "{channel}");
    }
}

#[test]
fn a_repeat_names_itself() {
    let world = World::new(VIVO, ChannelPolicy::default());
    world.once(Answer::json(200, r#"{"result":0,"authToken":"t"}"#));
    world.always(Answer::Lost);
    let vendors = world.vendors();
    for devices in [1, 1, 1] {
        world.vendors_ask(&vendors, push(VIVO, devices));
    }
    let ids: Vec<_> = world.with(|state| {
        let bodies = state.calls.iter().map(|call| String::from_utf8_lossy(call.request.body()).into_owned());
        bodies.filter_map(|body| Some(body.split("\"requestId\":\"").nth(1)?.split('"').next()?.to_owned())).collect()
    });
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    // What is asked for three is another question.
    let ids = |devices| request_id(&push(VIVO, devices), &push(VIVO, devices).to);
    assert_eq!(ids(3).len(), 32);
    assert_ne!(ids(1), ids(3));
}

#[test]
fn access_is_asked_for_once_and_again_when_it_is_refused() {
    let world = World::new(HUAWEI, ChannelPolicy { batch_max: Some(1), ..ChannelPolicy::default() });
    let token = |token: &str| Answer::json(200, &format!(r#"{{"access_token":"{token}","expires_in":3600}}"#));
    world.once(token("first"));
    world.always(accepts(HUAWEI));
    let vendors = world.vendors();
    assert_eq!(world.vendors_ask(&vendors, push(HUAWEI, 4)), [ACCEPTED; 4]);
    assert_eq!(world.vendors_ask(&vendors, push(HUAWEI, 1)), [ACCEPTED]);
    assert_eq!(world.with(|state| state.calls.len()), 1 + 4 + 1);
    // Refused: a fresh one is had once, and the request is made again.
    for answer in [Answer::json(401, r#"{"code":"80200003"}"#), token("second")] {
        world.once(answer);
    }
    assert_eq!(world.vendors_ask(&vendors, push(HUAWEI, 1)), [ACCEPTED]);
    let authorizations: Vec<_> = world.with(|state| {
        let header = |call: &homing_ports::Call| call.request.headers().get("authorization").cloned();
        state.calls.iter().filter_map(header).map(|value| value.to_str().unwrap().to_owned()).collect()
    });
    assert_eq!(authorizations.last().map(String::as_str), Some("Bearer second"));
    // Near its end another is had before it is refused.
    world.once(token("third"));
    world.pass(3_600_000);
    assert_eq!(world.vendors_ask(&vendors, push(HUAWEI, 1)), [ACCEPTED]);
}

#[test]
fn without_access_none_of_many_requests_is_made() {
    let world = World::new(HUAWEI, ChannelPolicy { batch_max: Some(1), ..ChannelPolicy::default() });
    world.always(Answer::json(401, r#"{"error":1101,"sub_error":20001}"#));
    let answers = world.ask(push(HUAWEI, 50));
    assert!(answers.iter().all(|answer| matches!(answer, VendorAnswer::Later(_))), "{answers:?}");
    assert_eq!(world.with(|state| state.calls.len()), 1);
}

#[test]
fn an_outage_of_access_uses_up_nobodys_tries() {
    for answer in [Answer::Unsent, Answer::Lost, Answer::json(503, "{}")] {
        let world = World::new(HUAWEI, ChannelPolicy::default());
        world.always(answer);
        let vendors = world.vendors();
        for _ in 0..20 {
            let answers = world.vendors_ask(&vendors, push(HUAWEI, 5));
            assert!(answers.iter().all(|answer| matches!(answer, VendorAnswer::Busy(_))), "{answers:?}");
            world.pass(60_000);
        }
        world.once(Answer::json(200, r#"{"access_token":"token","expires_in":3600}"#));
        world.always(accepts(HUAWEI));
        assert_eq!(world.vendors_ask(&vendors, push(HUAWEI, 5)), [ACCEPTED; 5]);
    }
}

#[test]
fn whoever_probes_an_outage_for_all_others_does_not_pay_for_it() {
    let world = World::new(XIAOMI, ChannelPolicy { batch_max: Some(1), ..ChannelPolicy::default() });
    world.always(Answer::Unsent);
    let vendors = world.vendors();
    let ask = || world.vendors_ask(&vendors, push(XIAOMI, 1));
    for _ in 0..FAILURES_MAX {
        assert!(matches!(ask()[..], [VendorAnswer::Later(_)]));
    }
    for _ in 0..20 {
        world.pass(PAUSE_MAX);
        assert!(matches!(ask()[..], [VendorAnswer::Busy(_)]), "a probe");
    }
}

#[test]
fn a_vendor_that_is_down_is_left_alone_and_found_again() {
    let world = World::new(XIAOMI, ChannelPolicy { batch_max: Some(1), ..ChannelPolicy::default() });
    world.always(Answer::Unsent);
    let vendors = world.vendors();
    let ask = |devices| world.vendors_ask(&vendors, push(XIAOMI, devices));
    assert_eq!(ask(FAILURES_MAX as u8), vec![VendorAnswer::Later(500); FAILURES_MAX as usize]);
    let calls = || world.with(|state| state.calls.len());
    assert_eq!(ask(7), [VendorAnswer::Busy(PAUSE_FIRST); 7], "no try is used up");
    assert_eq!(calls(), FAILURES_MAX as usize);
    world.pass(PAUSE_FIRST);
    world.always(accepts(XIAOMI));
    let answers = ask(3);
    assert_eq!(answers, [ACCEPTED, VendorAnswer::Busy(PROBE_WAIT), VendorAnswer::Busy(PROBE_WAIT)], "one probes");
    assert_eq!(ask(3), [ACCEPTED; 3]);
}

#[test]
fn a_probe_that_asks_nobody_is_left_to_the_next_one() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    world.always(Answer::Unsent);
    let vendors = world.vendors();
    let admit = || now_or_panic(vendors.admit(&app(), XIAOMI, 5)).unwrap();
    for _ in 0..FAILURES_MAX {
        world.vendors_ask(&vendors, push(XIAOMI, 1));
    }
    assert_eq!((admit().devices, admit().wait), (0, PAUSE_FIRST));
    world.pass(PAUSE_FIRST);
    let first = admit();
    assert_eq!((first.devices, admit().devices), (5, 0), "one request takes all five");
    drop(first);
    let second = admit();
    assert_eq!(second.devices, 5);
    now_or_panic(vendors.give_back(&app(), XIAOMI, second));
    world.always(accepts(XIAOMI));
    assert_eq!(world.vendors_ask(&vendors, push(XIAOMI, 5)), [ACCEPTED; 5]);
}

#[test]
fn a_share_of_the_rate_that_was_not_used_is_given_back() {
    let policy = ChannelPolicy { per_second: Some(10), burst: Some(3), ..ChannelPolicy::default() };
    let world = World::new(APNS, policy);
    world.always(accepts(APNS));
    let vendors = world.vendors();
    let admit = |wanted| now_or_panic(vendors.admit(&app(), APNS, wanted)).unwrap();
    let first = admit(10);
    assert_eq!((first.devices, first.wait, admit(10).devices), (3, 700, 0));
    now_or_panic(vendors.give_back(&app(), APNS, first));
    // Of three that are admitted one is left to be asked for.
    let second = admit(3);
    assert_eq!((second.devices, second.wait), (3, 0));
    assert_eq!(now_or_panic(vendors.ask_vendor(&push(APNS, 1), second)).unwrap(), [ACCEPTED]);
    assert_eq!(admit(3).devices, 2);
    // What nobody gave back is lost, and the rate makes up for it.
    world.pass(300);
    assert_eq!(admit(3).devices, 3);
}

#[test]
fn no_more_are_admitted_than_are_asked_together() {
    for (channel, batch_max, expected) in
        [(APNS, None, ADMITTED_MAX), (XIAOMI, None, 1_000), (XIAOMI, Some(100), 100), (XIAOMI, Some(60), 120)]
    {
        let policy = ChannelPolicy { batch_max, per_second: Some(5_000), ..ChannelPolicy::default() };
        let vendors = World::new(channel, policy).vendors();
        let leave = now_or_panic(vendors.admit(&app(), channel, 5_000)).unwrap();
        assert_eq!((leave.devices, leave.wait), (expected, 0), "{channel} {batch_max:?}");
    }
}

/// Meizu: 110011 under a target is that device's day, 110019 of the whole is the app's.
#[test]
fn a_device_that_had_enough_for_today_waits_alone() {
    let world = World::new(MEIZU, ChannelPolicy::default());
    world.once(Answer::json(200, r#"{"code":"200","value":{"110011":["token-0"]},"msgId":"m"}"#));
    world.once(Answer::json(200, r#"{"code":"200","value":{"110011":["token-0"]},"msgId":"m"}"#));
    world.always(Answer::json(200, r#"{"code":"110019","message":"too many today"}"#));
    assert_eq!(world.ask(push(MEIZU, 2)), [VendorAnswer::Later(QUOTA_WAIT), ACCEPTED]);
    assert_eq!(world.ask(push(MEIZU, 1)), [VendorAnswer::Later(QUOTA_WAIT)], "alone it is not the app either");
    assert_eq!(world.with(|state| state.alerts.len()), 0);
    assert!(matches!(world.ask(push(MEIZU, 1))[..], [VendorAnswer::Busy(until)] if until > QUOTA_WAIT));
    assert_eq!(world.with(|state| (state.calls.len(), state.alerts.len())), (3, 1));
    assert!(matches!(world.ask(push(MEIZU, 1))[..], [VendorAnswer::Busy(_)]));
    assert_eq!(world.with(|state| state.calls.len()), 3, "nobody asks for the app");
}

#[test]
fn vendors_that_are_told_where_receipts_go_are_told_this_apps_place() {
    let world = World::new(XIAOMI, ChannelPolicy::default());
    world.always(accepts(XIAOMI));
    world.ask(push(XIAOMI, 1));
    let body = world.with(|state| String::from_utf8_lossy(state.calls[0].request.body()).into_owned());
    let place = "https%3A%2F%2Fpush.example%2Fv1%2Freceipts%2Fxiaomi%2Fdemo%2F";
    assert!(body.contains(place) || body.contains("https://push.example/v1/receipts/xiaomi/demo/"), "{body}");
    assert!(body.contains(&"0a".repeat(16)), "our id comes back with receipts");
}
