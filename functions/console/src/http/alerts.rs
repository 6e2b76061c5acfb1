//! `/v1/apps/{app}/alerts`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::AlertKeyView;
use homing_credentials::alert_key;
use homing_domain::AppId;
use homing_endpoint::{ApiPath, Edge, NotFound, Operator, Problem, Refusals};

use super::ConsolePorts;

/// Show what an app's alerts are signed with
///
/// For whoever answers at the app's `webhook_url`: each alert has the header `homing-signature`, the HMAC-SHA256 over its body in
/// hexadecimal digits, keyed with the characters of this key. It is the same for as long as the installation keeps its fleet
/// secret.
#[utoipa::path(
    get,
    path = "/v1/apps/{app}/alerts/key",
    tag = "operators",
    operation_id = "show_alert_key",
    params(("app" = String, Path, description = "The app's id.")),
    responses((status = 200, description = "The key.", body = AlertKeyView), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn get_alert_key<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
) -> Result<Json<AlertKeyView>, Problem> {
    let app = edge.ports().app(&id).await?.ok_or_else(|| Problem::not_found("app"))?;
    Ok(Json(AlertKeyView { signing_key: alert_key(edge.fleet_secret(), app.id.as_str()) }))
}
