//! What operators and devices ask for besides pushes: bind, unbind, deregister and recall. Each is
//! repeated until it is done, as its caller would.

use bytes::Bytes;
use homing_binding::{UpdateError, bind_user, deregister};
use homing_contract::queue::v1;
use homing_credentials::receipt_batch_id;
use homing_domain::mailbox::Withdrawn;
use homing_domain::{
    Channel, DeviceId, Ended, Event as ReceiptEvent, MessageId, Notice, Reason, Receipt, ReceiptBatch, UnixMillis,
    UserId,
};
use homing_ports::{Clock, Error, Fault, Mailboxes, Messages, Notices, Outgoing, QueueName, Queues};
use homing_tests::weak::{Owner, Weak};

use crate::agenda::Event;
use crate::world::{Answer, World};

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// Bind a device to a user, or to none.
    Bind(DeviceId, Option<UserId>),
    /// Deregister a device.
    Deregister(DeviceId),
    /// Take a message back.
    Recall(MessageId),
    /// Put something into a queue that does not belong there.
    Send(QueueName, Bytes),
}

/// An errand.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    pub(crate) owner: Owner,
    pub(crate) wish: Wish,
    pub(crate) is_done: bool,
}

impl World {
    /// A new errand.
    pub(crate) fn errand(&mut self, wish: Wish) {
        self.errands.push(Errand { owner: 0, wish, is_done: false });
        let index = self.errands.len() - 1;
        self.after(1, Event::Errand(index));
    }

    /// Runs an errand, again if it did not succeed.
    pub(crate) fn run_errand(&mut self, index: usize) {
        let owner = self.new_owner();
        self.errands[index].owner = owner;
        let wish = self.errands[index].wish.clone();
        self.trace(|| format!("errand {index}: {wish:?}"));
        let (weak, answers) = (self.weak.clone(), self.answers.clone());
        self.executor.spawn(owner, true, async move {
            let outcome = match wish {
                Wish::Bind(device, user) => match bind_user(&weak, device, user.as_ref(), weak.now()).await {
                    // A device that was deregistered meanwhile has no user.
                    Ok(_) | Err(UpdateError::Gone) => Ok(()),
                    Err(UpdateError::Port(error)) => Err(error),
                    Err(_) => Err(Error::new(Fault::Conflict, "bind")),
                },
                Wish::Deregister(device) => deregister(&weak, device, weak.now()).await,
                Wish::Recall(message) => recall(&weak, message).await,
                Wish::Send(queue, body) => weak.send(queue, vec![Outgoing::now(body)]).await,
            };
            answers.borrow_mut().push_back(Answer::Errand(index, outcome.is_ok()));
        });
    }

    /// An errand came back.
    pub(crate) fn errand_answer(&mut self, index: usize, is_done: bool) {
        if is_done {
            self.errands[index].is_done = true;
            let name = match self.errands[index].wish {
                Wish::Bind(_, Some(_)) => "bind",
                Wish::Bind(_, None) => "unbind",
                Wish::Deregister(_) => "deregister",
                Wish::Recall(_) => "recall",
                Wish::Send(..) => "poison",
            };
            self.hit("errand", name);
        } else {
            let delay = self.random.between(100, 2_000);
            self.after(delay, Event::Errand(index));
        }
    }
}

const fn receipt(message: MessageId, device: DeviceId, reason: Reason, at: UnixMillis) -> Receipt {
    let event = ReceiptEvent::Ended(Ended::undelivered(reason, None));
    Receipt { message, device, channel: Channel::Own, at, event }
}

async fn tell(weak: &Weak, receipts: Vec<Receipt>) -> Result<(), Error> {
    if receipts.is_empty() {
        return Ok(());
    }
    let batch = ReceiptBatch { id: receipt_batch_id(&receipts), receipts };
    weak.send(QueueName::Receipts, vec![Outgoing::now(v1::encode(&batch))]).await
}

async fn recall(weak: &Weak, message: MessageId) -> Result<(), Error> {
    for shard in weak.shards(message, None, 100).await? {
        for target in shard.targets {
            match weak.withdraw(target.device, message, Reason::Recalled).await? {
                Withdrawn::Tombstoned => {
                    tell(weak, vec![receipt(message, target.device, Reason::Recalled, weak.now())]).await?;
                }
                Withdrawn::Marked { route: Some(route) } => {
                    let notice = Notice::Reread { device: target.device, conn_seq: route.conn_seq };
                    weak.notify(route.gateway, vec![notice]).await?;
                }
                Withdrawn::Marked { route: None } | Withdrawn::Absent => {}
            }
        }
    }
    Ok(())
}
