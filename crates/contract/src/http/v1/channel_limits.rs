//! What each vendor's channel takes at most, checked at intake: a message that a vendor would refuse a million times is
//! better refused once. Checked are the channels that a message names; what each device's own link takes is
//! [`homing_domain::limits::PAYLOAD_MAX_BYTES`] and checked always.
//!
//! The limits are those of the vendors' documentation. The whole is counted as the rendering and the channel's own fields
//! together, which is near to what the vendor gets; its channel counts exactly when it sends.

use homing_domain::Channel;
use serde_json::{Map, Value};

use super::notification::Notification;
use crate::http::{Checked, Violations, pointer};

/// The limits of a channel. `None` = the vendor names none that a payload of our own could break.
pub(super) struct ChannelLimits {
    channel: Channel,
    /// Rendering and fields, bytes of JSON.
    bytes: Option<usize>,
    /// `data`, bytes of JSON.
    data_bytes: Option<usize>,
    title: Option<TextLimit>,
    body: Option<TextLimit>,
}

/// How long a text may be.
struct TextLimit {
    /// What the vendor calls it: where a message's fields for this channel may hold another text.
    field: &'static [&'static str],
    max: usize,
    counted: Counted,
}

/// How a vendor counts a text.
#[derive(Clone, Copy)]
enum Counted {
    /// Every character is one.
    Characters,
    /// What is not ASCII is two.
    Columns,
}

impl ChannelLimits {
    pub(super) const fn of(channel: Channel) -> Self {
        use Counted::{Characters, Columns};
        let mut limits = Self { channel, bytes: None, data_bytes: None, title: None, body: None };
        match channel {
            Channel::Own => {}
            // APNs: "Generating a remote notification", 4 KB. FCM: "About FCM messages", 4,096 bytes. Huawei and Honor: body
            // without tokens, error 80300008 beyond it.
            Channel::Apns | Channel::Fcm | Channel::Huawei | Channel::Honor => limits.bytes = Some(4_096),
            // Xiaomi's server API, message fields: fewer than 50 and fewer than 128 characters.
            Channel::Xiaomi => {
                limits.title = Some(TextLimit { field: &["title"], max: 49, counted: Characters });
                limits.body = Some(TextLimit { field: &["description"], max: 127, counted: Characters });
            }
            // OPPO's server SDK, notification fields of the standard style.
            Channel::Oppo => {
                limits.title = Some(TextLimit { field: &["title"], max: 50, counted: Characters });
                limits.body = Some(TextLimit { field: &["content"], max: 200, counted: Characters });
            }
            // vivo's server API: 20 Chinese or 40 Latin characters, 50 or 100; clientCustomMap.
            Channel::Vivo => {
                limits.title = Some(TextLimit { field: &["title"], max: 40, counted: Columns });
                limits.body = Some(TextLimit { field: &["content"], max: 100, counted: Columns });
                limits.data_bytes = Some(1_024);
            }
            // Meizu's PushAPI: noticeBarInfo; clickTypeInfo.customAttribute.
            Channel::Meizu => {
                limits.title = Some(TextLimit { field: &["noticeBarInfo", "title"], max: 32, counted: Characters });
                limits.body = Some(TextLimit { field: &["noticeBarInfo", "content"], max: 100, counted: Characters });
                limits.data_bytes = Some(1_000);
            }
            // RFC 8291 §4: a body of 4,096 bytes less its header and the cipher's tag.
            Channel::WebPush => limits.bytes = Some(3_993),
        }
        limits
    }

    /// Texts that the channel's own fields hold.
    pub(super) fn check_fields(&self, fields: &Map<String, Value>) -> Checked<()> {
        let mut wrong = Violations::default();
        for limit in [&self.title, &self.body].into_iter().flatten() {
            if let Some(text) = limit.replaced(fields).filter(|text| limit.is_broken_by(text)) {
                let at = limit.field.iter().fold(self.at(), |at, key| pointer(&at, key));
                wrong.add("too_long", at, format!("must be at most {}, and is {}", limit.words(), limit.count(text)));
            }
        }
        wrong.or(())
    }

    /// Texts of the message, unless the channel's own fields replace them.
    pub(super) fn check_texts(&self, fields: &Map<String, Value>, texts: &[(String, &Notification)]) -> Checked<()> {
        let mut wrong = Violations::default();
        for (at, notification) in texts {
            let both = [("title", &self.title, &notification.title), ("body", &self.body, &notification.body)];
            for (name, limit, text) in both {
                let (Some(limit), Some(text)) = (limit, text) else { continue };
                if limit.replaced(fields).is_none() && limit.is_broken_by(text) {
                    let instead = limit.field.iter().fold(self.at(), |at, key| pointer(&at, key));
                    let message = format!(
                        "must be at most {} for {}, and is {}: shorten it, or name another text in {instead}",
                        limit.words(),
                        self.channel,
                        limit.count(text)
                    );
                    wrong.add("too_long", pointer(at, name), message);
                }
            }
        }
        wrong.or(())
    }

    /// What the app gets.
    pub(super) fn check_data(&self, data: Option<&Map<String, Value>>) -> Checked<()> {
        let (Some(max), Some(data)) = (self.data_bytes, data) else { return Ok(()) };
        let bytes = serde_json::to_vec(data).map_or(usize::MAX, |json| json.len());
        if bytes <= max {
            return Ok(());
        }
        let message = format!("is {bytes} bytes of JSON, at most {max} fit for {}", self.channel);
        Err(Violations::one("payload_too_large", "/data", message))
    }

    /// The whole, in each of its renderings: where its texts stand, and its size. The first that is too large is named.
    pub(super) fn check_bytes(&self, fields_bytes: usize, renderings: &[(String, usize)]) -> Checked<()> {
        let Some(max) = self.bytes else { return Ok(()) };
        // In one object with the rendering, the fields need no braces of their own.
        let together = |bytes: usize| bytes + fields_bytes.saturating_sub("{}".len());
        match renderings.iter().find(|(_, bytes)| together(*bytes) > max) {
            None => Ok(()),
            Some((at, bytes)) => {
                let bytes = together(*bytes);
                let message = format!("the whole with {at} is {bytes} bytes of JSON, at most {max} fit");
                Err(Violations::one("payload_too_large", self.at(), message))
            }
        }
    }

    fn at(&self) -> String {
        pointer("/channels", self.channel)
    }
}

impl TextLimit {
    /// The text that a channel's fields have in place of the message's.
    fn replaced<'a>(&self, fields: &'a Map<String, Value>) -> Option<&'a str> {
        let (first, rest) = self.field.split_first()?;
        rest.iter().try_fold(fields.get(*first)?, |value, key| value.get(key))?.as_str()
    }

    fn is_broken_by(&self, text: &str) -> bool {
        self.count(text) > self.max
    }

    fn count(&self, text: &str) -> usize {
        match self.counted {
            Counted::Characters => text.chars().count(),
            Counted::Columns => text.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum(),
        }
    }

    fn words(&self) -> String {
        match self.counted {
            Counted::Characters => format!("{} characters", self.max),
            Counted::Columns => format!("{} characters (each beyond ASCII counts twice)", self.max),
        }
    }
}
