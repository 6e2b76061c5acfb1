//! Mailboxes: the pure model, one item at a time.

use std::collections::BTreeMap;

use homing_domain::limits::{MAILBOX_MAX_REFUSALS, MAILBOX_MAX_TRIMMED_IDS};
use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, EntryState, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover,
    TakeoverRefused, Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{ConnSeq, DeviceId, MessageId, Reason, Seq, UserHash};
use homing_ports::{Created, Mailboxes, Result};

use super::{Faults, State, Weak, Weakness};

/// The mailboxes.
pub type MailboxState = BTreeMap<DeviceId, Mailbox>;

const fn state_name(state: Option<EntryState>) -> &'static str {
    match state {
        None => "gone",
        Some(EntryState::Live) => "live",
        Some(EntryState::Marked(_)) => "marked",
        Some(EntryState::Tombstone(_)) => "tombstone",
    }
}

const fn move_name(from: Option<EntryState>, to: Option<EntryState>) -> Option<&'static str> {
    use EntryState::{Live, Marked, Tombstone};
    match (from, to) {
        (None, Some(Live)) => Some("new -> live"),
        (Some(Live), Some(Marked(_))) => Some("live -> marked"),
        (Some(Live), Some(Tombstone(_))) => Some("live -> tombstone"),
        (Some(Marked(_)), Some(Tombstone(_))) => Some("marked -> tombstone"),
        (Some(Live), None) => Some("live -> trimmed"),
        (Some(Marked(_)), None) => Some("marked -> trimmed"),
        (Some(Tombstone(_)), None) => Some("tombstone -> trimmed or merged"),
        _ => None,
    }
}

impl State {
    /// Changes one item, and looks at what changed.
    fn change<T>(
        &mut self,
        device: DeviceId,
        operation: &'static str,
        change: impl FnOnce(&mut Mailbox) -> T,
    ) -> Option<T> {
        let mailbox = self.mailboxes.get_mut(&device)?;
        let before: Vec<_> = mailbox.numbered().map(|(seq, entry)| (seq, entry.message, entry.state)).collect();
        let answer = change(mailbox);
        let mailbox = &self.mailboxes[&device];
        let after: Vec<_> = mailbox.numbered().map(|(seq, entry)| (seq, entry.message, entry.state)).collect();
        self.check.removed(device, &before, mailbox);
        self.check.mailbox(device, mailbox);
        if before != after {
            self.note_moves(device, operation, &before, &after);
        }
        Some(answer)
    }

    /// What only the owner may do: whoever is fenced changes nothing, whatever the adapter answers.
    fn change_as_owner<T>(
        &mut self,
        device: DeviceId,
        operation: &'static str,
        conn_seq: ConnSeq,
        change: impl FnOnce(&mut Mailbox) -> std::result::Result<T, Fenced>,
    ) -> std::result::Result<T, Fenced> {
        let before = self.mailboxes.get(&device).cloned();
        let answer = self.change(device, operation, change).unwrap_or(Err(Fenced { current: 0 }));
        if before.as_ref().is_some_and(|mailbox| mailbox.conn_seq != conn_seq)
            && before.as_ref() != self.mailboxes.get(&device)
        {
            self.check.violated(format!("{device}: connection {conn_seq} is fenced and writes ({operation})"));
        }
        self.coverage.hit(if answer.is_ok() { "owner" } else { "fenced" }, operation);
        answer
    }

    fn note_moves(
        &mut self,
        device: DeviceId,
        operation: &'static str,
        before: &[(Seq, MessageId, EntryState)],
        after: &[(Seq, MessageId, EntryState)],
    ) {
        let find = |list: &[(Seq, MessageId, EntryState)], message| {
            list.iter().find(|(_, found, _)| *found == message).map(|(_, _, state)| *state)
        };
        for (seq, message, from) in before {
            let to = find(after, *message);
            if let Some(name) = move_name(Some(*from), to) {
                self.coverage.hit("entry", name);
                self.trace(|| format!("  {operation} {device}: seq {seq} {message} {from:?} -> {}", state_name(to)));
            }
            if let (EntryState::Tombstone(_), Some(EntryState::Live | EntryState::Marked(_))) = (from, to) {
                self.check.violated(format!("{device} seq {seq}: a tombstone came back to life"));
            }
        }
        for (seq, message, to) in after {
            if find(before, *message).is_none() {
                self.coverage.hit("entry", "new -> live");
                let forgets = self.mailboxes.get(&device).is_some_and(|mailbox| {
                    mailbox.trimmed.len() >= MAILBOX_MAX_TRIMMED_IDS || mailbox.refused.len() >= MAILBOX_MAX_REFUSALS
                });
                let (now, has_faults) = (self.now, self.faults != Faults::NONE);
                self.check.entry_is_timely(device, *message, now, has_faults);
                if self.check.entry_is_new(device, *message, forgets) {
                    self.coverage.hit("enqueue", "a repeat that the mailbox forgot");
                }
                self.trace(|| format!("  {operation} {device}: seq {seq} {message} new -> {to:?}"));
            }
        }
    }

