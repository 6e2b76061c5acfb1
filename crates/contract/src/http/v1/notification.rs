//! What a person sees.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::{line, web_address};
use crate::http::{Checked, Violations, pointer};

/// Buttons below a notification: Android shows three, iOS four.
const ACTIONS_MAX: usize = 4;
/// Longest address: what every browser and every vendor takes.
const ADDRESS_MAX_BYTES: usize = 2_048;
/// Longest name of an action or a sound.
const NAME_MAX_BYTES: usize = 64;

/// What a person sees. Needs a title or a body; all of it together with the data fits into 4,096 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Notification {
    /// First line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "您的包裹已送达")]
    pub title: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Address of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://shop.example/parcel.png")]
    pub image: Option<String>,
    /// What opens on a tap: an address of the web or of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "shop://orders/7")]
    pub deep_link: Option<String>,
    /// Number on the app's icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge: Option<u32>,
    /// Name of a sound inside the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// Buttons, at most 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 4)]
    pub actions: Vec<Action>,
}

only_objects!(Notification);

/// A button below a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Action {
    /// What the app is told when it is tapped.
    pub id: String,
    /// What it says.
    pub title: String,
    /// What opens on a tap, if not the app itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deep_link: Option<String>,
}

only_objects!(Action);

impl Notification {
    pub(super) fn check(&self, at: &str) -> Checked<()> {
        let mut wrong = Violations::default();
        if self.is_blank() {
            wrong.add("notification_empty", at, "must have a title or a body");
        }
        wrong.take(self.check_fields(at));
        wrong.or(())
    }

    /// This one, with the fields of another where it has none.
    pub(super) fn over(&self, default: &Self) -> Self {
        fn either<T: Clone>(own: &Option<T>, default: &Option<T>) -> Option<T> {
            own.as_ref().or(default.as_ref()).cloned()
        }
        Self {
            title: either(&self.title, &default.title),
            body: either(&self.body, &default.body),
            image: either(&self.image, &default.image),
            deep_link: either(&self.deep_link, &default.deep_link),
            badge: either(&self.badge, &default.badge),
            sound: either(&self.sound, &default.sound),
            actions: if self.actions.is_empty() { default.actions.clone() } else { self.actions.clone() },
        }
    }

    /// Whether there is nothing to read.
    pub(super) fn is_blank(&self) -> bool {
        let is_blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        is_blank(&self.title) && is_blank(&self.body)
    }

    /// Checks what is there.
    pub(super) fn check_fields(&self, at: &str) -> Checked<()> {
        let mut wrong = Violations::default();
        if let Some(image) = &self.image {
            wrong.take(web_address(image, ADDRESS_MAX_BYTES, &pointer(at, "image")));
        }
        if let Some(link) = &self.deep_link {
            wrong.take(line(link, ADDRESS_MAX_BYTES, &pointer(at, "deep_link")));
        }
        if let Some(sound) = &self.sound {
            wrong.take(line(sound, NAME_MAX_BYTES, &pointer(at, "sound")));
        }
        let actions = pointer(at, "actions");
        if self.actions.len() > ACTIONS_MAX {
            wrong.add("too_many", &*actions, format!("must be at most {ACTIONS_MAX}"));
        }
        for (index, action) in self.actions.iter().enumerate() {
            let at = pointer(&actions, index);
            wrong.take(line(&action.id, NAME_MAX_BYTES, &pointer(&at, "id")));
            wrong.take(line(&action.title, NAME_MAX_BYTES, &pointer(&at, "title")));
            if let Some(link) = &action.deep_link {
                wrong.take(line(link, ADDRESS_MAX_BYTES, &pointer(&at, "deep_link")));
            }
        }
        wrong.or(())
    }
}
