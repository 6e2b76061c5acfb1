//! What comes back of items, and revisions.

use bytes::Bytes;
use homing_domain::{ChannelCredential, ChannelPolicy, UnixMillis};
use serde_json::json;

use super::*;
use crate::script::{Reply, Script};

fn config() -> ChannelConfig {
    ChannelConfig {
        app: "shop".parse().unwrap(),
        channel: Channel::Apns,
        credential: Some(ChannelCredential {
            sealed: Bytes::from_static(b"\0\xff"),
            kind: "certificate".to_owned(),
            public: vec![("topic".to_owned(), "店".to_owned()), ("team".to_owned(), String::new())],
            expires_at: Some(UnixMillis(7)),
            uploaded_at: UnixMillis(6),
            warned_days: Some(14),
        }),
        policy: ChannelPolicy {
            attempts_max: 1,
            base: 2,
            max: 3,
            per_second: Some(4),
            burst: Some(5),
            batch_max: Some(6),
            repeats_unanswered: true,
        },
        revision: 2,
    }
}

#[test]
fn every_field_comes_back() {
    let full = config();
    let bare = ChannelCredential {
        public: Vec::new(),
        expires_at: None,
        warned_days: None,
        ..full.credential.clone().unwrap()
    };
    let policy = ChannelPolicy::default();
    for credential in [full.credential.clone(), Some(bare), None] {
        for policy in [full.policy, policy] {
            let config = ChannelConfig { credential: credential.clone(), policy, ..full.clone() };
            assert_eq!(row::read(row::write(&config)), Ok(config));
        }
    }
    let bucket = Throttle::restored(u64::MAX, UnixMillis::NEVER, 9);
    assert_eq!(row::read_bucket(row::write_bucket(&full.app, full.channel, &bucket)), Ok(bucket));
}

#[tokio::test]
async fn the_first_revision_meets_nothing_and_each_later_one_its_forerunner() {
    let (store, script) = Script::store([Reply::Done(json!({})), Reply::error("ConditionalCheckFailedException")]);
    let first = ChannelConfig { revision: 1, ..config() };
    assert_eq!(store.replace_channel_config(first).await.unwrap(), Replaced::Done);
    assert_eq!(store.replace_channel_config(config()).await.unwrap(), Replaced::Changed);
    let conditions: Vec<_> = script.sent().iter().map(|sent| sent.body["ConditionExpression"].clone()).collect();
    assert_eq!(conditions, ["attribute_not_exists(#pk)", "#rv = :before"]);
    let before = Throttle::restored(1, UnixMillis(1), 0);
    let replaced = store.replace_throttle(&config().app, Channel::Apns, before).await.unwrap();
    assert_eq!((replaced, script.sent().len()), (Replaced::Changed, 2), "nothing comes before revision 0");
}

#[test]
fn what_is_sent_has_no_mistakes() {
    // Debug builds lint what becomes a request.
    for place in [None, Some((config().app, Channel::WebPush))] {
        after(place.as_ref()).into_parts();
    }
}
