//! The endpoint that vendors send receipts to.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse as _, Response};
use homing_channels::{Callback, CallbackError, Credential, Vendor, vendor};
use homing_contract::http::v1::ProblemView;
use homing_credentials::{is_receipt_secret, open};
use homing_directory::CleaningBreakers;
use homing_domain::{AppId, ChannelConfig, UnixMillis};
use homing_endpoint::{Edge, Problem};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::{CallbackPorts, Sender, take};

/// Largest callback: vendors batch about a thousand receipts of a few hundred bytes.
const CALLBACK_MAX_BYTES: usize = 1_024 * 1_024;

/// The layer that lets larger bodies in than elsewhere.
pub(crate) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(CALLBACK_MAX_BYTES)
}

/// Take a vendor's receipts
///
/// For vendors, not for you: configure this address (`receipt_url` in the answer of setting the channel) at the vendor, where it
/// is not sent with each message anyway. The answer is in the vendor's own words.
#[utoipa::path(
    post,
    path = "/v1/receipts/{channel}/{app}/{secret}",
    tag = "vendors",
    operation_id = "take_vendor_receipts",
    params(
        ("channel" = String, Path, description = "The vendor."),
        ("app" = String, Path, description = "The app's id."),
        ("secret" = String, Path, description = "What makes this address one that nobody guesses."),
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "What the vendor sends."),
    responses(
        (status = 200, description = "They are durable; counting follows."),
        (status = 400, description = "The body is not what this vendor sends.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 401, description = "The vendor's signature is missing or wrong.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 404, description = "There is no such address.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 1 MiB.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer; try again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn post_callback<P: CallbackPorts + 'static>(
    State(edge): State<Edge<P>>,
    Extension(breakers): Extension<Arc<CleaningBreakers>>,
    Path((channel, app, secret)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (vendor, app) = known(&edge, &channel, &app, &secret).ok_or_else(no_such_address)?;
    let config = edge.ports().channel_config(&app, vendor.channel()).await?.ok_or_else(no_such_address)?;
    let now = edge.now();
    let credential = credential(&edge, vendor, &config)?;
    let read = vendor.read_callback(&credential, Callback { headers: &headers, body: &body }, now);
    let events = read.map_err(refused)?;
    let is_proven = wants_proof(vendor, &credential, now);
    let sender = Sender { app: &app, channel: vendor.channel(), is_proven };
    take(edge.ports(), &breakers, sender, &events, now).await?;
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(([content_type], vendor.callback_reply()).into_response())
}

/// Which vendor and app it is, if the secret is theirs.
fn known<P>(edge: &Edge<P>, channel: &str, app: &str, secret: &str) -> Option<(&'static dyn Vendor, AppId)> {
    let vendor = channel.parse().ok().and_then(vendor)?;
    let app = app.parse::<AppId>().ok()?;
    is_receipt_secret(edge.fleet_secret(), app.as_str(), vendor.channel().name(), secret).then_some((vendor, app))
}

/// Whether this vendor's signature is checked, which hangs on what the app has uploaded: then something unsigned is refused.
fn wants_proof(vendor: &dyn Vendor, credential: &Credential, now: UnixMillis) -> bool {
    let unsigned = Callback { headers: &HeaderMap::new(), body: b"" };
    matches!(vendor.read_callback(credential, unsigned, now), Err(CallbackError::Unauthorized))
}

/// Whether the channel, the app, the secret or the setting is not there: whoever guesses learns nothing from it.
fn no_such_address() -> Problem {
    Problem::not_found("path")
}

/// What signatures are checked with. One that was good when it was stored and is not now is a fault of the installation.
fn credential<P>(edge: &Edge<P>, vendor: &dyn Vendor, config: &ChannelConfig) -> Result<Credential, Problem> {
    let stored = config.credential.as_ref().ok_or_else(no_such_address)?;
    let unusable = |why: &dyn std::fmt::Display| {
        tracing::error!(app = %config.app, channel = %config.channel, %why, "a stored credential cannot be used");
        Problem::internal()
    };
    let holder = format!("{}/{}", config.app, config.channel);
    let opened = open(edge.fleet_secret(), &holder, &stored.sealed).map_err(|error| unusable(&error))?;
    let upload = serde_json::from_slice(&opened).map_err(|_| unusable(&"it is not JSON"))?;
    vendor.read_credential(&upload, stored.uploaded_at).map_err(|error| unusable(&error))
}

fn refused(error: CallbackError) -> Problem {
    match error {
        CallbackError::Unauthorized => Problem::unauthorized("signature_invalid", "the signature is missing or wrong"),
        CallbackError::Malformed(why) => Problem::bad_request("malformed_receipt", why),
        CallbackError::Unsupported => no_such_address(),
    }
}
