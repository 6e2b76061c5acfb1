//! What operators and devices ask for besides pushes: bind, unbind, deregister and recall. Each is
//! repeated until it is done, as its caller would.

use std::convert::Infallible;

use bytes::Bytes;
use homing_binding::{UpdateError, bind_user, deregister, update_device};
use homing_domain::{AppId, DeviceId, MessageChange, MessageId, Millis, UnixMillis, UserId, VendorToken};
use homing_intake::{ControlError, amend, change, recall};
use homing_ports::{Clock, Error, Fault, Outgoing, QueueName, Queues};
use homing_tests::weak::{Owner, Weak};

use crate::agenda::Event;
use crate::mutant::Mutant;
use crate::world::{Answer, World};

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// Bind a device to a user, or to none.
    Bind(DeviceId, Option<UserId>),
    /// A device reports the token that it has at its vendor, or that it has none.
    Report(DeviceId, Option<&'static str>),
    /// Deregister a device.
    Deregister(DeviceId),
    /// Take a message back.
    Recall(MessageId),
    /// Tell a message how to go on.
    Change(MessageId, MessageChange),
    /// Let a paused message go on.
    Resume(MessageId),
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
        self.errand_after(1, wish);
    }

    /// A new errand, some time from now.
    pub(crate) fn errand_after(&mut self, delay: Millis, wish: Wish) {
        self.errands.push(Errand { owner: 0, wish, is_done: false });
        let index = self.errands.len() - 1;
        self.after(delay, Event::Errand(index));
    }

    /// Runs an errand, again if it did not succeed.
    pub(crate) fn run_errand(&mut self, index: usize) {
        let owner = self.new_owner();
        self.errands[index].owner = owner;
        let wish = self.errands[index].wish.clone();
        self.trace(|| format!("errand {index}: {wish:?}"));
        let (weak, answers, app) = (self.weak.clone(), self.answers.clone(), self.app.clone());
        let forgets_lanes = self.is(Mutant::LaneHistoryForgotten);
        self.executor.spawn(owner, true, async move {
            let outcome = match wish {
                Wish::Bind(device, user) => match bind_user(&weak, device, user.as_ref(), || weak.now()).await {
                    // A device that was deregistered meanwhile has no user.
                    Ok(_) | Err(UpdateError::Gone) => Ok(()),
                    Err(UpdateError::Port(error)) => Err(error),
                    Err(_) => Err(Error::new(Fault::Conflict, "bind")),
                },
                Wish::Report(device, token) => report(&weak, device, token, forgets_lanes).await,
                Wish::Deregister(device) => deregister(&weak, device, weak.now()).await,
                Wish::Recall(message) => answered(recall(&weak, &app, message, weak.now()).await),
                Wish::Change(message, change) => tell(&weak, &app, message, change).await,
                Wish::Resume(message) => tell(&weak, &app, message, MessageChange::Resume(weak.now())).await,
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
                Wish::Report(..) => "report",
                Wish::Deregister(_) => "deregister",
                Wish::Recall(_) => "recall",
                Wish::Change(..) => "change",
                Wish::Resume(_) => "resume",
                Wish::Send(..) => "poison",
            };
            self.hit("errand", name);
        } else {
            let delay = self.random.between(100, 2_000);
            self.after(delay, Event::Errand(index));
        }
    }
}

/// What the API does on `pause`, `resume`, `abort`, `cancel` and `PATCH`. A refusal is an answer.
async fn tell(weak: &Weak, app: &AppId, id: MessageId, asked: MessageChange) -> Result<(), Error> {
    let changed = match asked {
        MessageChange::Amend(amendment) => amend(weak, app, id, *amendment).await,
        asked => change(weak, app, id, asked).await,
    };
    answered(changed)
}

fn answered<T>(answer: Result<T, ControlError>) -> Result<(), Error> {
    match answer {
        Err(ControlError::Port(error)) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What the API does when a device reports. A device that forgets its lanes is a fault that is built in.
async fn report(weak: &Weak, id: DeviceId, token: Option<&str>, forgets_lanes: bool) -> Result<(), Error> {
    let now = weak.now();
    let vendor = token.map(|token| VendorToken { channel: "fcm".to_owned(), token: token.to_owned(), since: now });
    let leaves = u32::from(vendor.is_none());
    *weak.lock().tokens.leaving.entry(id).or_default() += leaves;
    let reported = update_device(weak, id, now, |device| -> Result<(), Infallible> {
        device.vendor.clone_from(&vendor);
        Ok(())
    });
    let reported = reported.await;
    *weak.lock().tokens.leaving.entry(id).or_default() -= leaves;
    match reported {
        Ok(_) if forgets_lanes => {
            if let Some(device) = weak.lock().devices.rows.get_mut(&id) {
                device.lanes.iter_mut().for_each(|change| change.at = UnixMillis(0));
            }
            Ok(())
        }
        Ok(_) | Err(UpdateError::Gone) => Ok(()),
        Err(UpdateError::Port(error)) => Err(error),
        Err(_) => Err(Error::new(Fault::Conflict, "report")),
    }
}
