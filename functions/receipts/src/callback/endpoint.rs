//! The endpoint that vendors send receipts to.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use homing_channels::{Callback, CallbackError, Credential, Vendor, vendor};
use homing_contract::http::v1::ProblemView;
use homing_credentials::{is_receipt_secret, open};
use homing_directory::CleaningBreakers;
use homing_domain::{AppId, ChannelConfig, UnixMillis};
use homing_endpoint::{Edge, Problem, body_size, read_body};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::room::Room;
use super::{CallbackPorts, Sender, take};

/// Largest callback: vendors batch about a thousand receipts of a few hundred bytes.
const CALLBACK_MAX_BYTES: usize = 1_024 * 1_024;
/// When to come back after too much was under way: what is read then takes that long at most, if its sender is no snail.
const FULL_RETRY_AFTER_SECONDS: u64 = 1;

/// What the callbacks of one process share.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    breakers: CleaningBreakers,
    room: Room,
}

/// The address of a callback: channel, app, secret.
type Address = (String, String, String);

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
        (status = 408, description = "The body did not arrive within 10 s.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 1 MiB.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 429, description = "Too many a second for this app and vendor; `Retry-After` says when to come back.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 503, description = "Nothing was taken: too much is under way, or the store does not answer; `Retry-After` says when to come back.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn post_callback<P: CallbackPorts + 'static>(
    State(edge): State<Edge<P>>,
    Extension(desk): Extension<Arc<Desk>>,
    address: Result<Path<Address>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path((channel, app, secret)) = address.map_err(|_| no_such_address())?;
    let (vendor, app) = known(&edge, &channel, &app, &secret).ok_or_else(no_such_address)?;
    let channel = vendor.channel();
    edge.admit_callback(&app, channel)?;
    let config = edge.ports().channel_config(&app, channel).await?.ok_or_else(no_such_address)?;
    let credential = credential(&edge, vendor, &config)?;
    // Nothing of the body is read before all that can be refused without it is.
    let (head, body) = request.into_parts();
    let size = body_size(&body, CALLBACK_MAX_BYTES)?;
    let place = desk.room.enter(&app, channel, size).ok_or_else(full)?;
    let body = read_body(body, CALLBACK_MAX_BYTES, edge.limits().callback_within).await?;
    let now = edge.now();
    let read = vendor.read_callback(&credential, Callback { headers: &head.headers, body: &body }, now);
    let events = read.map_err(refused)?;
    drop(body);
    let is_proven = wants_proof(vendor, &credential, now);
    let sender = Sender { app: &app, channel, is_proven };
    take(edge.ports(), &desk.breakers, sender, &events, now).await?;
    drop(place);
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

/// Too much of callbacks is being read.
fn full() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many callbacks are under way; try again")
        .retry_after(FULL_RETRY_AFTER_SECONDS)
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
