//! What Apple is to do with a push (`apns-push-type`), and the topic that goes with it ("Sending notification requests to APNs").

use serde_json::{Map, Value};

use crate::{Content, EncodeError};

/// The header's name without its prefix: among what the business writes for this channel it names another kind of push.
pub(super) const PUSH_TYPE: &str = "push-type";
/// What an app shows of a Live Activity cannot be made up here.
const LIVE_ACTIVITY_NEEDS: [&str; 3] = ["timestamp", "event", "content-state"];

/// A kind of push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PushType {
    /// In the header.
    pub(super) name: &'static str,
    /// Follows the bundle id in the topic.
    pub(super) topic_suffix: &'static str,
}

/// It is shown.
pub(super) const ALERT: PushType = PushType { name: "alert", topic_suffix: "" };
/// The app is woken.
pub(super) const BACKGROUND: PushType = PushType { name: "background", topic_suffix: "" };
/// A Live Activity changes.
pub(super) const LIVE_ACTIVITY: PushType = PushType { name: "liveactivity", topic_suffix: ".push-type.liveactivity" };

/// All that may be written. Device management has no bundle id, so it is not among them.
const ALL: [PushType; 9] = [
    ALERT,
    BACKGROUND,
    LIVE_ACTIVITY,
    PushType { name: "voip", topic_suffix: ".voip" },
    PushType { name: "complication", topic_suffix: ".complication" },
    PushType { name: "fileprovider", topic_suffix: ".pushkit.fileprovider" },
    PushType { name: "location", topic_suffix: ".location-query" },
    PushType { name: "pushtotalk", topic_suffix: ".voip-ptt" },
    PushType { name: "widgets", topic_suffix: ".push-type.widgets" },
];

/// What the business wrote, if it wrote any.
pub(super) fn written(content: &Content) -> Result<Option<PushType>, EncodeError> {
    let Some(value) = content.overrides.get(PUSH_TYPE) else { return Ok(None) };
    let known = value.as_str().and_then(|name| ALL.into_iter().find(|kind| kind.name == name));
    let names = || ALL.map(|kind| kind.name).join(", ");
    known.map(Some).ok_or_else(|| EncodeError::Refused(format!("{PUSH_TYPE} must be one of {}", names())))
}

/// Refuses what Apple would take and an app would not show.
pub(super) fn check_live_activity(aps: &Map<String, Value>) -> Result<(), EncodeError> {
    match LIVE_ACTIVITY_NEEDS.iter().find(|key| !aps.contains_key(**key)) {
        Some(missing) => Err(EncodeError::Refused(format!("a Live Activity needs aps.{missing}"))),
        None => Ok(()),
    }
}
