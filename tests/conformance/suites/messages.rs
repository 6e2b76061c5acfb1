//! Message rows and the pages of their audiences.

use futures_util::future::join_all;
use homing_domain::limits::{FANOUT_SEGMENTS, SHARD_MAX_DEVICES};
use homing_domain::{
    Audience, Cursor, DeliveryPolicy, FeedOffset, MemberKey, Message, Reason, Recurrence, Schedule, Shard, ShardId,
    Stage, Target, UnixMillis, UserHash, WallTime,
};
use homing_ports::{Accepted, Messages};

use crate::adapter::Adapter;
use crate::values::{app_id, audience_id, device_id, full_message, message, message_id, shard, shard_id, user_id};

pub(crate) async fn accept_is_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    let first = message(1, "shop", Audience::All);
    assert_eq!(ports.accept(first.clone()).await.unwrap(), Accepted::New);
    let replay = Message { body_sha256: [0; 32], ..message(1, "shop", Audience::All) };
    assert_eq!(ports.accept(replay).await.unwrap(), Accepted::Existing(Box::new(first.clone())));
    assert_eq!(ports.message(message_id(1)).await.unwrap(), Some(first));
    assert_eq!(ports.message(message_id(2)).await.unwrap(), None);
}

pub(crate) async fn every_kind_of_audience_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let thousand_users = (0..1_000).map(|n| user_id(&format!("用户-{n}"))).collect();
    let audiences = [
        Audience::Devices((0..1_000).map(device_id).collect()),
        Audience::Users(thousand_users),
        Audience::Users(Vec::new()),
        Audience::All,
        Audience::Expression("vip && (beijing || shanghai) && !muted".parse().unwrap()),
        Audience::Uploaded(audience_id(5)),
        Audience::RecipientsOf(message_id(6)),
    ];
    for (n, audience) in (1..).zip(audiences) {
        let mut message = message(n, "shop", audience);
        message.options.collapse_key = None;
        message.expires_at = UnixMillis::NEVER;
        ports.accept(message.clone()).await.unwrap();
        assert_eq!(ports.message(message.id).await.unwrap(), Some(message));
    }
}

pub(crate) async fn every_field_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let recurrence = |until, remaining| {
        let (cron, timezone) = ("0 0 9 * * mon-fri".to_owned(), "America/Sao_Paulo".to_owned());
        Schedule::Recurring(Recurrence { cron, timezone, until, remaining })
    };
    let wall = WallTime { year: 2030, month: 2, day: 28, hour: 9, minute: 30, second: 5 };
    let (at, end) = (UnixMillis(900), UnixMillis(999_999_999_999));
    let schedules = [
        (Schedule::Now, None),
        (Schedule::Now, Some(at)),
        (Schedule::At(at), Some(at)),
        (Schedule::AtLocal(wall), Some(at)),
        (recurrence(None, None), Some(at)),
        (recurrence(Some(end), Some(0)), Some(at)),
    ];
    for (n, (schedule, release_at)) in (1..).zip(schedules) {
        for (n, full) in [(n, full_message(n, "shop")), (n + 50, message(n + 50, "shop", Audience::All))] {
            let feed_after = (n > 50).then(|| FeedOffset::from(n - 51));
            let message = Message { schedule: schedule.clone(), release_at, feed_after, ..full };
            ports.accept(message.clone()).await.unwrap();
            assert_eq!(ports.message(message_id(n)).await.unwrap(), Some(message));
        }
    }
    world.settle().await;
    let listed = ports.messages_of_app(&app_id("shop"), None, 99).await.unwrap();
    assert_eq!(listed.len(), 12);
    for message in listed {
        assert_eq!(ports.message(message.id).await.unwrap(), Some(message));
    }
}

pub(crate) async fn concurrent_accepts_of_one_id_have_one_winner<A: Adapter>(world: &A) {
    let ports = world.ports();
    let accepts = (0..16).map(|n| {
        let message = Message { body_sha256: [n; 32], ..message(1, "shop", Audience::All) };
        ports.accept(message)
    });
    let answers: Vec<_> = join_all(accepts).await.into_iter().map(Result::unwrap).collect();
    let stored = ports.message(message_id(1)).await.unwrap().unwrap();
    assert_eq!(answers.iter().filter(|answer| **answer == Accepted::New).count(), 1);
    let existing = Accepted::Existing(Box::new(stored));
    assert_eq!(answers.iter().filter(|answer| **answer == existing).count(), 15, "the losers see the winner");
}

pub(crate) async fn an_apps_messages_come_newest_first_in_pages<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [3, 1, 2, 5, 4] {
        ports.accept(message(n, "shop", Audience::All)).await.unwrap();
    }
    // At the same moment as number 3, to be told apart by its id.
    let twin = Message { id: message_id(9), ..message(3, "shop", Audience::All) };
    ports.accept(twin).await.unwrap();
    ports.accept(message(7, "shopping", Audience::All)).await.unwrap();
    world.settle().await;
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = ports.messages_of_app(&app_id("shop"), before, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        before = Some((last.accepted_at, last.id));
        found.extend(page.into_iter().map(|message| message.id));
    }
    assert_eq!(found, [5, 4, 9, 3, 2, 1].map(message_id));
}

