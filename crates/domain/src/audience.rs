//! Who a message is for.

use crate::expression::Expression;
use crate::id::{AudienceId, DeviceId, MessageId, UserId};
use crate::limits::FANOUT_SEGMENTS;

/// Who a message is for, as the sender said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// These devices; at most [`crate::limits::AUDIENCE_MAX_NAMES`], no duplicates.
    Devices(Vec<DeviceId>),
    /// All devices bound to these users at release; at most [`crate::limits::AUDIENCE_MAX_NAMES`], no duplicates.
    Users(Vec<UserId>),
    /// Every device of the app that was registered before release and that the expression holds for.
    Expression(Expression),
    /// Everyone on a list that was uploaded before.
    Uploaded(AudienceId),
    /// Every device of the app that was registered before release.
    All,
    /// Every device that another message was for: of a recall. Not to be had by name.
    RecipientsOf(MessageId),
}

impl Audience {
    /// How many segments it is enumerated in. What may be large is [`FANOUT_SEGMENTS`] that workers share.
    #[must_use]
    pub const fn segments(&self) -> u8 {
        match self {
            Self::Devices(_) | Self::Users(_) | Self::RecipientsOf(_) => 1,
            Self::Expression(_) | Self::Uploaded(_) | Self::All => FANOUT_SEGMENTS,
        }
    }
}

/// Who does not get a message although its audience holds them. They are not targeted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusion {
    /// Not these devices; at most [`crate::limits::AUDIENCE_MAX_NAMES`], no duplicates.
    pub devices: Vec<DeviceId>,
    /// Not the devices bound to these users; at most [`crate::limits::AUDIENCE_MAX_NAMES`], no duplicates.
    pub users: Vec<UserId>,
    /// Not the devices that this holds for.
    pub expression: Option<Expression>,
    /// Nobody on this uploaded list.
    pub uploaded: Option<AudienceId>,
}

impl Exclusion {
    /// Whether nobody is excluded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.users.is_empty() && self.expression.is_none() && self.uploaded.is_none()
    }
}
