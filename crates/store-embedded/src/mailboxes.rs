//! Mailboxes: the pure model of the domain, run on one row per device.

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{ConnSeq, DeviceId, MessageId, Reason, Seq, UserHash};
use homing_ports::{Created, Mailboxes, Result};

use crate::EmbeddedStore;
use crate::committer::View;
use crate::error::{StoreError, StoreResult};
use crate::table::{Key, Table};

fn key(device: DeviceId) -> Key {
    Key::of(Table::Mailboxes).device(&device)
}

/// Runs an operation of the model and writes the item if it changed. `None` = there is no mailbox.
fn change<T>(
    view: &mut View<'_>,
    device: DeviceId,
    operation: impl FnOnce(&mut Mailbox) -> T,
) -> StoreResult<Option<T>> {
    let key = key(device);
    let Some(before) = view.noun::<Mailbox>(&key)? else {
        return Ok(None);
    };
    let mut mailbox = before.clone();
    let answer = operation(&mut mailbox);
    if mailbox != before {
        view.put_noun(key, &mailbox);
    }
    Ok(Some(answer))
}

/// What an owner's operation answers for a device without a mailbox: nobody can own it.
const NO_OWNER: Fenced = Fenced { current: 0 };

impl EmbeddedStore {
    async fn change_mailbox<T: Send + 'static>(
        &self,
        operation: &'static str,
        device: DeviceId,
        run: impl FnOnce(&mut Mailbox) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        self.commit(operation, move |view| change(view, device, run)).await
    }
}

impl Mailboxes for EmbeddedStore {
    async fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> Result<Created> {
        self.commit("create the mailbox", move |view| {
            let key = key(device);
            if view.contains(&key)? {
                return Ok(Created::Exists);
            }
            view.put_noun(key, &mailbox);
            Ok(Created::New)
        })
        .await
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        self.engine().noun(&key(device)).map_err(|error| error.in_port("read the mailbox"))
    }

    async fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        const OPERATION: &str = "enqueue into the mailbox";
        self.commit(OPERATION, move |view| {
            let enqueue_one = |(device, request): (DeviceId, Enqueue)| {
                // One damaged item must not hold up the others of its page.
                match change(view, device, |mailbox| mailbox.enqueue(request)) {
                    Ok(answer) => Ok(Ok(answer.unwrap_or(Enqueued::Unknown))),
                    Err(damaged @ StoreError::Damaged { .. }) => Ok(Err(damaged.in_port(OPERATION))),
                    Err(other) => Err(other),
                }
            };
            requests.into_iter().map(enqueue_one).collect()
        })
        .await
    }

    async fn take_over(
        &self,
        device: DeviceId,
        takeover: Takeover,
    ) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        let run = move |mailbox: &mut Mailbox| mailbox.take_over(takeover);
        let answer = self.change_mailbox("take the mailbox over", device, run).await?;
        Ok(answer.unwrap_or(Err(TakeoverRefused::Revoked)))
    }

    async fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        let run = move |mailbox: &mut Mailbox| mailbox.tombstone(conn_seq, &entries);
        let answer = self.change_mailbox("tombstone entries of the mailbox", device, run).await?;
        Ok(answer.unwrap_or(Err(NO_OWNER)))
    }

    async fn trim(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        expected_lo: Seq,
        through: Seq,
    ) -> Result<std::result::Result<Trimmed, Fenced>> {
        let run = move |mailbox: &mut Mailbox| mailbox.trim(conn_seq, expected_lo, through);
        let answer = self.change_mailbox("trim the mailbox", device, run).await?;
        Ok(answer.unwrap_or(Err(NO_OWNER)))
    }

    async fn detach(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        sent: Seq,
    ) -> Result<std::result::Result<Detached, Fenced>> {
        let run = move |mailbox: &mut Mailbox| mailbox.detach(conn_seq, sent);
        let answer = self.change_mailbox("detach the mailbox", device, run).await?;
        Ok(answer.unwrap_or(Err(NO_OWNER)))
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        let run = move |mailbox: &mut Mailbox| mailbox.has_vendor = has_vendor;
        self.change_mailbox("note in the mailbox whether there is a vendor", device, run).await?;
        Ok(())
    }

    async fn withdraw(&self, device: DeviceId, message: MessageId, reason: Reason) -> Result<Withdrawn> {
        let run = move |mailbox: &mut Mailbox| mailbox.withdraw(message, reason);
        let answer = self.change_mailbox("withdraw from the mailbox", device, run).await?;
        Ok(answer.unwrap_or(Withdrawn::Absent))
    }

    async fn bind(&self, device: DeviceId, user: Option<UserHash>) -> Result<Option<Rebound>> {
        self.change_mailbox("bind the mailbox", device, move |mailbox| mailbox.bind(user)).await
    }

    async fn revoke(&self, device: DeviceId) -> Result<Option<Rebound>> {
        self.change_mailbox("revoke the mailbox", device, Mailbox::revoke).await
    }

    async fn overflow(&self, device: DeviceId) -> Result<Option<Overflowed>> {
        self.change_mailbox("make room in the mailbox", device, Mailbox::overflow).await
    }

    async fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> Result<()> {
        let run = move |mailbox: &mut Mailbox| mailbox.merge_overflow(&told);
        self.change_mailbox("merge tombstones of the mailbox", device, run).await?;
        Ok(())
    }
}
