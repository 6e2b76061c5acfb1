//! Uploaded lists.

use std::collections::BTreeMap;

use homing_domain::{AppId, AudienceId, Member, MemberKey, UploadedAudience, UserId};
use homing_ports::{Audiences, Created, Result};

use super::Weak;

/// Uploaded lists.
#[derive(Debug, Default)]
pub struct AudienceState {
    /// The lists.
    pub rows: BTreeMap<AudienceId, UploadedAudience>,
    /// Their members.
    pub members: BTreeMap<(AudienceId, MemberKey), Option<UserId>>,
}

impl AudienceState {
    fn count(&self, id: AudienceId) -> u64 {
        self.members.keys().filter(|(of, _)| *of == id).count() as u64
    }
}

impl Audiences for Weak {
    async fn create_audience(&self, audience: UploadedAudience) -> Result<Created> {
        self.call("create a list", move |state| {
            if state.audiences.rows.contains_key(&audience.id) {
                return Ok(Created::Exists);
            }
            state.audiences.rows.insert(audience.id, audience);
            Ok(Created::New)
        })
        .await
    }

    async fn audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.call("read a list", move |state| {
            let stored = state.audiences.rows.get(&id).cloned();
            Ok(stored.filter(|audience| audience.expires_at > state.now))
        })
        .await
    }

    async fn audiences_of_app(
        &self,
        app: &AppId,
        after: Option<AudienceId>,
        limit: usize,
    ) -> Result<Vec<UploadedAudience>> {
        let app = app.clone();
        self.call("list lists", move |state| {
            let of_app = state.audiences.rows.values().filter(|audience| audience.app == app);
            let rest = of_app.filter(|audience| after.is_none_or(|after| audience.id > after));
            let rest = rest.filter(|audience| audience.expires_at > state.now);
            Ok(rest.take(limit).cloned().collect())
        })
        .await
    }

    async fn add_members(&self, id: AudienceId, members: Vec<Member>) -> Result<()> {
        self.call("add members", move |state| {
            if state.audiences.rows.contains_key(&id) {
                state.audiences.members.extend(members.into_iter().map(|member| ((id, member.key), member.user)));
            }
            Ok(())
        })
        .await
    }

    async fn finish_audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.call("finish a list", move |state| {
            let count = state.audiences.count(id);
            let Some(audience) = state.audiences.rows.get_mut(&id) else { return Ok(None) };
            audience.members.get_or_insert(count);
            Ok(Some(audience.clone()))
        })
        .await
    }

    async fn members(
        &self,
        id: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        self.call("list members", move |state| {
            let of_list = state.audiences.members.iter().filter(|((of, _), _)| *of == id);
            let of_segment = of_list.filter(|((_, key), _)| key.segment() == segment);
            let rest = of_segment.filter(|((_, key), _)| after.is_none_or(|after| *key > after));
            Ok(rest.take(limit).map(|((_, key), user)| Member { key: *key, user: user.clone() }).collect())
        })
        .await
    }

    async fn are_members(&self, id: AudienceId, keys: Vec<MemberKey>) -> Result<Vec<bool>> {
        self.call("look for members", move |state| {
            Ok(keys.iter().map(|key| state.audiences.members.contains_key(&(id, *key))).collect())
        })
        .await
    }

    async fn delete_audience(&self, id: AudienceId) -> Result<()> {
        self.call("delete a list", move |state| {
            state.audiences.rows.remove(&id);
            state.audiences.members.retain(|(of, _), _| *of != id);
            Ok(())
        })
        .await
    }
}
