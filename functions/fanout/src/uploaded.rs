//! Pages of an uploaded list, of devices or of users.

use homing_domain::{AudienceId, Cursor, DeviceId, MemberKey, Message, Target};
use homing_ports::StageError;

use crate::enumerate::Page;
use crate::{Fanout, Ports};

impl<P: Ports> Fanout<P> {
    /// A list that is gone is nobody's choice: a person has to look.
    pub(crate) async fn check_list(&self, list: AudienceId) -> Result<(), StageError> {
        match self.ports.audience(list).await? {
            Some(uploaded) if uploaded.members.is_some() => Ok(()),
            Some(_) => Err(StageError::poison("the upload of the audience was never finished")),
            None => Err(StageError::poison("the uploaded audience was deleted")),
        }
    }

    pub(crate) async fn page_of_members(
        &self,
        message: &Message,
        list: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> Result<Page, StageError> {
        let members = self.ports.members(list, segment, after, limit).await?;
        let is_last = members.len() < limit;
        let users: Vec<_> = members.iter().filter_map(|member| member.user.as_ref()).collect();
        let (targets, taken) = if users.is_empty() {
            let devices = members.iter().map(|member| Target::plain(DeviceId::from_bytes(member.key.0), None));
            let page = self.named(message, devices.collect()).await?;
            (self.select(message, page).await?, members.len())
        } else {
            self.devices_of_users(message, &users, limit).await?
        };
        let is_done = is_last && taken == members.len();
        // Members that were read and not taken are read again with the next page.
        let last = taken.checked_sub(1).and_then(|last| members.get(last)).filter(|_| !is_done);
        Ok((targets, last.map(|member| Cursor::AfterMember(member.key))))
    }
}
