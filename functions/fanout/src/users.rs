//! Pages of an audience of users: each user becomes the devices bound to them.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::try_join_all;
use homing_domain::limits::{SHARD_MAX_DEVICES, USER_MAX_DEVICES};
use homing_domain::{Cursor, Device, Message, Target, UserId};
use homing_ports::StageError;

use crate::enumerate::{Page, as_of, cursor_at, index};
use crate::exclude::Candidate;
use crate::{Fanout, Ports};

/// Users that are looked up at the same time: as many as certainly fit into one shard.
const USERS_AT_ONCE: usize = SHARD_MAX_DEVICES / USER_MAX_DEVICES;

impl<P: Ports> Fanout<P> {
    pub(crate) async fn page_of_users(
        &self,
        message: &Message,
        users: &[UserId],
        cursor: Cursor,
        limit: usize,
    ) -> Result<Page, StageError> {
        let start = index(cursor);
        let rest: Vec<_> = users.get(start..).unwrap_or_default().iter().collect();
        let (targets, taken) = self.devices_of_users(message, &rest, limit).await?;
        Ok((targets, cursor_at(start.saturating_add(taken), users.len())))
    }

    /// Resolves users until no other one is sure to fit, or nearly `limit` devices are found; one user at least. Answers how
    /// many users it took.
    pub(crate) async fn devices_of_users(
        &self,
        message: &Message,
        users: &[&UserId],
        limit: usize,
    ) -> Result<(Vec<Target>, usize), StageError> {
        let mut targets = Vec::new();
        let mut taken = 0;
        while taken < users.len() {
            let fit =
                (limit.min(SHARD_MAX_DEVICES).saturating_sub(targets.len()) / USER_MAX_DEVICES).min(USERS_AT_ONCE);
            // A slow message may have less room in a page than a user has devices.
            let fit = if taken == 0 { fit.max(1) } else { fit };
            if fit == 0 {
                break;
            }
            let some = &users[taken..users.len().min(taken + fit)];
            let candidates = self.bound_to(message, some).await?;
            targets.extend(self.select(message, candidates).await?);
            taken += some.len();
        }
        Ok((targets, taken))
    }

    /// The devices that were bound to these users when the release began, and still are. A device's own row says so, whatever
    /// the index of users says: so a device is found through one user at most, even when it changes hands between two pages,
    /// and has one row in the ledger.
    async fn bound_to(&self, message: &Message, users: &[&UserId]) -> Result<Vec<Candidate>, StageError> {
        let lookups = users.iter().map(|user| self.ports.devices_of_user(&message.app, user, USER_MAX_DEVICES));
        let mut listed = BTreeMap::<_, Vec<&UserId>>::new();
        for (user, devices) in users.iter().zip(try_join_all(lookups).await?) {
            for device in devices.into_iter().take(USER_MAX_DEVICES) {
                listed.entry(device).or_default().push(user);
            }
        }
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.ports.devices(listed.keys().copied().collect()).await?;
        // Many rows may be a moment old, so one that contradicts the index may be older than a binding that it lists.
        let rows = listed.iter().zip(rows).map(|((id, users), row)| async move {
            let agrees = row.as_ref().and_then(|row| row.user.as_ref()).is_some_and(|user| users.contains(&user));
            if agrees { Ok(row) } else { self.ports.device(id).await }
        });
        let as_of = as_of(message, self.ports.now());
        let wanted: HashSet<_> = users.iter().copied().collect();
        let candidate = |device: Device| {
            let user = device.user.as_ref().filter(|user| wanted.contains(user))?;
            let is_theirs = device.app == message.app && device.user_since.is_none_or(|since| since <= as_of);
            let target = Target::plain(device.id, Some(user.hash()));
            is_theirs.then_some(Candidate { target, device: Some(device) })
        };
        Ok(try_join_all(rows).await?.into_iter().flatten().filter_map(candidate).collect())
    }
}
