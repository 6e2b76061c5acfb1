//! What an app's business systems are told, and where messages from its devices go.

use homing_domain::{EventSettings, UpstreamRoute};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::v1::text::web_address;
use crate::http::{Checked, Violations};

/// Longest address of a queue: SQS's are about 150 bytes with the longest name of a queue.
const QUEUE_URL_MAX_BYTES: usize = 512;

/// Which events the app wants on the event bus; what is left out stays, and is off in a new app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct EventsRequest {
    /// `message.completed`: every device that a message is for has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_completed: Option<bool>,
    /// `device.online` and `device.offline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<bool>,
}

only_objects!(EventsRequest);

impl EventsRequest {
    /// Makes the changes.
    #[must_use]
    pub fn applied_to(self, events: EventSettings) -> EventSettings {
        EventSettings {
            message_completed: self.message_completed.unwrap_or(events.message_completed),
            presence: self.presence.unwrap_or(events.presence),
        }
    }
}

/// Which events the app gets on the event bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventsView {
    /// `message.completed`: every device that a message is for has ended.
    pub message_completed: bool,
    /// `device.online` and `device.offline`.
    pub presence: bool,
}

impl From<EventSettings> for EventsView {
    fn from(events: EventSettings) -> Self {
        Self { message_completed: events.message_completed, presence: events.presence }
    }
}

/// Where messages from an app's devices go. They are kept for `GET /v1/upstream` in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamTo {
    /// Nowhere else.
    #[default]
    Poll,
    /// To a queue of the business.
    Queue,
    /// To the event bus.
    Bus,
}

/// Where messages from an app's devices go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct UpstreamRouteView {
    /// Which way.
    pub to: UpstreamTo,
    /// With `queue`, and only then: the queue's URL. On AWS an SQS queue that lets this installation send to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 512, example = "https://sqs.eu-central-1.amazonaws.com/123456789012/shop-upstream")]
    pub queue_url: Option<String>,
}

only_objects!(UpstreamRouteView);

impl UpstreamRouteView {
    /// The route.
    ///
    /// # Errors
    /// `to` and `queue_url` do not fit each other, or the URL is none.
    pub fn check(self, pointer: &str) -> Checked<UpstreamRoute> {
        let at_url = format!("{pointer}/queue_url");
        match (self.to, self.queue_url) {
            (UpstreamTo::Poll, None) => Ok(UpstreamRoute::Poll),
            (UpstreamTo::Bus, None) => Ok(UpstreamRoute::Bus),
            (UpstreamTo::Queue, Some(url)) => {
                web_address(&url, QUEUE_URL_MAX_BYTES, &at_url)?;
                Ok(UpstreamRoute::Queue(url))
            }
            (UpstreamTo::Queue, None) => Err(Violations::one("invalid_value", at_url, "is needed with \"queue\"")),
            (UpstreamTo::Poll | UpstreamTo::Bus, Some(_)) => {
                Err(Violations::one("invalid_value", at_url, "goes only with \"queue\""))
            }
        }
    }
}

impl From<&UpstreamRoute> for UpstreamRouteView {
    fn from(route: &UpstreamRoute) -> Self {
        match route {
            UpstreamRoute::Poll => Self { to: UpstreamTo::Poll, queue_url: None },
            UpstreamRoute::Queue(url) => Self { to: UpstreamTo::Queue, queue_url: Some(url.clone()) },
            UpstreamRoute::Bus => Self { to: UpstreamTo::Bus, queue_url: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<UpstreamRoute, String> {
        let view: UpstreamRouteView = serde_json::from_str(json).unwrap();
        view.check("/upstream").map_err(|wrong| wrong.into_vec().remove(0).pointer)
    }

    #[test]
    fn routes_come_and_go() {
        for route in [UpstreamRoute::Poll, UpstreamRoute::Bus, UpstreamRoute::Queue("https://sqs/1/q".to_owned())] {
            assert_eq!(UpstreamRouteView::from(&route).check(""), Ok(route));
        }
    }

    #[test]
    fn a_queue_needs_its_address_and_nothing_else_has_one() {
        assert_eq!(checked(r#"{"to": "bus"}"#), Ok(UpstreamRoute::Bus));
        let wrong = Err("/upstream/queue_url".to_owned());
        assert_eq!(checked(r#"{"to": "queue"}"#), wrong);
        assert_eq!(checked(r#"{"to": "queue", "queue_url": "shop"}"#), wrong);
        assert_eq!(checked(&format!(r#"{{"to": "queue", "queue_url": "https://{}"}}"#, "a".repeat(600))), wrong);
        assert_eq!(checked(r#"{"to": "poll", "queue_url": "https://a"}"#), wrong);
        assert!(serde_json::from_str::<UpstreamRouteView>(r#"{"to": "fax"}"#).is_err());
    }

    #[test]
    fn what_is_left_out_stays() {
        let events = EventSettings { message_completed: true, presence: false };
        let patch = EventsRequest { presence: Some(true), ..EventsRequest::default() };
        assert_eq!(patch.applied_to(events), EventSettings { message_completed: true, presence: true });
    }
}
