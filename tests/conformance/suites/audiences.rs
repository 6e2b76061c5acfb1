//! Uploaded lists.

use futures_util::future::join_all;
use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{AudienceId, Member, MemberKey, MemberKind, UploadedAudience};
use homing_ports::{Audiences, Created};

use crate::adapter::{Adapter, Ports};
use crate::values::{app_id, audience_id, member, uploaded};

/// Every member of a list, segment by segment, in pages of so many.
async fn all_members(ports: &impl Ports, id: AudienceId, page_size: usize) -> Vec<Member> {
    let mut found = Vec::new();
    for segment in 0..FANOUT_SEGMENTS {
        let mut after = None;
        loop {
            let page = ports.members(id, segment, after, page_size).await.unwrap();
            assert!(page.len() <= page_size && page.iter().all(|member| member.key.segment() == segment));
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            found.extend(page);
        }
    }
    found
}

pub(crate) async fn create_is_once<A: Adapter>(world: &A) {
    let (ports, list) = (world.ports(), uploaded(1, "shop", world.now()));
    assert_eq!(ports.create_audience(list.clone()).await.unwrap(), Created::New);
    let other = UploadedAudience { name: None, ..uploaded(1, "other", world.now()) };
    assert_eq!(ports.create_audience(other).await.unwrap(), Created::Exists);
    assert_eq!(ports.audience(audience_id(1)).await.unwrap(), Some(list));
    assert_eq!(ports.audience(audience_id(2)).await.unwrap(), None);
}

pub(crate) async fn every_field_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let users = uploaded(1, "shop", world.now());
    let devices = UploadedAudience { name: None, kind: MemberKind::Devices, ..uploaded(2, "shop", world.now()) };
    for list in [users, devices] {
        ports.create_audience(list.clone()).await.unwrap();
        assert_eq!(ports.audience(list.id).await.unwrap(), Some(list));
    }
    let members = [member(1), Member { user: None, ..member(2) }].to_vec();
    ports.add_members(audience_id(1), members.clone()).await.unwrap();
    assert_eq!(all_members(ports, audience_id(1), 9).await, members);
}

pub(crate) async fn an_apps_lists_come_in_pages<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [3, 1, 2] {
        ports.create_audience(uploaded(n, "shop", world.now())).await.unwrap();
    }
    ports.create_audience(uploaded(4, "shopping", world.now())).await.unwrap();
    world.settle().await;
    let first = ports.audiences_of_app(&app_id("shop"), None, 2).await.unwrap();
    assert_eq!(first.iter().map(|list| list.id).collect::<Vec<_>>(), [1, 2].map(audience_id));
    let rest = ports.audiences_of_app(&app_id("shop"), Some(audience_id(2)), 2).await.unwrap();
    assert_eq!(rest.iter().map(|list| list.id).collect::<Vec<_>>(), [audience_id(3)]);
    assert!(ports.audiences_of_app(&app_id("sho"), None, 9).await.unwrap().is_empty());
}

pub(crate) async fn members_are_on_a_list_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [1, 2] {
        ports.create_audience(uploaded(n, "shop", world.now())).await.unwrap();
    }
    // More than a request of any adapter takes, from every segment, in no order, some of them twice in one call.
    let members: Vec<_> = (0..300_u32).rev().map(|n| member(n.wrapping_mul(0x9e37_79b9))).collect();
    let twice: Vec<_> = members.iter().chain(&members[..40]).cloned().collect();
    ports.add_members(audience_id(1), twice).await.unwrap();
    ports.add_members(audience_id(1), members[100..200].to_vec()).await.unwrap();
    ports.add_members(audience_id(1), Vec::new()).await.unwrap();
    ports.add_members(audience_id(2), vec![member(7)]).await.unwrap();
    let finished = ports.finish_audience(audience_id(1)).await.unwrap().unwrap();
    assert_eq!(finished, UploadedAudience { members: Some(300), ..uploaded(1, "shop", world.now()) });
    assert_eq!(ports.audience(audience_id(1)).await.unwrap(), Some(finished));

    let mut in_order = members;
    in_order.sort_unstable_by_key(|member| member.key);
    for page_size in [1, 4, 1_000] {
        assert_eq!(all_members(ports, audience_id(1), page_size).await, in_order);
    }
    assert_eq!(all_members(ports, audience_id(2), 9).await, [member(7)]);
}