    /// Runs an operation as if the device had certainly seen nothing, when that is the weakness of the run.
    fn change_blindly<T>(
        &mut self,
        device: DeviceId,
        operation: &'static str,
        weakness: Weakness,
        change: impl FnOnce(&mut Mailbox) -> T,
    ) -> Option<T> {
        let is_blind = self.weakness == weakness;
        self.change(device, operation, |mailbox| {
            let (sent, route) = (mailbox.sent, mailbox.route);
            if is_blind {
                mailbox.sent = 0;
                mailbox.route = None;
            }
            let answer = change(mailbox);
            if is_blind {
                mailbox.sent = sent;
                mailbox.route = route;
            }
            answer
        })
    }

    fn enqueue_one(&mut self, device: DeviceId, request: Enqueue) -> Enqueued {
        let before = self.mailboxes.get(&device).map_or(0, |mailbox| mailbox.hi);
        let answer = self.change(device, "enqueue", |mailbox| mailbox.enqueue(request)).unwrap_or(Enqueued::Unknown);
        let answer = self.look_at_repeat(before, answer);
        let name = match &answer {
            Enqueued::Stored { route: Some(_), .. } => "stored, with a route",
            Enqueued::Stored { route: None, .. } => "stored, without a route",
            Enqueued::Settled => "settled",
            Enqueued::Full { route: Some(_) } => "full, with a route",
            Enqueued::Full { route: None } => "full, without a route",
            Enqueued::Refused(Reason::Unbound) => "refused, unbound",
            Enqueued::Refused(_) => "refused",
            Enqueued::Unknown => "unknown",
            Enqueued::Revoked => "revoked",
        };
        self.coverage.hit("enqueue", name);
        answer
    }
}

impl State {
    /// A repeat that is pending is answered with its seq and route, for the first run may have died before its hand-off.
    fn look_at_repeat(&mut self, hi: Seq, answer: Enqueued) -> Enqueued {
        match answer {
            Enqueued::Stored { seq, enqueued_at, route, has_vendor, collapsed } if seq <= hi => {
                self.coverage.hit("enqueue", "a repeat that is pending");
                let forgets = self.weakness == Weakness::DuplicateWithoutRoute;
                Enqueued::Stored { seq, enqueued_at, route: route.filter(|_| !forgets), has_vendor, collapsed }
            }
            other => other,
        }
    }
}

impl Mailboxes for Weak {
    async fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> Result<Created> {
        self.call("create a mailbox", move |state| {
            if state.mailboxes.contains_key(&device) {
                return Ok(Created::Exists);
            }
            state.mailboxes.insert(device, mailbox);
            Ok(Created::New)
        })
        .await
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        self.call("read a mailbox", move |state| Ok(state.mailboxes.get(&device).cloned())).await
    }

