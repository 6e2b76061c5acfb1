//! Who does not get a message although its audience holds them.

use std::collections::HashSet;

use homing_credentials::member_key;
use homing_domain::{AudienceId, Device, Exclusion, MemberKey, MemberKind, Message, Target, UnixMillis, UserId};
use homing_ports::StageError;

use crate::{Fanout, Ports};

/// A device that the audience holds.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Without anything decided.
    pub(crate) target: Target,
    /// As the directory knows it; `None` = it does not, or nobody needs to know.
    pub(crate) device: Option<Device>,
}

impl Candidate {
    fn user(&self) -> Option<&UserId> {
        self.device.as_ref().and_then(|device| device.user.as_ref())
    }
}

/// Whether an exclusion hangs on what the directory says of a device.
pub(crate) const fn needs_directory(exclude: &Exclusion) -> bool {
    !exclude.users.is_empty() || exclude.expression.is_some() || exclude.uploaded.is_some()
}

impl<P: Ports> Fanout<P> {
    /// Those of a page that nothing excludes, in the same order; at most [`homing_domain::limits::SHARD_MAX_DEVICES`] of them.
    pub(crate) async fn not_excluded(
        &self,
        message: &Message,
        mut page: Vec<Candidate>,
        as_of: UnixMillis,
    ) -> Result<Vec<Candidate>, StageError> {
        let exclude = &message.exclude;
        if exclude.is_empty() {
            return Ok(page);
        }
        page.retain(|one| match &one.device {
            Some(device) => !exclude.names(device, as_of),
            None => !exclude.devices.contains(&one.target.device),
        });
        match exclude.uploaded {
            Some(list) if !page.is_empty() => self.not_on_list(list, page).await,
            _ => Ok(page),
        }
    }

    async fn not_on_list(&self, list: AudienceId, mut page: Vec<Candidate>) -> Result<Vec<Candidate>, StageError> {
        // Rather nobody than those who were to be spared.
        let uploaded = self.ports.audience(list).await?;
        let uploaded = uploaded.ok_or_else(|| StageError::poison("the list that is excluded was deleted"))?;
        let key = |one: &Candidate| match uploaded.kind {
            MemberKind::Devices => Some(MemberKey::of_device(&one.target.device)),
            MemberKind::Users => one.user().map(member_key),
        };
        let keys: Vec<_> = page.iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(page);
        }
        let answers = self.ports.are_members(list, keys.clone()).await?;
        let members: HashSet<_> = keys.into_iter().zip(answers).filter_map(|(key, is)| is.then_some(key)).collect();
        page.retain(|one| !key(one).is_some_and(|key| members.contains(&key)));
        Ok(page)
    }
}
