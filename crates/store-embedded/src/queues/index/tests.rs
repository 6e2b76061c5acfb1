use super::*;

const QUEUE: QueueName = QueueName::Dispatch;

fn at(millis: u64) -> UnixMillis {
    UnixMillis(millis)
}

fn filled(items: &[(ItemId, Option<&str>)]) -> Index {
    let mut index = Index::new(at(0));
    for (id, group) in items {
        index.add(*id, *group, at(0), at(0));
    }
    index
}

fn take(index: &mut Index, max: usize, now: u64) -> Vec<Handle> {
    index.take(QUEUE, max, at(now)).0.into_iter().map(|taken| taken.handle).collect()
}

fn ids(handles: &[Handle]) -> Vec<ItemId> {
    handles.iter().map(|handle| handle.id).collect()
}

#[test]
fn groups_take_turns() {
    let mut index = filled(&[(1, Some("a")), (2, Some("a")), (3, Some("a")), (4, Some("b")), (5, None)]);
    assert_eq!(ids(&take(&mut index, 10, 0)), [1, 4, 5, 2, 3]);
}

#[test]
fn what_is_in_flight_comes_back_after_its_time() {
    let mut index = filled(&[(1, None)]);
    let first = take(&mut index, 1, 0);
    assert!(take(&mut index, 1, QUEUE.visibility() - 1).is_empty());
    let (second, spent) = index.take(QUEUE, 1, at(QUEUE.visibility()));
    assert!(spent.is_empty());
    assert_eq!((second[0].handle.id, second[0].receives), (1, 2));
    assert!(!index.is_current(first[0]), "the older handle is void");
    assert!(index.is_current(second[0].handle));
}

#[test]
fn an_item_deleted_while_it_stands_in_line_is_not_received() {
    let mut index = filled(&[(1, None)]);
    let handle = take(&mut index, 1, 0)[0];
    index.reveal(at(QUEUE.visibility()));
    assert!(index.is_current(handle), "late, but nobody received it again");
    index.remove(1);
    assert_eq!(index.len(), 0);
    assert!(take(&mut index, 1, QUEUE.visibility()).is_empty());
    assert!(index.gone.is_empty() && index.tried.is_empty() && index.ready.is_empty());
}

#[test]
fn a_retry_hides_for_its_delay() {
    let mut index = filled(&[(1, None)]);
    let handle = take(&mut index, 1, 0)[0];
    assert!(index.retry(QUEUE, handle, at(50), "why".into()).is_none());
    assert_eq!(index.next_due(), Some(at(50)));
    assert!(take(&mut index, 1, 49).is_empty());
    assert_eq!(ids(&take(&mut index, 1, 50)), [1]);
}

#[test]
fn the_last_retry_gives_the_item_up_with_its_reason() {
    let mut index = filled(&[(1, None)]);
    for receive in 1..=QUEUE.max_receives() {
        let handle = take(&mut index, 1, 0)[0];
        let spent = index.retry(QUEUE, handle, at(0), "no".into());
        assert_eq!(spent.is_some(), receive == QUEUE.max_receives());
    }
}

#[test]
fn an_item_that_nobody_finishes_is_spent_on_the_next_take() {
    let mut index = filled(&[(1, None)]);
    let mut now = 0;
    for _ in 0..QUEUE.max_receives() {
        assert_eq!(take(&mut index, 1, now).len(), 1);
        now += QUEUE.visibility();
    }
    let (taken, spent) = index.take(QUEUE, 1, at(now));
    assert!(taken.is_empty());
    assert_eq!((spent[0].id, spent[0].receives), (1, QUEUE.max_receives()));
    index.remove(1);
    assert_eq!(index.len(), 0);
}

#[test]
fn delayed_items_keep_their_group() {
    let mut index = Index::new(at(0));
    index.add(1, Some("a"), at(10), at(0));
    index.add(2, Some("b"), at(10), at(0));
    assert!(take(&mut index, 2, 9).is_empty());
    index.add(3, Some("a"), at(0), at(0));
    assert_eq!(ids(&take(&mut index, 3, 10)).len(), 3);
    assert!(index.delayed_groups.is_empty());
}

#[test]
fn ids_of_another_life_are_other_ids() {
    let mut before = Index::new(at(1_000));
    let last = (0..500).map(|_| before.next_id()).last();
    let mut after = Index::new(at(1_001));
    assert!(Some(after.next_id()) > last);
}
