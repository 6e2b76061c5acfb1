//! The plaintext: JSON for our service worker, which shows it.

use homing_web_push::PLAINTEXT_MAX_BYTES;
use serde_json::{Map, Value};

use crate::app_data::{MESSAGE_ID, replaced_by};
use crate::merge::merge;
use crate::{Click, Content, EncodeError};

/// Builds it: the business's own words for this channel win over all but our id.
pub(super) fn plaintext(content: &Content) -> Result<Vec<u8>, EncodeError> {
    let mut message = Map::new();
    // A message that is silent else may show what the business wrote for this channel.
    let shows = ["title", "body"].iter().any(|key| content.overrides.contains_key(*key));
    if content.silent && !shows {
        message.insert("silent".into(), true.into());
    } else {
        let texts = [
            ("title", &content.title),
            ("subtitle", &content.subtitle),
            ("body", &content.body),
            ("image", &content.image),
            ("sound", &content.sound),
        ];
        message.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))));
        message.extend(content.badge.map(|badge| ("badge".to_owned(), badge.into())));
    }
    if let Click::Url(address) | Click::Intent(address) = &content.click {
        message.insert("url".into(), address.as_str().into());
    }
    // What it replaces on the screen, at least its own repeat. The header `Topic` replaces what the service still holds.
    message.insert("tag".into(), replaced_by(content).into());
    if !content.data.is_empty() {
        message.insert("data".into(), Value::Object(content.data.clone()));
    }
    merge(&mut message, &content.overrides);
    message.insert(MESSAGE_ID.into(), content.message_id.as_str().into());
    let json = Value::Object(message).to_string().into_bytes();
    if json.len() > PLAINTEXT_MAX_BYTES {
        let message = format!("the message has {} bytes, Web Push takes {PLAINTEXT_MAX_BYTES}", json.len());
        return Err(EncodeError::Refused(message));
    }
    Ok(json)
}
