//! Store calls of one link, which go on while the link reads and writes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use homing_domain::mailbox::{Detached, Fenced, Mailbox, Tombstoned, Trimmed};
use homing_domain::{ConnSeq, DeviceId, FeedOffset, MessageId, PushBody, UpstreamId};
use homing_link::server::{Effect, FeedPage, StoreFault};
use tracing::warn;

use crate::context::Context;
use crate::feeds::{AppFeed, Asked, Sources, page_for};
use crate::ports::GatewayPorts;

/// A call that takes longer is taken for lost.
const CALL_WITHIN: Duration = Duration::from_secs(10);

type Outcome<T> = Result<T, StoreFault>;

/// What a call came to.
pub(super) enum Answer {
    Mailbox(Outcome<Option<Mailbox>>),
    Body(MessageId, Outcome<Option<Arc<PushBody>>>),
    Feed(Outcome<FeedPage>),
    Tombstoned(Outcome<Tombstoned>),
    Trimmed(Outcome<Trimmed>),
    Detached(Outcome<Detached>),
    Upstream(UpstreamId, Outcome<()>),
    /// Nobody waits for it.
    Told,
}

/// One call.
type Call = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Calls under way: at most one of each kind, and the upstream messages of one link.
pub(super) type Calls = FuturesUnordered<Call>;

/// The call that an effect asks for; `None` for effects that are not store calls.
pub(super) fn call<P: GatewayPorts>(
    context: &Arc<Context<P>>,
    device: DeviceId,
    conn_seq: ConnSeq,
    effect: Effect,
) -> Option<Call> {
    let context = Arc::clone(context);
    Some(match effect {
        Effect::ReadMailbox => Box::pin(async move {
            let call = context.ports.mailbox(device);
            Answer::Mailbox(answer(&context, call).await)
        }),
        Effect::FetchBody { message, variant } => Box::pin(async move {
            let call = context.bodies.body(&*context.ports, message, variant);
            Answer::Body(message, answer(&context, call).await)
        }),
        Effect::Tombstone(entries) => Box::pin(async move {
            let call = context.ports.tombstone(device, conn_seq, entries);
            Answer::Tombstoned(owned(&context, call).await)
        }),
        Effect::Trim { expected_lo, through } => Box::pin(async move {
            let call = context.ports.trim(device, conn_seq, expected_lo, through);
            Answer::Trimmed(owned(&context, call).await)
        }),
        Effect::Detach { sent } => Box::pin(async move {
            let call = context.ports.detach(device, conn_seq, sent);
            Answer::Detached(owned(&context, call).await)
        }),
        Effect::StoreUpstream(upstream) => Box::pin(async move {
            let id = upstream.id;
            let call = context.ports.store_upstream(upstream);
            Answer::Upstream(id, answer(&context, call).await.map(|_| ()))
        }),
        Effect::Transmit(_)
        | Effect::Record { .. }
        | Effect::ReadFeed { .. }
        | Effect::CountFeed(_)
        | Effect::Undelivered(_)
        | Effect::Close(_)
        | Effect::Ended => {
            return None;
        }
    })
}

/// Finds what the feed has for a device. To wait for others who read the feed takes no place, and there is no more than one
/// who does for each app; the rest is a store call like others.
pub(super) fn read_feed<P: GatewayPorts>(
    context: &Arc<Context<P>>,
    feed: &Arc<AppFeed>,
    device: DeviceId,
    after: FeedOffset,
    limit: usize,
) -> Call {
    let (context, feed) = (Arc::clone(context), Arc::clone(feed));
    Box::pin(async move {
        if feed.must_read(after)
            && let Err(fault) = feed.catch_up(&*context.ports, after).await
        {
            return Answer::Feed(Err(fault));
        }
        let now = context.now();
        if let Some(page) = feed.nothing_after(after, now) {
            return Answer::Feed(Ok(page));
        }
        let sources = Sources { ports: &*context.ports, messages: context.feeds.messages(), bodies: &context.bodies };
        let call = page_for(&sources, &feed, Asked { device, after, limit, now });
        Answer::Feed(answer(&context, call).await)
    })
}

async fn answer<P, T>(context: &Context<P>, call: impl Future<Output = homing_ports::Result<T>> + Send) -> Outcome<T> {
    // Never closed; were it, the call would go on without a place.
    let _place = context.calls.acquire().await;
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

async fn owned<P, T>(
    context: &Context<P>,
    call: impl Future<Output = homing_ports::Result<Result<T, Fenced>>> + Send,
) -> Outcome<T> {
    answer(context, call).await?.map_err(StoreFault::Fenced)
}
