//! Store calls of one link, which go on while the link reads and writes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use homing_domain::mailbox::{Detached, Fenced, Mailbox, Tombstoned, Trimmed};
use homing_domain::{ConnSeq, DeviceId, MessageId, PushBody, UpstreamId};
use homing_link::server::{Effect, StoreFault};
use tracing::warn;

use crate::context::Context;
use crate::ports::GatewayPorts;

/// A call that takes longer is taken for lost.
const CALL_WITHIN: Duration = Duration::from_secs(10);

type Outcome<T> = Result<T, StoreFault>;

/// What a call came to.
pub(super) enum Answer {
    Mailbox(Outcome<Option<Mailbox>>),
    Body(MessageId, Outcome<Option<Arc<PushBody>>>),
    Tombstoned(Outcome<Tombstoned>),
    Trimmed(Outcome<Trimmed>),
    Detached(Outcome<Detached>),
    Upstream(UpstreamId, Outcome<()>),
    /// Nobody waits for it.
    Told,
}

/// Calls under way: at most one of each kind, and the upstream messages of one link.
pub(super) type Calls = FuturesUnordered<Pin<Box<dyn Future<Output = Answer> + Send>>>;

/// The call that an effect asks for; `None` for effects that are not store calls.
pub(super) fn call<P: GatewayPorts>(
    context: &Arc<Context<P>>,
    device: DeviceId,
    conn_seq: ConnSeq,
    effect: Effect,
) -> Option<Pin<Box<dyn Future<Output = Answer> + Send>>> {
    let context = Arc::clone(context);
    let ports = Arc::clone(&context.ports);
    Some(match effect {
        Effect::ReadMailbox => Box::pin(async move { Answer::Mailbox(answer(ports.mailbox(device)).await) }),
        Effect::FetchBody(message) => {
            Box::pin(async move { Answer::Body(message, answer(context.bodies.body(&*ports, message)).await) })
        }
        Effect::Tombstone(entries) => {
            Box::pin(async move { Answer::Tombstoned(owned(ports.tombstone(device, conn_seq, entries)).await) })
        }
        Effect::Trim { expected_lo, through } => {
            Box::pin(async move { Answer::Trimmed(owned(ports.trim(device, conn_seq, expected_lo, through)).await) })
        }
        Effect::Detach { sent } => {
            Box::pin(async move { Answer::Detached(owned(ports.detach(device, conn_seq, sent)).await) })
        }
        Effect::StoreUpstream(upstream) => Box::pin(async move {
            let id = upstream.id;
            Answer::Upstream(id, answer(ports.store_upstream(upstream)).await.map(|_| ()))
        }),
        Effect::Transmit(_) | Effect::Record { .. } | Effect::Undelivered(_) | Effect::Close(_) | Effect::Ended => {
            return None;
        }
    })
}

async fn answer<T>(call: impl Future<Output = homing_ports::Result<T>> + Send) -> Outcome<T> {
    match tokio::time::timeout(CALL_WITHIN, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            warn!(%error, "a link's store call did not succeed");
            Err(StoreFault::Unavailable)
        }
        Err(_) => {
            warn!("a link's store call takes too long");
            Err(StoreFault::Unavailable)
        }
    }
}

async fn owned<T>(call: impl Future<Output = homing_ports::Result<Result<T, Fenced>>> + Send) -> Outcome<T> {
    answer(call).await?.map_err(StoreFault::Fenced)
}
