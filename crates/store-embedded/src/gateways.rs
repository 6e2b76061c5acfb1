//! Leases of gateways and their inboxes: in memory, for a restart of the process ends both.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use homing_domain::{GatewayRef, Lease, Millis, Notice, ServerId, UnixMillis};
use homing_ports::{Clock, Gateways, NoticeSource, Notices, Result};
use tokio::sync::Notify;

use crate::EmbeddedStore;
use crate::error::StoreError;

/// Notices that wait for one gateway. A hand-off carries up to a page of devices, so this is seconds of full load; beyond
/// it the sender is told to try again.
const INBOX_MAX: usize = 8_192;

/// All gateways that this process has heard of.
#[derive(Default)]
pub(crate) struct Fleet {
    members: Mutex<HashMap<ServerId, Member>>,
    /// A lease began, a notice came, or an inbox went.
    changed: Notify,
}

/// The latest incarnation of one gateway.
struct Member {
    lease: Lease,
    /// It left: it does not come back as this incarnation.
    ended: bool,
    inbox: VecDeque<Notice>,
}

impl Fleet {
    fn members(&self) -> MutexGuard<'_, HashMap<ServerId, Member>> {
        // Nothing that runs under the lock leaves a member half changed.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self, lease: Lease) -> bool {
        let mut members = self.members();
        if let Some(member) = members.get_mut(&lease.gateway.server_id) {
            let (known, asking) = (member.lease.gateway.incarnation, lease.gateway.incarnation);
            if known > asking || (known == asking && member.ended) {
                return false;
            }
            if known == asking {
                member.lease = lease;
                return true;
            }
        }
        let member = Member { ended: false, inbox: VecDeque::new(), lease };
        members.insert(member.lease.gateway.server_id, member);
        drop(members);
        self.changed.notify_waiters();
        true
    }

    fn end(&self, gateway: GatewayRef) {
        if let Some(member) = self.members().get_mut(&gateway.server_id).filter(|member| member.is(gateway)) {
            member.ended = true;
            member.lease.expires_at = UnixMillis(0);
            member.inbox = VecDeque::new();
        }
    }

    fn put(&self, gateway: GatewayRef, notices: Vec<Notice>, now: UnixMillis) -> std::result::Result<(), StoreError> {
        if notices.len() > INBOX_MAX {
            return Err(StoreError::TooLarge { what: "the number of notices", limit: INBOX_MAX });
        }
        let mut members = self.members();
        let Some(member) = members.get_mut(&gateway.server_id).filter(|member| member.is(gateway) && !member.ended)
        else {
            return Ok(());
        };
        if member.inbox.len() + notices.len() > INBOX_MAX {
            // Nobody empties it any more: swallowed, as for one that is gone.
            return if member.lease.is_valid(now) { Err(StoreError::InboxFull) } else { Ok(()) };
        }
        member.inbox.extend(notices);
        drop(members);
        self.changed.notify_waiters();
        Ok(())
    }

    fn take(&self, gateway: GatewayRef, max: usize) -> Vec<Notice> {
        match self.members().get_mut(&gateway.server_id).filter(|member| member.is(gateway)) {
            Some(member) => {
                let count = max.min(member.inbox.len());
                member.inbox.drain(..count).collect()
            }
            None => Vec::new(),
        }
    }

    async fn wait_and_take(&self, gateway: GatewayRef, max: usize) -> Vec<Notice> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Listen first, look then: what comes in between is not missed.
            changed.as_mut().enable();
            let taken = self.take(gateway, max);
            if !taken.is_empty() {
                return taken;
            }
            changed.await;
        }
    }
}

impl Member {
    fn is(&self, gateway: GatewayRef) -> bool {
        self.lease.gateway == gateway
    }
}

impl Gateways for EmbeddedStore {
    async fn renew_lease(&self, lease: Lease) -> Result<bool> {
        Ok(self.shared.fleet.renew(lease))
    }

    async fn end_lease(&self, gateway: GatewayRef) -> Result<()> {
        self.shared.fleet.end(gateway);
        Ok(())
    }

    async fn leases(&self) -> Result<Vec<Lease>> {
        Ok(self.shared.fleet.members().values().map(|member| member.lease.clone()).collect())
    }
}

impl Notices for EmbeddedStore {
    async fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> Result<()> {
        let now = Clock::now(&*self.shared.clock);
        self.shared.fleet.put(gateway, notices, now).map_err(|error| error.in_port("tell the gateway"))
    }
}

impl NoticeSource for EmbeddedStore {
    async fn take_notices(&self, gateway: GatewayRef, max: usize, wait: Millis) -> Result<Vec<Notice>> {
        if max == 0 || wait == 0 {
            return Ok(self.shared.fleet.take(gateway, max));
        }
        let taken = self.shared.fleet.wait_and_take(gateway, max);
        Ok(tokio::time::timeout(Duration::from_millis(wait), taken).await.unwrap_or_default())
    }
}
