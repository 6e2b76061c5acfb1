//! Every field comes back, damage is named, and the sizes in the module's head are true.

use aws_sdk_dynamodb::types::AttributeValue;
use homing_domain::UserHash;
use homing_domain::limits::{MAILBOX_MAX_REFUSALS, MAILBOX_MAX_TRIMMED_IDS};

use super::*;
use crate::item::VERSION;
use crate::script::NOW;

fn device() -> DeviceId {
    DeviceId::from_bytes([5; 16])
}

fn message(n: u8) -> MessageId {
    MessageId::from_bytes(std::array::from_fn(|at| n.wrapping_add(u8::try_from(at).unwrap())))
}

fn entry_of(n: u8, state: EntryState) -> Entry {
    Entry {
        span: 1,
        message: message(n),
        state,
        enqueued_at: NOW,
        accepted_at: NOW.minus(20),
        expires_at: NOW.plus(259_200_000),
        priority: Priority::Normal,
        collapse_key: None,
        user: None,
        body: Body::Reference,
        variant: 0,
    }
}

fn empty() -> Mailbox {
    let mut mailbox = Mailbox::new("shop-app".parse().unwrap(), NOW.0, 1, Some(UserHash(u64::MAX)));
    mailbox.route =
        Some(Route { gateway: GatewayRef { server_id: ServerId([8; 8]), incarnation: NOW.0 }, conn_seq: 1_999 });
    mailbox.conn_seq = 1_999;
    (mailbox.lo, mailbox.hi, mailbox.sent) = (1_235, 1_234, 1_234);
    mailbox
}

fn full() -> Mailbox {
    let mut mailbox = empty();
    mailbox.entries = [
        entry_of(1, EntryState::Live),
        Entry { span: 9, ..entry_of(2, EntryState::Tombstone(Reason::Overflow)) },
        Entry {
            priority: Priority::High,
            collapse_key: Some("券".to_owned()),
            user: mailbox.user,
            body: Body::Inline(Bytes::from_static(b"{}")),
            ..entry_of(3, EntryState::Marked(Reason::Recalled))
        },
    ]
    .into();
    mailbox.hi = mailbox.lo + 10;
    mailbox.has_vendor = true;
    mailbox.trimmed = [7, u64::MAX].into();
    mailbox.refused = [(8, Reason::Unbound), (9, Reason::Recalled)].into();
    mailbox
}

fn item(mailbox: &Mailbox) -> Item {
    write(device(), mailbox).with(VERSION, 1_234_u64).finish()
}

#[test]
fn every_field_comes_back() {
    let bare = Mailbox::new("a".parse().unwrap(), 1, 1, None);
    let revoked = Mailbox { revoked: true, route: None, ..full() };
    for mailbox in [bare, empty(), full(), revoked] {
        assert_eq!(read(item(&mailbox)), Ok(mailbox));
    }
}

#[test]
fn damage_is_named() {
    let damaged = |attribute| Err(Damaged { table: Table::Mailboxes, attribute });
    for missing in ["a", "e", "lo", "hi", "q", "h", "n", "s", "c", "w"] {
        let mut item = item(&full());
        item.remove(missing).unwrap();
        assert_eq!(read(item), damaged(missing));
    }
    let mut short = item(&full());
    let Some(AttributeValue::L(hashes)) = short.get_mut("h") else { panic!("not a list") };
    hashes.pop();
    assert_eq!(read(short), damaged("h"), "each entry has its hash");
}

/// The size by which DynamoDB bills.
fn size(value: &AttributeValue) -> usize {
    const COLLECTION: usize = 3;
    const ELEMENT: usize = 1;
    match value {
        AttributeValue::N(digits) => digits.trim_end_matches('0').len().div_ceil(2) + 1,
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::S(text) => text.len(),
        AttributeValue::Bool(_) => 1,
        AttributeValue::L(values) => COLLECTION + values.iter().map(|value| size(value) + ELEMENT).sum::<usize>(),
        AttributeValue::M(values) => COLLECTION + item_size(values) + values.len() * ELEMENT,
        other => panic!("{other:?} stands in no mailbox"),
    }
}

fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size(value)).sum()
}

#[test]
fn sizes_are_as_documented() {
    let mut mailbox = empty();
    assert_eq!(item_size(&item(&mailbox)), 95, "an empty mailbox");
    mailbox.trimmed = (0..MAILBOX_MAX_TRIMMED_IDS as u64).collect();
    assert_eq!(item_size(&item(&mailbox)), 95 + 580, "with all that it remembers of delivered ones");
    let payload = Body::Inline(vec![b'{'; 290].into());
    mailbox.entries.push_back(Entry { body: payload, ..entry_of(1, EntryState::Live) });
    let steady = item_size(&item(&mailbox));
    assert_eq!(steady, 95 + 580 + 55 + 290, "and with one pending");
    assert!(steady <= 1_024, "it is one write unit");
    mailbox.refused = (0..MAILBOX_MAX_REFUSALS as u64).map(|hash| (hash, Reason::Unbound)).collect();
    assert_eq!(item_size(&item(&mailbox)), steady + 4 + 16 * 9 + 1 + 16, "refusals are rare");
}
