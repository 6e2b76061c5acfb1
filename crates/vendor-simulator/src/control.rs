//! The simulator's own interface: credentials, callbacks, faults, the log and counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::actor::{CallbackSetting, Registered};
use crate::counts::Counts;
use crate::faults::Faults;
use crate::webpush::subscribe;
use crate::world::World;

/// Lines that one look at the log gives when nothing is asked for.
const LINES: usize = 1_000;
/// And at most.
const LINES_MAX: usize = 10_000;
/// Subscriptions made at once.
const SUBSCRIPTIONS_MAX: u32 = 2_000;
/// The origin that endpoints get when none is given: clients send to the simulator in its place.
const ORIGIN: &str = "https://push.simulated.example";

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/control/{vendor}/credentials", put(put_credentials))
        .route("/control/{vendor}/callback", put(put_callback))
        .route("/control/{vendor}/faults", put(put_faults).get(show_faults))
        .route("/control/webpush/subscriptions", post(make_subscriptions))
        .route("/control/log", get(show_log))
        .route("/control/counts", get(show_counts))
        .with_state(world)
}

fn refuse(status: StatusCode, why: &str) -> (StatusCode, Json<Value>) {
    (status, Json(json!({ "error": why })))
}

fn no_vendor() -> (StatusCode, Json<Value>) {
    refuse(StatusCode::NOT_FOUND, "there is no such vendor")
}

async fn put_credentials(
    State(world): State<Arc<World>>,
    Path(vendor): Path<String>,
    Json(credential): Json<Registered>,
) -> Answer {
    let stage = world.stage(&vendor).ok_or_else(no_vendor)?;
    if stage.lock().books.register(credential) {
        Ok(Json(json!({})))
    } else {
        Err(refuse(StatusCode::CONFLICT, "too many credentials"))
    }
}

async fn put_callback(
    State(world): State<Arc<World>>,
    Path(vendor): Path<String>,
    Json(setting): Json<CallbackSetting>,
) -> Answer {
    let stage = world.stage(&vendor).ok_or_else(no_vendor)?;
    stage.lock().books.callback = setting;
    Ok(Json(json!({})))
}

async fn put_faults(State(world): State<Arc<World>>, Path(vendor): Path<String>, Json(faults): Json<Faults>) -> Answer {
    let stage = world.stage(&vendor).ok_or_else(no_vendor)?;
    let faults = faults.checked().map_err(|error| refuse(StatusCode::BAD_REQUEST, &error.to_string()))?;
    stage.put_faults(faults);
    Ok(Json(json!(faults)))
}

async fn show_faults(State(world): State<Arc<World>>, Path(vendor): Path<String>) -> Answer {
    let stage = world.stage(&vendor).ok_or_else(no_vendor)?;
    let faults = stage.lock().faults;
    Ok(Json(json!(faults)))
}

/// Which subscriptions are wanted.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    count: u32,
    /// How many of them are dead.
    dead: u32,
    origin: String,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { count: 1, dead: 0, origin: ORIGIN.to_owned() }
    }
}

async fn make_subscriptions(State(world): State<Arc<World>>, Json(wanted): Json<Wanted>) -> Answer {
    if wanted.count > SUBSCRIPTIONS_MAX {
        return Err(refuse(StatusCode::BAD_REQUEST, "count is at most 2000"));
    }
    let stage = world.stage("webpush").ok_or_else(no_vendor)?;
    let mut inner = stage.lock();
    let made = (0..wanted.count).filter_map(|number| {
        let subscription = subscribe(&mut inner.books, &wanted.origin, number < wanted.dead)?;
        serde_json::from_str(&subscription.to_json()).ok()
    });
    let made: Vec<Value> = made.collect();
    Ok(Json(json!({ "subscriptions": made })))
}

/// Which lines of the log are wanted.
#[derive(Deserialize)]
#[serde(default)]
struct Look {
    vendor: Option<String>,
    after: u64,
    limit: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { vendor: None, after: 0, limit: LINES }
    }
}

async fn show_log(State(world): State<Arc<World>>, Query(look): Query<Look>) -> Json<Value> {
    let journal = world.journal();
    let lines = journal.after(look.after, look.vendor.as_deref(), look.limit.min(LINES_MAX));
    Json(json!({ "lines": lines }))
}

async fn show_counts(State(world): State<Arc<World>>) -> Json<Value> {
    let counts = world.stages().iter().map(|stage| (stage.channel.name(), stage.lock().counts.clone()));
    Json(json!(counts.collect::<BTreeMap<&str, Counts>>()))
}