    async fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        self.call("enqueue", move |state| {
            if state.weakness == Weakness::EnqueueForgets && state.random.per_mille(50) {
                // Answered, and lost: what a hand-off before the commit looks like after a crash.
                let kept = state.mailboxes.clone();
                let answers = requests.into_iter().map(|(device, request)| Ok(state.enqueue_one(device, request)));
                let answers = answers.collect();
                state.mailboxes = kept;
                return Ok(answers);
            }
            Ok(requests
                .into_iter()
                .map(|(device, request)| state.attempt("enqueue one", |state| Ok(state.enqueue_one(device, request))))
                .collect())
        })
        .await
    }

    async fn take_over(
        &self,
        device: DeviceId,
        takeover: Takeover,
    ) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        self.call("take over", move |state| {
            let unfenced = state.weakness == Weakness::TakeoverWithoutFence;
            let answer = state.change(device, "take over", |mailbox| {
                if unfenced {
                    mailbox.conn_seq = mailbox.conn_seq.min(takeover.conn_seq.saturating_sub(1));
                }
                mailbox.take_over(takeover)
            });
            let answer = answer.unwrap_or(Err(TakeoverRefused::Revoked));
            if answer.is_ok() {
                state.check.taken_over(device, takeover.conn_seq);
            }
            let name = match &answer {
                Ok(TakenOver { previous: Some(_), .. }) => "taken over from another",
                Ok(TakenOver { previous: None, .. }) => "taken over",
                Err(TakeoverRefused::Stale { .. }) => "stale",
                Err(TakeoverRefused::Credential) => "credential",
                Err(TakeoverRefused::Revoked) => "revoked",
            };
            state.coverage.hit("takeover", name);
            state.trace(|| format!("  take over {device} by {} n {}: {name}", takeover.gateway, takeover.conn_seq));
            Ok(answer)
        })
        .await
    }

    async fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        self.call("tombstone", move |state| {
            Ok(state.change_as_owner(device, "tombstone", conn_seq, |mailbox| mailbox.tombstone(conn_seq, &entries)))
        })
        .await
    }

    async fn trim(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        expected_lo: Seq,
        through: Seq,
    ) -> Result<std::result::Result<Trimmed, Fenced>> {
        self.call("trim", move |state| {
            let unfenced = state.weakness == Weakness::TrimWithoutFence;
            Ok(state.change_as_owner(device, "trim", conn_seq, |mailbox| {
                let conn_seq = if unfenced { mailbox.conn_seq } else { conn_seq };
                mailbox.trim(conn_seq, expected_lo, through)
            }))
        })
        .await
    }

    async fn detach(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        sent: Seq,
    ) -> Result<std::result::Result<Detached, Fenced>> {
        self.call("detach", move |state| {
            state.trace(|| format!("  detach {device} n {conn_seq} sent {sent}"));
            Ok(state.change_as_owner(device, "detach", conn_seq, |mailbox| mailbox.detach(conn_seq, sent)))
        })
        .await
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        self.call("set the vendor", move |state| {
            state.change(device, "set the vendor", |mailbox| mailbox.has_vendor = has_vendor);
            Ok(())
        })
        .await
    }

    async fn withdraw(&self, device: DeviceId, message: MessageId, reason: Reason) -> Result<Withdrawn> {
        self.call("withdraw", move |state| {
            if state.weakness == Weakness::WithdrawForgets {
                return Ok(Withdrawn::Absent);
            }
            let answer = state
                .change_blindly(device, "withdraw", Weakness::WithdrawOfSeen, |mailbox| {
                    mailbox.withdraw(message, reason)
                })
                .unwrap_or(Withdrawn::Absent);
            let name = match &answer {
                Withdrawn::Tombstoned => "tombstoned",
                Withdrawn::Marked { route: Some(_) } => "marked, with a route",
                Withdrawn::Marked { route: None } => "marked, without a route",
                Withdrawn::Absent => "absent",
            };
            state.coverage.hit("withdraw", name);
            Ok(answer)
        })
        .await
    }

    async fn bind(&self, device: DeviceId, user: Option<UserHash>) -> Result<Option<Rebound>> {
        self.call("bind", move |state| {
            let foreign = |mailbox: &Mailbox| -> Vec<MessageId> {
                let entries = mailbox.entries.iter().filter(|entry| entry.user.is_some() && entry.user != user);
                entries.map(|entry| entry.message).collect()
            };
            let withdrawn = state.mailboxes.get(&device).map(foreign).unwrap_or_default();
            state.check.unbound(device, &withdrawn, state.now);
            let answer = state.change(device, "bind", |mailbox| mailbox.bind(user));
            if let Some(rebound) = &answer {
                let name = if rebound.unseen.is_empty() { "nothing unseen" } else { "unseen withdrawn" };
                state.coverage.hit("bind", name);
            }
            Ok(answer)
        })
        .await
    }

    async fn revoke(&self, device: DeviceId) -> Result<Option<Rebound>> {
        self.call("revoke", move |state| Ok(state.change(device, "revoke", Mailbox::revoke))).await
    }

    async fn overflow(&self, device: DeviceId) -> Result<Option<Overflowed>> {
        self.call("overflow", move |state| {
            let answer = state.change_blindly(device, "overflow", Weakness::OverflowOfSeen, Mailbox::overflow);
            if let Some(overflowed) = &answer {
                let name = match overflowed {
                    Overflowed::Tombstoned(_) => "tombstoned",
                    Overflowed::NotFull => "not full",
                    Overflowed::NothingUnseen { route: Some(_) } => "nothing unseen, with a route",
                    Overflowed::NothingUnseen { route: None } => "nothing unseen, without a route",
                };
                state.coverage.hit("overflow", name);
            }
            Ok(answer)
        })
        .await
    }

    async fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> Result<()> {
        self.call("merge an overflow", move |state| {
            if state.change(device, "merge", |mailbox| mailbox.merge_overflow(&told)).is_some() {
                state.coverage.hit("overflow", "merged");
            }
            Ok(())
        })
        .await
    }
}
