//! The takeover. The link is in the registry already.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::mailbox::{Route, TakenOver, TakeoverRefused};
use homing_domain::{Millis, Notice};
use homing_link::server::{Closing, Joining, Leaving, Live};
use homing_wire::CloseCode;
use tracing::warn;

use super::ending::Ending;
use super::seen;
use crate::context::Context;
use crate::ports::GatewayPorts;

/// How often the takeover is tried.
const ATTEMPTS: u32 = 3;
/// How long one try may take.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);
/// When a device whose takeover did not succeed comes back.
const RETRY_AFTER: Millis = 5_000;

/// What came of it.
pub(super) struct Joined {
    pub(super) live: Live,
    /// Who held the link before, in another gateway.
    pub(super) previous: Option<Route>,
    /// Whether its app wants to be told who comes and goes.
    pub(super) presence: bool,
}

/// It did not succeed.
pub(super) struct Failed {
    pub(super) ending: Ending,
    /// Set when it may have happened all the same.
    pub(super) leaving: Option<Leaving>,
}

impl Failed {
    fn for_sure(ending: impl Into<Ending>) -> Self {
        Self { ending: ending.into(), leaving: None }
    }
}

/// Takes the device over.
pub(super) async fn join<P: GatewayPorts>(context: &Arc<Context<P>>, joining: Joining) -> Result<Joined, Failed> {
    if context.closing.is_cancelled() {
        // Whoever stops the gateway tells every link in the registry; this one may have come just after.
        return Err(Failed::for_sure(Ending::DRAIN));
    }
    let Ok(settings) = context.app(joining.app()).await else {
        return Err(Failed::for_sure(Closing::overload(RETRY_AFTER)));
    };
    let (device, conn_seq) = (joining.device(), joining.conn_seq());
    let Some(answer) = take_over(context, &joining).await else {
        let leaving = Some(joining.abandon(context.now()));
        return Err(Failed { ending: Closing::overload(RETRY_AFTER).into(), leaving });
    };
    let taken_over = answer.map_err(|refused| Failed::for_sure(Closing::from(refused)))?;
    if taken_over.mailbox.app != *joining.app() {
        // A device of two apps: its secret was right, its mailbox is another's. The route must not stay.
        let ending = Closing::new(CloseCode::Authentication).into();
        return Err(Failed { ending, leaving: Some(joining.abandon(context.now())) });
    }
    context.registry.promote(device, conn_seq);
    seen::note(context, device, taken_over.seen_before);
    let previous = taken_over.previous.filter(|route| route.gateway != context.gateway);
    let mut live = joining.welcome(context.now(), taken_over, &settings.heartbeat).map_err(Failed::for_sure)?;
    if let Some(drain) = context.drain.get() {
        live.drain(drain.spread);
    }
    Ok(Joined { live, previous, presence: settings.presence })
}

/// `None` = it is not known whether it happened.
async fn take_over<P: GatewayPorts>(
    context: &Context<P>,
    joining: &Joining,
) -> Option<Result<TakenOver, TakeoverRefused>> {
    for attempt in 1..=ATTEMPTS {
        let call = context.ports.take_over(joining.device(), joining.takeover(context.gateway, context.now()));
        match tokio::time::timeout(ATTEMPT_WITHIN, call).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => warn!(device = %joining.device(), attempt, %error, "a takeover did not succeed"),
            Err(_) => warn!(device = %joining.device(), attempt, "a takeover takes too long"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// Tells the gateway that held the device before. A hint: if it is lost, its next store call tells it.
pub(super) async fn tell_previous<P: GatewayPorts>(context: Arc<Context<P>>, route: Route, notice: Notice) {
    if let Err(error) = context.ports.notify(route.gateway, vec![notice]).await {
        warn!(gateway = %route.gateway, %error, "a gateway was not told that it is superseded");
    }
}
