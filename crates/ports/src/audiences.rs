//! Uploaded lists of devices or users. They are written part by part, finished once, and then only read, until they are
//! deleted when their time is over. What has the key of a member is on the list once; which user it names is its last
//! writer's word, and the same from each, for the key derives from the user.

use std::future::Future;

use homing_domain::{AppId, AudienceId, Member, MemberKey, UploadedAudience};

use crate::{Created, Result};

/// Uploaded lists.
pub trait Audiences: Send + Sync {
    /// Puts a list without members. An id is never given to a second list: members of the first may be there still.
    fn create_audience(&self, audience: UploadedAudience) -> impl Future<Output = Result<Created>> + Send;

    /// One list; `None` when its time is over.
    fn audience(&self, id: AudienceId) -> impl Future<Output = Result<Option<UploadedAudience>>> + Send;

    /// The lists of an app in the order of their ids, after `after`, at most `limit`. May be stale by moments.
    fn audiences_of_app(
        &self,
        app: &AppId,
        after: Option<AudienceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<UploadedAudience>>> + Send;

    /// Adds members, each once however often it is added. Those of one call may come in any order, and some of them may be
    /// added when the call fails. To a list that is not there nothing is added.
    fn add_members(&self, id: AudienceId, members: Vec<Member>) -> impl Future<Output = Result<()>> + Send;

    /// Counts the members, and lets the list be sent to. Answers the list as it stands; `None` = no such list. Members that
    /// are added while it runs may or may not be counted; what is finished is not counted again.
    fn finish_audience(&self, id: AudienceId) -> impl Future<Output = Result<Option<UploadedAudience>>> + Send;

    /// Members of one segment (see [`MemberKey::segment`]) in the order of their keys, after `after`, at most `limit`. Never
    /// stale.
    fn members(
        &self,
        id: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Member>>> + Send;

    /// Which of these are members; answers in the same order. At most [`homing_domain::limits::SHARD_MAX_DEVICES`].
    fn are_members(&self, id: AudienceId, keys: Vec<MemberKey>) -> impl Future<Output = Result<Vec<bool>>> + Send;

    /// Deletes a list. Its members may be deleted some time later.
    fn delete_audience(&self, id: AudienceId) -> impl Future<Output = Result<()>> + Send;
}
