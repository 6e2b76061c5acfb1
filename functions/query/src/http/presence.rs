//! `GET /v1/presence`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::PresenceView;
use homing_domain::{DeviceId, UserId};
use homing_endpoint::{ApiQuery, Business, Edge, Problem, Refusals};
use serde::Deserialize;

use super::QueryPorts;
use crate::presence::{presence_of_device, presence_of_user};

/// Devices in one question: each is one read, and a query string of 100 ids stays below 4 KiB.
const DEVICES_MAX: usize = 100;
/// Users in one question: each is up to 17 reads.
const USERS_MAX: usize = 20;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Device ids or push tokens, at most 100, with commas between.
    devices: Option<String>,
    /// Users, at most 20, with commas between.
    users: Option<String>,
}

/// Who is online
#[utoipa::path(
    get,
    path = "/v1/presence",
    tag = "devices",
    operation_id = "show_presence",
    params(Asked),
    responses((status = 200, description = "Those asked for.", body = PresenceView), Refusals),
    security(("server_key" = [])),
)]
pub(super) async fn get_presence<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Json<PresenceView>, Problem> {
    let device =
        |name: &str| -> Option<DeviceId> { name.parse().ok().or_else(|| edge.keys().verify_push_token(&app.id, name)) };
    let devices = names(asked.devices.as_deref(), DEVICES_MAX, "devices", device)?;
    let users = names(asked.users.as_deref(), USERS_MAX, "users", |name| name.parse::<UserId>().ok())?;
    if devices.is_empty() && users.is_empty() {
        return Err(Problem::bad_request("invalid_query", "ask for devices or users"));
    }
    let (ports, now) = (edge.ports(), edge.now());
    let leases = ports.leases().await?;
    let mut view = PresenceView::default();
    for id in devices {
        view.devices.push(presence_of_device(ports, &app.id, id, &leases, now).await?);
    }
    for user in users {
        view.users.push(presence_of_user(ports, &app.id, &user, &leases, now).await?);
    }
    Ok(Json(view))
}

fn names<T>(list: Option<&str>, max: usize, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Problem> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let refuse = |detail: String| Problem::bad_request("invalid_query", detail);
    if list.split(',').count() > max {
        return Err(refuse(format!("at most {max} {what} at once")));
    }
    let read = |name: &str| read(name.trim()).ok_or_else(|| refuse(format!("one of the {what} is not one")));
    list.split(',').map(read).collect()
}
