//! Events about HTTP requests.

use homing_domain::Millis;
use metrics::{counter, histogram};
use tracing::{info, warn};

use crate::{metric, seconds};

/// A request was answered.
#[derive(Clone, Copy, Debug)]
pub struct HttpAnswered<'a> {
    /// The route's pattern, never the path itself: `/v1/messages/{id}`.
    pub route: &'a str,
    /// The method: `GET`. From a closed list.
    pub method: &'static str,
    /// The status.
    pub status: u16,
    /// From request to answer.
    pub took: Millis,
    /// The id that the answer names, for a person who asks about it.
    pub request_id: Option<&'a str>,
}

impl HttpAnswered<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(
            metric::HTTP_REQUESTS,
            "route" => self.route.to_owned(), "method" => self.method, "status" => self.status.to_string()
        )
        .increment(1);
        histogram!(metric::HTTP_TIME, "route" => self.route.to_owned()).record(seconds(self.took));
        let Self { route, method, status, took, request_id } = *self;
        if status >= 500 {
            warn!(route, method, status, took_ms = took, request_id, "request failed");
        } else {
            info!(route, method, status, took_ms = took, request_id, "request answered");
        }
    }
}
