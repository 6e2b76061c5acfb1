//! What apps have set for vendors' channels.

use futures_util::future::join_all;
use homing_domain::{Channel, ChannelConfig, ChannelPolicy};
use homing_ports::{Replaced, VendorChannels};

use crate::adapter::{Adapter, Ports};
use crate::values::{app_id, channel_config};

async fn stored(ports: &impl Ports, app: &str, channel: Channel) -> Option<ChannelConfig> {
    ports.channel_config(&app_id(app), channel).await.unwrap()
}

pub(crate) async fn replace_names_the_revision_it_read<A: Adapter>(world: &A) {
    let ports = world.ports();
    let first = channel_config("shop", Channel::Apns, 1);
    let second = ChannelConfig { credential: None, policy: ChannelPolicy::default(), revision: 2, ..first.clone() };
    assert_eq!(stored(ports, "shop", Channel::Apns).await, None);
    assert_eq!(ports.replace_channel_config(second.clone()).await.unwrap(), Replaced::Changed, "there is none yet");
    assert_eq!(ports.replace_channel_config(first.clone()).await.unwrap(), Replaced::Done);
    assert_eq!(stored(ports, "shop", Channel::Apns).await.as_ref(), Some(&first), "every field comes back");
    assert_eq!(ports.replace_channel_config(first).await.unwrap(), Replaced::Changed, "a repeat");
    assert_eq!(ports.replace_channel_config(second.clone()).await.unwrap(), Replaced::Done);
    assert_eq!(stored(ports, "shop", Channel::Apns).await.as_ref(), Some(&second));
    let nothing = ChannelConfig { revision: 0, ..second.clone() };
    assert_eq!(ports.replace_channel_config(nothing).await.unwrap(), Replaced::Changed, "nothing comes before it");
    // Neither another channel of the app nor the same one of another app.
    assert_eq!(stored(ports, "shop", Channel::Fcm).await, None);
    assert_eq!(stored(ports, "shop-2", Channel::Apns).await, None);
}

pub(crate) async fn of_many_at_once_one_replaces<A: Adapter>(world: &A) {
    let ports = world.ports();
    for revision in [1, 2] {
        let write = |attempts_max| {
            let config = channel_config("shop", Channel::Fcm, revision);
            let config = ChannelConfig { policy: ChannelPolicy { attempts_max, ..config.policy }, ..config };
            ports.replace_channel_config(config)
        };
        let answers = (0..).zip(join_all((0..8).map(write)).await);
        let done: Vec<_> = answers.filter(|(_, it)| matches!(it, Ok(Replaced::Done))).map(|(n, _)| n).collect();
        assert_eq!(done.len(), 1);
        let stored = stored(ports, "shop", Channel::Fcm).await.unwrap();
        assert_eq!((stored.policy.attempts_max, stored.revision), (done[0], revision));
    }
}

pub(crate) async fn delete_may_be_repeated<A: Adapter>(world: &A) {
    let ports = world.ports();
    let config = || channel_config("shop", Channel::Xiaomi, 1);
    assert_eq!(ports.replace_channel_config(config()).await.unwrap(), Replaced::Done);
    for _ in 0..2 {
        ports.delete_channel_config(&app_id("shop"), Channel::Xiaomi).await.unwrap();
        assert_eq!(stored(ports, "shop", Channel::Xiaomi).await, None);
    }
    world.settle().await;
    assert_eq!(ports.channel_configs(None, 9).await.unwrap(), []);
    assert_eq!(ports.replace_channel_config(config()).await.unwrap(), Replaced::Done, "as if there had been none");
}

pub(crate) async fn pages_are_in_the_order_of_apps_and_channels_names<A: Adapter>(world: &A) {
    let ports = world.ports();
    let set = [("b", Channel::Vivo), ("a-b", Channel::Apns), ("a", Channel::WebPush), ("a", Channel::Fcm)];
    for (app, channel) in set.into_iter().chain([("a", Channel::Apns)]) {
        let replaced = ports.replace_channel_config(channel_config(app, channel, 1)).await.unwrap();
        assert_eq!(replaced, Replaced::Done);
    }
    world.settle().await;
    let place = |config: &ChannelConfig| (config.app.to_string(), config.channel);
    let expected = [
        ("a", Channel::Apns),
        ("a", Channel::Fcm),
        ("a", Channel::WebPush),
        ("a-b", Channel::Apns),
        ("b", Channel::Vivo),
    ]
    .map(|(app, channel)| (app.to_owned(), channel));
    for limit in [1, 2, 5, 9] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = ports.channel_configs(after.take(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some((last.app.clone(), last.channel));
            found.extend(page);
        }
        assert_eq!(found.iter().map(place).collect::<Vec<_>>(), expected, "{limit} at a time");
        assert_eq!(found[1], channel_config("a", Channel::Fcm, 1), "whole");
    }
    // After what is not there.
    let after = ports.channel_configs(Some((app_id("a"), Channel::Xiaomi)), 1).await.unwrap();
    assert_eq!(place(&after[0]), expected[3]);
}
