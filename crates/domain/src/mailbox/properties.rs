//! Whatever happens in whatever order, the item stays whole.

use proptest::prelude::*;

use super::*;
use crate::gateway::ServerId;
use crate::id::MessageId;
use crate::limits::MAILBOX_MAX_ENTRIES;
use crate::message::Priority;
use crate::reason::Reason;
use crate::time::UnixMillis;

#[derive(Clone, Debug)]
enum Step {
    Enqueue { message: u16, key: Option<u8>, user: Option<u8> },
    TakeOver { gateway: u8, conn_seq: ConnSeq },
    Trim { conn_seq: ConnSeq, ahead: Seq },
    Tombstone { conn_seq: ConnSeq, ahead: Seq },
    Detach { conn_seq: ConnSeq },
    Withdraw { message: u16 },
    Bind { user: Option<u8> },
    Overflow { crash_before_merge: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let conn_seq = 1_u64..12;
    prop_oneof![
        12 => (0_u16..400, proptest::option::of(0_u8..3), proptest::option::of(0_u8..2))
            .prop_map(|(message, key, user)| Step::Enqueue { message, key, user }),
        1 => (0_u8..2, conn_seq.clone()).prop_map(|(gateway, conn_seq)| Step::TakeOver { gateway, conn_seq }),
        1 => (conn_seq.clone(), 0_u64..20).prop_map(|(conn_seq, ahead)| Step::Trim { conn_seq, ahead }),
        1 => (conn_seq.clone(), 0_u64..20).prop_map(|(conn_seq, ahead)| Step::Tombstone { conn_seq, ahead }),
        1 => conn_seq.prop_map(|conn_seq| Step::Detach { conn_seq }),
        1 => (0_u16..400).prop_map(|message| Step::Withdraw { message }),
        1 => proptest::option::of(0_u8..2).prop_map(|user| Step::Bind { user }),
        2 => any::<bool>().prop_map(|crash_before_merge| Step::Overflow { crash_before_merge }),
    ]
}

fn message(n: u16) -> MessageId {
    let mut bytes = [0; 16];
    bytes[14..].copy_from_slice(&n.to_be_bytes());
    MessageId::from_bytes(bytes)
}

fn user(n: u8) -> UserHash {
    UserHash(u64::from(n))
}

fn run(mailbox: &mut Mailbox, step: &Step) {
    match *step {
        Step::Enqueue { message: n, key, user: addressed } => {
            mailbox.enqueue(Enqueue {
                app: mailbox.app.clone(),
                message: message(n),
                user: addressed.map(user),
                now: UnixMillis(1),
                accepted_at: UnixMillis(1),
                expires_at: UnixMillis::NEVER,
                priority: Priority::Normal,
                collapse_key: key.map(|key| key.to_string()),
                body: Body::Reference,
                variant: 0,
            });
        }
        Step::TakeOver { gateway, conn_seq } => {
            let gateway = GatewayRef { server_id: ServerId([gateway; 8]), incarnation: 1 };
            _ = mailbox.take_over(Takeover { gateway, conn_seq, credential_generation: 1, now: UnixMillis(1) });
        }
        Step::Trim { conn_seq, ahead } => _ = mailbox.trim(conn_seq, mailbox.lo, mailbox.lo + ahead),
        Step::Tombstone { conn_seq, ahead } => {
            _ = mailbox.tombstone(conn_seq, &[(mailbox.lo + ahead, Reason::TimeToLive)]);
        }
        Step::Detach { conn_seq } => _ = mailbox.detach(conn_seq, mailbox.hi),
        Step::Withdraw { message: n } => _ = mailbox.withdraw(message(n), Reason::Recalled),
        Step::Bind { user: bound } => _ = mailbox.bind(bound.map(user)),
        Step::Overflow { crash_before_merge } => {
            if let Overflowed::Tombstoned(told) = mailbox.overflow()
                && !crash_before_merge
            {
                let before = mailbox.entries.len();
                mailbox.merge_overflow(&told.iter().map(|(message, _)| *message).collect::<Vec<_>>());
                assert!(mailbox.entries.len() < before, "a merge makes room");
            }
        }
    }
}

proptest! {
    #[test]
    fn the_item_stays_whole(steps in proptest::collection::vec(step(), 1..400)) {
        let mut mailbox = Mailbox::new("demo".parse().unwrap(), 1, 1, None);
        let (mut lo, mut hi, mut fence) = (1, 0, 0);
        for step in &steps {
            run(&mut mailbox, step);
            let seqs: Seq = mailbox.entries.iter().map(|entry| Seq::from(entry.span)).sum();
            prop_assert_eq!(mailbox.lo + seqs, mailbox.hi + 1, "no holes after {:?}", step);
            prop_assert!(mailbox.entries.len() <= MAILBOX_MAX_ENTRIES);
            prop_assert!(mailbox.lo >= lo && mailbox.hi >= hi && mailbox.conn_seq >= fence, "nothing goes back");
            prop_assert!(mailbox.route.is_none_or(|route| route.conn_seq == mailbox.conn_seq));
            let mut messages: Vec<_> = mailbox.entries.iter().map(|entry| entry.message).collect();
            messages.sort_unstable();
            messages.dedup();
            prop_assert_eq!(messages.len(), mailbox.entries.len(), "a message stands in it once");
            (lo, hi, fence) = (mailbox.lo, mailbox.hi, mailbox.conn_seq);
        }
    }
}
