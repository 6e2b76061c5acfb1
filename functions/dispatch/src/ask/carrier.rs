//! Brings a vendor's requests out, and watches whether its servers work.

use std::sync::Arc;

use bytes::Bytes;
use homing_channels::{Carrier, CarryError, ClientIdentity, Request, Response};
use homing_domain::Millis;
use homing_ports::{Call, CallError, CallIdentity, Clock, Outbound};
use homing_telemetry::CircuitOpened;

use super::lines::Line;

/// How long one answer is waited for. Access and a push in two steps take less, together, than a claim is kept for.
const ANSWER_WITHIN: Millis = 8_000;
/// Bytes of an answer: a thousand dead tokens of 150 bytes each fit many times.
const ANSWER_MAX_BYTES: usize = 1 << 20;
/// The same of a server that a device named: it says a status, and perhaps a sentence.
const FOREIGN_ANSWER_MAX_BYTES: usize = 16 << 10;

/// Carries for one app's channel.
#[derive(Debug)]
pub(super) struct LineCarrier<'a, P, O> {
    pub(super) outbound: &'a O,
    pub(super) ports: &'a P,
    pub(super) line: &'a Line,
    /// Whether requests go where a device's token says.
    pub(super) is_foreign: bool,
}

impl<P: Clock, O: Outbound> Carrier for LineCarrier<'_, P, O> {
    async fn carry(&self, request: Request) -> Result<Response, CarryError> {
        let call = Call {
            request: request.http,
            identity: request.identity.as_ref().map(identity),
            is_foreign: self.is_foreign,
            timeout: ANSWER_WITHIN,
            answer_max: if self.is_foreign { FOREIGN_ANSWER_MAX_BYTES } else { ANSWER_MAX_BYTES },
        };
        let answer = self.outbound.call(call).await;
        self.note(answer.as_ref().is_ok_and(|response| !response.status().is_server_error()));
        answer.map_err(|error| match error {
            CallError::Unsent(why) => CarryError::Unsent(why),
            CallError::Unknown(why) => CarryError::Unknown(why),
        })
    }
}

impl<P: Clock, O> LineCarrier<'_, P, O> {
    fn note(&self, is_well: bool) {
        // Each device names its own server: one that fails says nothing of the others.
        if self.is_foreign {
            return;
        }
        if let Some(pause) = self.line.circuit.note(is_well, self.ports.now()) {
            CircuitOpened { app: &self.line.app, channel: self.line.channel, pause }.emit();
        }
    }
}

fn identity(identity: &ClientIdentity) -> CallIdentity {
    CallIdentity {
        chain: identity.chain.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect(),
        key: Arc::from(identity.key.secret_der()),
    }
}
