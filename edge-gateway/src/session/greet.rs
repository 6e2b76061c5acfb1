//! The Hello and its proof.

use std::time::Duration;

use homing_link::server::{Closing, Greeting, Joining};
use homing_wire::CloseCode;

use super::ending::Ending;
use crate::context::Context;
use crate::ports::GatewayPorts;
use crate::transport::Channel;

/// Waits for the Hello and checks its proof.
pub(super) async fn greet<P: GatewayPorts, C: Channel>(
    context: &Context<P>,
    channel: &mut C,
) -> Result<Joining, Ending> {
    let now = context.now();
    let mut greeting = Greeting::new(now, C::TRANSPORT);
    let patience = Duration::from_millis(greeting.next_timeout().since(now));
    let hello = async {
        loop {
            match channel.read().await {
                Ok(Some(bytes)) => {
                    if let Some(claim) = greeting.receive(&bytes)? {
                        return Ok(claim);
                    }
                }
                Ok(None) | Err(_) => return Err(Ending::GONE),
            }
        }
    };
    let claim = tokio::select! {
        claim = tokio::time::timeout(patience, hello) => {
            claim.unwrap_or_else(|_| Err(Closing::new(CloseCode::Idle).into()))?
        }
        () = context.closing.cancelled() => return Err(Ending::DRAIN),
    };
    let exporter = channel.exporter().map_err(|_| Ending::GONE)?;
    if context.is_proven(&claim, &exporter) {
        Ok(greeting.identify(claim))
    } else {
        Err(Closing::new(CloseCode::Authentication).into())
    }
}
