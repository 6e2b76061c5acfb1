//! Notices with a push for the devices of one gateway.

use homing_domain::limits::NOW_OR_NEVER_HAND_OFF;
use homing_domain::{GatewayRef, HandOff, HandOffTarget, Notice, PushBody, UnixMillis};
use homing_ports::{Error, Fault, Vendors};
use homing_telemetry::HandedOff;

use crate::cache::Rendered;
use crate::{Dispatch, Ports};

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Tells a gateway. `false`: its inbox is full, or the call's fate is unknown; try again in a moment.
    ///
    /// # Errors
    /// When no repeat can succeed.
    pub(crate) async fn notify(
        &self,
        message: &Rendered,
        variant: u8,
        gateway: GatewayRef,
        targets: Vec<HandOffTarget>,
        now: UnixMillis,
    ) -> Result<bool, Error> {
        let devices = targets.len();
        let notice = Notice::HandOff(HandOff { body: push_body(message, variant, now), targets });
        let answer = self.ports.notify(gateway, vec![notice]).await;
        HandedOff { message: message.id, gateway, devices, is_sent: answer.is_ok() }.emit();
        match answer {
            Ok(()) => Ok(true),
            Err(error) if error.fault == Fault::Broken => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// What devices of this variant get of the message, sent now.
pub(crate) fn push_body(message: &Rendered, variant: u8, now: UnixMillis) -> PushBody {
    PushBody {
        message: message.id,
        accepted_at: message.accepted_at,
        expires_at: if message.is_now_or_never { now.plus(NOW_OR_NEVER_HAND_OFF) } else { message.expires_at },
        priority: message.priority,
        collapse_key: message.collapse_key.clone(),
        payload: message.payload(variant),
        recalls: message.recalls(),
    }
}
