//! `/v1/apps/{app}/channels`: what apps have from vendors, and how vendors are asked.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use homing_channels::{Checked, Vendor};
use homing_contract::http::v1::{
    ChannelList, ChannelPolicyRequest, ChannelPolicyView, ChannelSet, ChannelView, CheckedView, CredentialUpload,
};
use homing_domain::{App, AppId};
use homing_endpoint::{ApiJson, ApiPath, ApiQuery, BodyRefusals, Edge, NotFound, Operator, Problem, Refusals};
use http::StatusCode;
use serde::Deserialize;

use super::ConsolePorts;
use crate::channels::{
    ChannelChangeError, Place, Uploaded, Vault, channels_of, receipt_path, set_credential, set_policy, vendor_named,
};
use crate::vendor_desk::CheckCredentials;

/// When to come back after a vendor did not say whether it takes a credential: faults that pass take about as long.
const VENDOR_RETRY_AFTER_SECONDS: u64 = 10;

/// List the vendors' channels of an app
///
/// Those for which anything is set. No secret is shown.
#[utoipa::path(
    get,
    path = "/v1/apps/{app}/channels",
    tag = "operators",
    operation_id = "list_channels",
    params(("app" = String, Path, description = "The app's id.")),
    responses((status = 200, description = "Its channels.", body = ChannelList), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn get_channels<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
) -> Result<Json<ChannelList>, Problem> {
    let app = known_app(&edge, &id).await?;
    let (configs, now) = (channels_of(edge.ports(), &app.id).await?, edge.now());
    Ok(Json(ChannelList { channels: configs.iter().map(|config| ChannelView::new(config, now)).collect() }))
}

/// Show a vendor's channel of an app
///
/// No secret is shown. `days_left` tells when a certificate has to be replaced.
#[utoipa::path(
    get,
    path = "/v1/apps/{app}/channels/{channel}",
    tag = "operators",
    operation_id = "show_channel",
    params(
        ("app" = String, Path, description = "The app's id."),
        ("channel" = String, Path, description = "The vendor: `apns`, `fcm`, `huawei`, …"),
    ),
    responses((status = 200, description = "The channel.", body = ChannelView), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn get_channel<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    Path(path): Path<(String, String)>,
) -> Result<Json<ChannelView>, Problem> {
    let (app, vendor) = read_path(&edge, &path).await?;
    let config = edge.ports().channel_config(&app.id, vendor.channel()).await?;
    let config = config.ok_or_else(|| Problem::not_found("channel of this app"))?;
    Ok(Json(ChannelView::new(&config, edge.now())))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Manner {
    /// Only check it, store nothing; no when left out.
    #[serde(default)]
    validate_only: bool,
    /// Ask the vendor first whether it takes it, and store it only then; no when left out. Nothing is brought to anybody. What
    /// the vendor refuses is a 422 `credential_refused` with its code, and a vendor that does not say a 503.
    #[serde(default)]
    check: bool,
}

/// Set or rotate what an app has from a vendor
///
/// The body is what the vendor gave, in the fields that this channel has (see the API document). It is checked, encrypted and
/// never shown again; with `check` its vendor is asked about it first. To rotate, send the next one: it is used within 5 seconds, without a pause. Of `webpush` an upload without
/// `private_key` keeps the key there is, or makes the first one; the answer has its public half.
#[utoipa::path(
    put,
    path = "/v1/apps/{app}/channels/{channel}",
    tag = "operators",
    operation_id = "set_channel",
    params(
        ("app" = String, Path, description = "The app's id."),
        ("channel" = String, Path, description = "The vendor: `apns`, `fcm`, `huawei`, …"),
        Manner,
    ),
    request_body = CredentialUpload,
    responses(
        (status = 200, description = "The channel as it is now, or would be.", body = ChannelSet),
        Refusals,
        BodyRefusals,
        NotFound,
    ),
    security(("admin_token" = [])),
)]
pub(super) async fn put_channel<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    Path(path): Path<(String, String)>,
    ApiQuery(manner): ApiQuery<Manner>,
    desk: Option<Extension<Arc<dyn CheckCredentials>>>,
    ApiJson { body: CredentialUpload(upload), .. }: ApiJson<CredentialUpload>,
) -> Result<Json<ChannelSet>, Problem> {
    let (app, vendor) = read_path(&edge, &path).await?;
    let place = Place { app: &app.id, vendor };
    let vault = Vault { fleet: edge.fleet_secret(), entropy: edge.entropy() };
    let now = edge.now();
    let desk = if manner.check { Some(desk.ok_or_else(no_vendor_is_asked)?.0) } else { None };
    let uploaded = Uploaded { upload: &upload, now, is_kept: !manner.validate_only, desk: desk.as_deref() };
    let (config, checked) = set_credential(edge.ports(), vault, place, uploaded).await.map_err(refused)?;
    let path = receipt_path(edge.fleet_secret(), &app.id, place.channel());
    let receipt_url = path.map(|path| format!("{}{path}", edge.public_url().unwrap_or_default()));
    if !manner.validate_only {
        tracing::info!(app = %app.id, channel = %place.channel(), "a vendor's credential was set");
    }
    let channel = ChannelView::new(&config, now);
    Ok(Json(ChannelSet { channel, receipt_url, validate_only: manner.validate_only, checked: view(checked) }))
}

