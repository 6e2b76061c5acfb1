//! `/v1/dead-letters`: items that were given up, for people.

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use futures_util::future::try_join_all;
use homing_contract::http::v1::{
    DeadLetterList, DeadLetterView, REDRIVE_MAX_IDS, RedriveRequest, Redriven, ToRedrive, to_timestamp,
};
use homing_contract::http::{Checked, Violations};
use homing_endpoint::{ApiJson, ApiQuery, BodyRefusals, Edge, Operator, Problem, Refusals};
use homing_ports::{DeadLetter, QueueName};
use serde::Deserialize;

use super::ConsolePorts;

/// Dead letters of a queue that are shown, unless the request says otherwise.
const SHOWN_DEFAULT: usize = 20;
/// Dead letters of a queue that are shown at most: with six queues an answer of about 1.2 MiB.
const SHOWN_MAX: usize = 100;
/// Redrives that run at the same time.
const REDRIVES_AT_ONCE: usize = 10;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only of this queue: `intake`, `due`, `audience`, `dispatch`, `receipts` or `close`.
    queue: Option<String>,
    /// How many of each queue; 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// List dead letters
///
/// Items that no try could finish, each with the reason of the last one. On AWS this looks into SQS queues, which cannot be
/// listed: it shows what a few receives find, so some may be missing, and those that are shown stay hidden from the next look
/// for some seconds.
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    tag = "operators",
    operation_id = "list_dead_letters",
    params(Which),
    responses((status = 200, description = "By queue, the oldest first.", body = DeadLetterList), Refusals),
    security(("admin_token" = [])),
)]
pub(super) async fn get_dead_letters<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiQuery(which): ApiQuery<Which>,
) -> Result<Json<DeadLetterList>, Problem> {
    let limit = which.limit.unwrap_or(SHOWN_DEFAULT);
    if !(1..=SHOWN_MAX).contains(&limit) {
        return Err(Problem::bad_request("invalid_query", format!("limit must lie between 1 and {SHOWN_MAX}")));
    }
    let queues = match &which.queue {
        Some(name) => vec![queue_named(name).ok_or_else(|| Problem::bad_request("invalid_query", queue_names()))?],
        None => QueueName::ALL.to_vec(),
    };
    let of_queues = try_join_all(queues.iter().map(|queue| edge.ports().dead_letters(*queue, limit))).await?;
    let views =
        queues.iter().zip(&of_queues).flat_map(|(queue, letters)| letters.iter().map(|letter| view(*queue, letter)));
    Ok(Json(DeadLetterList { dead_letters: views.collect() }))
}

/// Try dead letters again
///
/// Sends them to their queue as new: mend the reason first. One that fails again becomes a dead letter again.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/redrive",
    tag = "operators",
    operation_id = "redrive_dead_letters",
    request_body = RedriveRequest,
    responses((status = 200, description = "They are in their queue.", body = Redriven), Refusals, BodyRefusals),
    security(("admin_token" = [])),
)]
pub(super) async fn post_redrive<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiJson { body, .. }: ApiJson<RedriveRequest>,
) -> Result<Json<Redriven>, Problem> {
    let (queue, which) = check(body)?;
    let (ids, more) = match which {
        ToRedrive::These(ids) => (ids, false),
        ToRedrive::All => {
            let letters = edge.ports().dead_letters(queue, REDRIVE_MAX_IDS).await?;
            let more = letters.len() >= REDRIVE_MAX_IDS;
            (letters.into_iter().map(|letter| letter.id).collect::<Vec<Bytes>>(), more)
        }
    };
    for some in ids.chunks(REDRIVES_AT_ONCE) {
        try_join_all(some.iter().map(|id| edge.ports().redrive(queue, id.clone()))).await?;
    }
    tracing::info!(queue = queue.name(), letters = ids.len(), "dead letters redriven");
    Ok(Json(Redriven { redriven: ids.len(), more }))
}

fn check(request: RedriveRequest) -> Checked<(QueueName, ToRedrive)> {
    let mut wrong = Violations::default();
    let named = queue_named(&request.queue).ok_or_else(|| Violations::one("invalid_value", "/queue", queue_names()));
    let queue = wrong.take(named);
    let which = wrong.take(request.check());
    match (queue, which) {
        (Some(queue), Some(which)) => Ok((queue, which)),
        _ => Err(wrong),
    }
}

fn queue_named(name: &str) -> Option<QueueName> {
    QueueName::ALL.into_iter().find(|queue| queue.name() == name)
}

fn queue_names() -> String {
    format!("the queues are {}", QueueName::ALL.map(QueueName::name).join(", "))
}

fn view(queue: QueueName, letter: &DeadLetter) -> DeadLetterView {
    let sent_at = to_timestamp(letter.sent_at);
    DeadLetterView::new(queue.name(), &letter.id, &letter.body, letter.receives, sent_at, letter.reason.as_deref())
}
