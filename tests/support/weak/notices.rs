//! Notices: hints that may be lost, repeated and reordered.

use std::collections::BTreeMap;
use std::task::{Poll, Waker};

use homing_domain::{GatewayRef, Millis, Notice};
use homing_ports::{Error, Fault, NoticeSource, Notices, Result};

use super::{State, Weak};

/// Notices that one inbox holds; beyond it the sender is told to retry.
const INBOX_MAX: usize = 256;

/// Inboxes of gateways. One exists from the first lease on.
#[derive(Debug, Default)]
pub struct NoticeState {
    inboxes: BTreeMap<GatewayRef, Vec<Notice>>,
    waiting: Vec<Waker>,
}

impl NoticeState {
    pub(super) fn open(&mut self, gateway: GatewayRef) {
        self.inboxes.entry(gateway).or_default();
    }

    /// The incarnation is gone.
    pub fn close(&mut self, gateway: GatewayRef) {
        self.inboxes.remove(&gateway);
    }
}

impl State {
    fn deliver_notice(&mut self, gateway: GatewayRef, notice: Notice) {
        let faults = self.faults;
        if self.strikes(faults.notice_lost, "notice is lost") {
            return;
        }
        let copies = if self.strikes(faults.notice_repeat, "notice is repeated") { 2 } else { 1 };
        let Some(inbox) = self.notices.inboxes.get_mut(&gateway) else {
            self.coverage.hit("notice", "gateway is gone");
            return;
        };
        for _ in 0..copies {
            let at = self.random.index(inbox.len() + 1);
            inbox.insert(at, notice.clone());
        }
        for waker in self.notices.waiting.drain(..) {
            waker.wake();
        }
    }
}

impl Notices for Weak {
    async fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> Result<()> {
        self.call("notify", move |state| {
            if state.notices.inboxes.get(&gateway).is_some_and(|inbox| inbox.len() + notices.len() > INBOX_MAX) {
                return Err(Error::new(Fault::Retry, "notify"));
            }
            for notice in notices {
                state.deliver_notice(gateway, notice);
            }
            Ok(())
        })
        .await
    }
}

impl Weak {
    /// An answer that is lost loses the notices in it. Where no notice may be lost, no answer is.
    async fn take_once(&self, gateway: GatewayRef, max: usize) -> Result<Vec<Notice>> {
        let take = move |state: &mut State| {
            let Some(inbox) = state.notices.inboxes.get_mut(&gateway) else { return Ok(Vec::new()) };
            let count = inbox.len().min(max);
            Ok(inbox.drain(..count).collect::<Vec<_>>())
        };
        let loses = self.lock().faults.notice_lost > 0;
        if loses { self.call("take notices", take).await } else { self.call_surely(take).await }
    }
}

impl NoticeSource for Weak {
    async fn take_notices(&self, gateway: GatewayRef, max: usize, wait: Millis) -> Result<Vec<Notice>> {
        let deadline = self.lock().now.plus(wait);
        loop {
            let taken = self.take_once(gateway, max).await?;
            let now = self.lock().now;
            if !taken.is_empty() || now >= deadline {
                return Ok(taken);
            }
            let mut slept = false;
            std::future::poll_fn(|context| {
                if slept {
                    return Poll::Ready(());
                }
                slept = true;
                let mut state = self.lock();
                let tie = state.random.next_u64();
                state.timers.add(deadline, tie, context.waker().clone());
                state.notices.waiting.push(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }
}