/// Remove what an app has from a vendor
///
/// Nothing goes by this channel any more, and its policy is forgotten. May be repeated.
#[utoipa::path(
    delete,
    path = "/v1/apps/{app}/channels/{channel}",
    tag = "operators",
    operation_id = "remove_channel",
    params(
        ("app" = String, Path, description = "The app's id."),
        ("channel" = String, Path, description = "The vendor: `apns`, `fcm`, `huawei`, …"),
    ),
    responses((status = 204, description = "It is gone."), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn delete_channel<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    Path(path): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (app, vendor) = read_path(&edge, &path).await?;
    edge.ports().delete_channel_config(&app.id, vendor.channel()).await?;
    tracing::info!(app = %app.id, channel = %vendor.channel(), "a vendor's credential was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Set how a vendor is asked
///
/// As a whole: what is left out is as if it had never been set. It holds within 5 seconds, for messages under way too.
#[utoipa::path(
    put,
    path = "/v1/apps/{app}/channels/{channel}/policy",
    tag = "operators",
    operation_id = "set_channel_policy",
    params(
        ("app" = String, Path, description = "The app's id."),
        ("channel" = String, Path, description = "The vendor: `apns`, `fcm`, `huawei`, …"),
    ),
    request_body = ChannelPolicyRequest,
    responses(
        (status = 200, description = "As it is now.", body = ChannelPolicyView),
        Refusals,
        BodyRefusals,
        NotFound,
    ),
    security(("admin_token" = [])),
)]
pub(super) async fn put_channel_policy<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    Path(path): Path<(String, String)>,
    ApiJson { body, .. }: ApiJson<ChannelPolicyRequest>,
) -> Result<Json<ChannelPolicyView>, Problem> {
    let (app, vendor) = read_path(&edge, &path).await?;
    let policy = body.check(vendor.limits().tokens_max)?;
    let config = set_policy(edge.ports(), Place { app: &app.id, vendor }, policy).await.map_err(refused)?;
    Ok(Json(config.policy.into()))
}

/// The app and the vendor that a path names.
async fn read_path<P: ConsolePorts>(
    edge: &Edge<P>,
    (app, channel): &(String, String),
) -> Result<(App, &'static dyn Vendor), Problem> {
    let id = app.parse().map_err(|_| Problem::bad_request("invalid_path", "the id in the path is not one"))?;
    let vendor = vendor_named(channel).ok_or_else(|| Problem::not_found("channel"))?;
    Ok((known_app(edge, &id).await?, vendor))
}

async fn known_app<P: ConsolePorts>(edge: &Edge<P>, id: &AppId) -> Result<App, Problem> {
    let app = edge.ports().app(id).await?;
    app.ok_or_else(|| Problem::not_found("app"))
}

const fn view(checked: Checked) -> CheckedView {
    match checked {
        Checked::Parsed => CheckedView::Parsed,
        Checked::Access => CheckedView::Access,
        Checked::Answer => CheckedView::Answer,
    }
}

fn no_vendor_is_asked() -> Problem {
    Problem::conflict("vendors_not_asked", "no vendor can be asked from here: send it without check")
}

fn refused(error: ChannelChangeError) -> Problem {
    match error {
        ChannelChangeError::Invalid(violations) => violations.into(),
        ChannelChangeError::Refused(detail) => Problem::unprocessable("credential_refused", "", detail),
        ChannelChangeError::Unchecked(detail) => {
            let detail = format!("{detail}; nothing was stored: try again, or send it without check");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "vendor_unavailable", detail)
                .retry_after(VENDOR_RETRY_AFTER_SECONDS)
        }
        ChannelChangeError::Busy => Problem::busy(),
        ChannelChangeError::Unreadable => {
            let detail = "the stored credential cannot be read (was the fleet secret replaced?); send private_key too";
            Problem::conflict("credential_unreadable", detail)
        }
        ChannelChangeError::Port(error) => error.into(),
    }
}