pub(crate) async fn a_segment_begins_and_ends_where_its_keys_do<A: Adapter>(world: &A) {
    const IN_A_SEGMENT: u32 = 1 << 26;
    let ports = world.ports();
    ports.create_audience(uploaded(1, "shop", world.now())).await.unwrap();
    let edges = [0, 1, 62, 63].map(|segment| {
        let first = segment * IN_A_SEGMENT;
        [first, first + (IN_A_SEGMENT - 1)].map(member)
    });
    ports.add_members(audience_id(1), edges.concat()).await.unwrap();
    for (segment, edges) in [0, 1, 62, 63].into_iter().zip(edges) {
        assert_eq!(ports.members(audience_id(1), segment, None, 9).await.unwrap(), edges);
        let after = ports.members(audience_id(1), segment, Some(edges[1].key), 9).await.unwrap();
        assert!(after.is_empty(), "nothing of the next segment");
    }
}

pub(crate) async fn what_is_finished_is_not_counted_again<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.finish_audience(audience_id(1)).await.unwrap(), None);
    ports.create_audience(uploaded(1, "shop", world.now())).await.unwrap();
    let empty = ports.finish_audience(audience_id(1)).await.unwrap().unwrap();
    assert_eq!(empty.members, Some(0), "an empty list is one");
    ports.add_members(audience_id(1), vec![member(1)]).await.unwrap();
    assert_eq!(ports.finish_audience(audience_id(1)).await.unwrap(), Some(empty));
}

pub(crate) async fn concurrent_uploads_lose_nobody<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_audience(uploaded(1, "shop", world.now())).await.unwrap();
    // Each part meets half of the next one.
    let parts = (0..8_u32).map(|part| (part * 20..part * 20 + 30).map(|n| member(n << 20)).collect::<Vec<_>>());
    join_all(parts.map(|part| ports.add_members(audience_id(1), part))).await.into_iter().for_each(Result::unwrap);
    let finishes = join_all((0..4).map(|_| ports.finish_audience(audience_id(1)))).await;
    for finished in finishes {
        assert_eq!(finished.unwrap().unwrap().members, Some(170));
    }
}

pub(crate) async fn who_is_a_member_is_answered_in_order<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [1, 2] {
        ports.create_audience(uploaded(n, "shop", world.now())).await.unwrap();
    }
    let even: Vec<_> = (0..256).step_by(2).map(|n| member(n << 24)).collect();
    ports.add_members(audience_id(1), even).await.unwrap();
    let mut keys: Vec<MemberKey> = (0..256).map(|n| member(n << 24).key).collect();
    let mut expected: Vec<bool> = (0..256).map(|n| n % 2 == 0).collect();
    assert_eq!(ports.are_members(audience_id(1), keys.clone()).await.unwrap(), expected);
    assert_eq!(ports.are_members(audience_id(2), keys.clone()).await.unwrap(), vec![false; 256]);
    keys.truncate(3);
    keys.extend_from_within(..);
    expected.truncate(3);
    expected.extend_from_within(..);
    assert_eq!(ports.are_members(audience_id(1), keys).await.unwrap(), expected, "each as often as it is asked");
    assert!(ports.are_members(audience_id(1), Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn a_list_whose_time_is_over_is_gone<A: Adapter>(world: &A) {
    let ports = world.ports();
    let short = UploadedAudience { expires_at: world.now().plus(600_000), ..uploaded(1, "shop", world.now()) };
    ports.create_audience(short).await.unwrap();
    ports.create_audience(uploaded(2, "shop", world.now())).await.unwrap();
    ports.add_members(audience_id(1), vec![member(1)]).await.unwrap();
    world.advance(598_000).await;
    assert!(ports.audience(audience_id(1)).await.unwrap().is_some());
    // An adapter may know time only to the second.
    world.advance(3_000).await;
    assert_eq!(ports.audience(audience_id(1)).await.unwrap(), None);
    assert_eq!(ports.finish_audience(audience_id(1)).await.unwrap(), None);
    world.settle().await;
    let left = ports.audiences_of_app(&app_id("shop"), None, 9).await.unwrap();
    assert_eq!(left.into_iter().map(|list| list.id).collect::<Vec<_>>(), [audience_id(2)]);
}

pub(crate) async fn a_deleted_list_takes_no_members<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_audience(uploaded(1, "shop", world.now())).await.unwrap();
    for _ in 0..2 {
        ports.delete_audience(audience_id(1)).await.unwrap();
    }
    assert_eq!(ports.audience(audience_id(1)).await.unwrap(), None);
    ports.add_members(audience_id(1), vec![member(1)]).await.unwrap();
    assert_eq!(ports.are_members(audience_id(1), vec![member(1).key]).await.unwrap(), [false]);
    world.settle().await;
    assert!(ports.audiences_of_app(&app_id("shop"), None, 9).await.unwrap().is_empty());
}
