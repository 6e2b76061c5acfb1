//! Pages of an audience of users: each user becomes the devices bound to them.

use std::collections::HashSet;

use futures_util::future::try_join_all;
use homing_domain::limits::{SHARD_MAX_DEVICES, USER_MAX_DEVICES};
use homing_domain::{Cursor, DeviceId, Message, Shard, Target, UserId};
use homing_ports::{Error, Fault, StageError};

use crate::enumerate::{cursor_at, index, shard_id};
use crate::{Fanout, Ports};

/// Users that are looked up at the same time: as many as certainly fit into one shard.
const USERS_AT_ONCE: usize = SHARD_MAX_DEVICES / USER_MAX_DEVICES;

impl<P: Ports> Fanout<P> {
    /// Resolves users until no other one is sure to fit.
    ///
    /// A device is targeted once per message, even when it changes hands between two pages or the index of users lags:
    /// the ledger has one row per (message, device), and two targets for one row would never balance.
    pub(crate) async fn page_of_users(
        &self,
        message: &Message,
        users: &[UserId],
        cursor: Cursor,
    ) -> Result<(Vec<Target>, Option<Cursor>), StageError> {
        let mut targeted = self.targeted_before(message, cursor).await?;
        let mut targets = Vec::new();
        let mut at = index(cursor);
        while at < users.len() {
            let fit = USERS_AT_ONCE.min((SHARD_MAX_DEVICES - targets.len()) / USER_MAX_DEVICES);
            if fit == 0 {
                break;
            }
            let some = &users[at..users.len().min(at + fit)];
            let lookups = some.iter().map(|user| self.ports.devices_of_user(&message.app, user, USER_MAX_DEVICES));
            for (user, devices) in some.iter().zip(try_join_all(lookups).await?) {
                let new = devices.into_iter().take(USER_MAX_DEVICES).filter(|device| targeted.insert(*device));
                targets.extend(new.map(|device| Target::plain(device, Some(user.hash()))));
            }
            at += some.len();
        }
        Ok((targets, cursor_at(at, users.len())))
    }

    /// The devices of all earlier pages. They are stored, because a page is sent on only after it was; each is read by
    /// putting it again, which answers what is stored and, unlike a listing, is never stale.
    async fn targeted_before(&self, message: &Message, until: Cursor) -> Result<HashSet<DeviceId>, StageError> {
        let mut targeted = HashSet::new();
        let mut cursor = Cursor::Start;
        while index(cursor) < index(until) {
            let id = shard_id(message.id, 0, cursor);
            let blank = Shard { id, message: message.id, targets: Vec::new(), next: Some(until) };
            let page = self.ports.put_shard(blank).await?;
            targeted.extend(page.targets.iter().map(|target| target.device));
            // Only a last page can be empty: before that, users are added until a page is nearly full.
            cursor = page
                .next
                .filter(|next| index(*next) > index(cursor) && !page.targets.is_empty())
                .ok_or(Error::new(Fault::Broken, "follow the pages of an audience"))?;
        }
        Ok(targeted)
    }
}