pub(crate) async fn release_begins_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.begin_release(message_id(1), UnixMillis(1), None).await.unwrap(), None);
    ports.accept(message(1, "shop", Audience::All)).await.unwrap();
    let first = ports.begin_release(message_id(1), UnixMillis(2_000), None).await.unwrap().unwrap();
    assert_eq!((first.stage, first.releasing_at), (Stage::Releasing, Some(UnixMillis(2_000))));
    let repeat = ports.begin_release(message_id(1), UnixMillis(3_000), None).await.unwrap();
    assert_eq!(repeat, Some(first.clone()), "as it stands");
    assert_eq!(ports.message(message_id(1)).await.unwrap(), Some(first));
}

pub(crate) async fn the_last_segment_releases<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.finish_segment(message_id(1), 0, UnixMillis(1)).await.unwrap(), None);
    ports.accept(message(1, "shop", Audience::All)).await.unwrap();
    ports.begin_release(message_id(1), UnixMillis(2_000), None).await.unwrap();
    for segment in (0..FANOUT_SEGMENTS - 1).chain([0, 5]) {
        let message = ports.finish_segment(message_id(1), segment, UnixMillis(3_000)).await.unwrap().unwrap();
        assert_eq!((message.stage, message.released_at), (Stage::Releasing, None));
    }
    let last = FANOUT_SEGMENTS - 1;
    let released = ports.finish_segment(message_id(1), last, UnixMillis(4_000)).await.unwrap().unwrap();
    assert_eq!((released.stage, released.released_at), (Stage::Released, Some(UnixMillis(4_000))));
    let repeat = ports.finish_segment(message_id(1), last, UnixMillis(5_000)).await.unwrap();
    assert_eq!(repeat, Some(released));

    ports.accept(message(2, "shop", Audience::Devices(vec![device_id(1)]))).await.unwrap();
    ports.begin_release(message_id(2), UnixMillis(2_000), None).await.unwrap();
    let named = ports.finish_segment(message_id(2), 0, UnixMillis(3_000)).await.unwrap().unwrap();
    assert_eq!(named.stage, Stage::Released, "a named audience is one segment");
}

pub(crate) async fn a_shard_is_put_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.put_shard(shard(1, 1)).await.unwrap(), shard(1, 1));
    let repeat = Shard { targets: Vec::new(), next: None, ..shard(1, 1) };
    assert_eq!(ports.put_shard(repeat).await.unwrap(), shard(1, 1), "the first one stays");
    let cursors = [None, Some(Cursor::Start), Some(Cursor::Index(0)), Some(Cursor::Index(1_000))];
    for (n, next) in (2..).zip(cursors) {
        let shard = Shard { next, ..shard(n, 1) };
        assert_eq!(ports.put_shard(shard.clone()).await.unwrap(), shard);
        assert_eq!(ports.put_shard(shard.clone()).await.unwrap(), shard);
    }
}

pub(crate) async fn every_field_of_a_target_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let plain = Target::plain(device_id(1), None);
    let held = Target { hold: Some(UnixMillis(1_795_000_000_000)), ..plain };
    let mut targets = vec![
        plain,
        Target { variant: u8::MAX, ..plain },
        held,
        Target { user: Some(UserHash(u64::MAX)), variant: 1, ..held },
    ];
    targets.extend(Reason::ALL.map(|reason| Target { refusal: Some(reason), ..plain }));
    targets.resize(SHARD_MAX_DEVICES, Target { user: Some(UserHash(7)), refusal: Some(Reason::OptedOut), ..held });
    let cursors = [
        Cursor::After(device_id(7)),
        Cursor::AfterMember(MemberKey([9; 16])),
        Cursor::AfterShard(shard_id(8)),
        Cursor::Index(u32::MAX),
    ];
    let shards: Vec<_> = (1..)
        .zip(cursors)
        .map(|(n, next)| Shard { targets: targets.clone(), next: Some(next), ..shard(n, 1) })
        .collect();
    for shard in &shards {
        ports.put_shard(shard.clone()).await.unwrap();
    }
    assert_eq!(ports.shards(message_id(1), None, 9).await.unwrap(), shards, "at once: a list of them is never stale");
}

pub(crate) async fn shards_come_in_pages<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [4, 2, 5, 1, 3] {
        ports.put_shard(shard(n, 1)).await.unwrap();
    }
    ports.put_shard(shard(6, 2)).await.unwrap();
    let mut found = Vec::<ShardId>::new();
    loop {
        let page = ports.shards(message_id(1), found.last().copied(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2 && page.iter().all(|shard| shard.message == message_id(1)));
        found.extend(page.iter().map(|shard| shard.id));
    }
    assert_eq!(found, [1, 2, 3, 4, 5].map(shard_id));
}

pub(crate) async fn every_delivery_policy_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let policies = [
        DeliveryPolicy::default(),
        DeliveryPolicy::OnlineFirst { fallback_after: 0 },
        DeliveryPolicy::OwnOnly,
        DeliveryPolicy::VendorOnly,
        DeliveryPolicy::Fallback { fallback_after: 1 },
    ];
    for (n, delivery) in (1..).zip(policies) {
        let mut message = message(n, "shop", Audience::All);
        message.options.delivery = delivery;
        ports.accept(message.clone()).await.unwrap();
        assert_eq!(ports.message(message.id).await.unwrap(), Some(message));
    }
}
