//! Lists of devices or users that are uploaded once and sent to by name: `/v1/audiences`.

use homing_domain::{MemberKind, UploadedAudience};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::to_timestamp;

/// Lines that are told to be wrong, one by one; the rest is only counted.
pub const INVALID_LINES_SHOWN: usize = 100;

/// What the lines of a list name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberKindName {
    /// Devices, by id or push token.
    Devices,
    /// Users, by your own names.
    Users,
}

impl From<MemberKindName> for MemberKind {
    fn from(name: MemberKindName) -> Self {
        match name {
            MemberKindName::Devices => Self::Devices,
            MemberKindName::Users => Self::Users,
        }
    }
}

impl From<MemberKind> for MemberKindName {
    fn from(kind: MemberKind) -> Self {
        match kind {
            MemberKind::Devices => Self::Devices,
            MemberKind::Users => Self::Users,
        }
    }
}

/// An uploaded list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadedAudienceView {
    /// Its id: `{"audience": {"audience_id": …}}` sends to it.
    #[schema(format = Uuid)]
    pub audience_id: String,
    /// What you call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What its lines name.
    pub kind: MemberKindName,
    /// Whether it may be sent to; before that, lines may be added.
    pub finished: bool,
    /// How many different members it has, once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// When the upload began.
    pub created_at: Timestamp,
    /// When it is deleted.
    pub expires_at: Timestamp,
}

impl From<&UploadedAudience> for UploadedAudienceView {
    fn from(audience: &UploadedAudience) -> Self {
        Self {
            audience_id: audience.id.to_string(),
            name: audience.name.clone(),
            kind: audience.kind.into(),
            finished: audience.members.is_some(),
            members: audience.members,
            created_at: to_timestamp(audience.created_at),
            expires_at: to_timestamp(audience.expires_at),
        }
    }
}

/// A page of uploaded lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadedAudienceList {
    /// The lists, in no order that means anything.
    pub audiences: Vec<UploadedAudienceView>,
    /// For the next page; none on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A line that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvalidLine {
    /// Which line of this upload, counted from 1.
    pub line: u64,
    /// Stable name of the rule that is broken.
    #[schema(example = "invalid_device")]
    pub code: String,
    /// The rule in words.
    pub message: String,
}

/// What became of an upload. Lines that are not valid never stop the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    /// The list as it stands now.
    #[serde(flatten)]
    pub audience: UploadedAudienceView,
    /// Lines of this upload that are not blank.
    pub lines: u64,
    /// How many of them are not valid, and were left out.
    pub invalid_lines: u64,
    /// The first hundred of these.
    pub invalid: Vec<InvalidLine>,
}
