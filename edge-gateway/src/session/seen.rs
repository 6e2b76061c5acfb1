//! When a device was last here, exact to a day: expressions ask for it. Beside the takeover, never in its way.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::{DeviceId, Millis, UnixMillis};
use tracing::warn;

use crate::context::Context;
use crate::ports::GatewayPorts;

/// A device that was noted within this time is not noted again: one write per device and day.
const EXACT_TO: Millis = 24 * 3_600_000;
/// A call that takes longer is given up; the device is noted when it comes back another day.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// Notes the device in a task of its own if it was not here for a day. The places for store calls bound how many of these
/// run at the same time; links take no place while they wait.
pub(super) fn note<P: GatewayPorts>(context: &Arc<Context<P>>, device: DeviceId, before: Option<UnixMillis>) {
    let now = context.now();
    if before.is_some_and(|before| now.since(before) < EXACT_TO) {
        return;
    }
    let shared = Arc::clone(context);
    context.links.spawn(async move {
        // Never closed; were it, the call would go on without a place.
        let _place = shared.calls.acquire().await;
        match tokio::time::timeout(CALL_WITHIN, shared.ports.touch_device(&device, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%device, %error, "a device was not noted as seen"),
            Err(_) => warn!(%device, "noting a device as seen takes too long"),
        }
    });
}
