//! One link, from its first byte to giving the device up.

pub(crate) mod calls;
mod ending;
mod greet;
mod join;
mod leave;
mod live;
mod seen;

use std::sync::Arc;

use homing_domain::{AppId, ConnSeq, DeviceId, Undelivered, UnixMillis};
use homing_telemetry::{HandshakeRefused, LinkClosed, LinkOpened};
use homing_wire::{CloseCode, encode};

use self::ending::Ending;
use self::live::{Ended, Session};
use crate::admission::{Proven, Unproven};
use crate::context::Context;
use crate::handle::{Handle, Told};
use crate::ports::GatewayPorts;
use crate::transport::Channel;

/// Serves a connection whose transport is up.
pub(crate) async fn run<P: GatewayPorts, C: Channel>(
    context: Arc<Context<P>>,
    channel: C,
    place: Unproven,
    opened_at: UnixMillis,
) {
    // Boxed, so that an idle link does not carry what only its beginning and its end need.
    if let Some((session, place)) = Box::pin(begin(&context, channel, place, opened_at)).await {
        let left = Left {
            device: session.live.device(),
            conn_seq: session.live.conn_seq(),
            handle: Arc::clone(&session.handle),
            presence: session.presence.then(|| session.live.app().clone()),
        };
        let Left { device, conn_seq, .. } = left;
        let welcomed_at = context.now();
        if let Some(app) = &left.presence {
            context.presence.online(app, device, conn_seq, welcomed_at);
        }
        let Ended { channel, leaving, unsent, ending } = session.run().await;
        drop(place);
        LinkClosed { device, conn_seq, reason: ending.reason, life: context.now().since(welcomed_at) }.emit();
        if let Some(closing) = ending.closing {
            context.links.spawn(channel.close(closing.code));
        }
        for entry in unsent {
            context.outbox.put(entry).await;
        }
        Box::pin(leave::run(&context, &left, leaving)).await;
        forget(&context, &left).await;
    }
}

/// A link whose transport is gone, or never came to be one.
struct Left {
    device: DeviceId,
    conn_seq: ConnSeq,
    handle: Arc<Handle>,
    /// The app, when it wants to be told that the device is given up.
    presence: Option<AppId>,
}

/// Hello, proof, takeover. What is refused is closed here.
async fn begin<P: GatewayPorts, C: Channel>(
    context: &Arc<Context<P>>,
    mut channel: C,
    place: Unproven,
    opened_at: UnixMillis,
) -> Option<(Box<Session<P, C>>, Proven)> {
    let joining = match greet::greet(context, &mut channel).await {
        Ok(joining) => joining,
        Err(ending) => {
            refuse(channel, None, ending).await;
            return None;
        }
    };
    let place = place.prove();
    let (device, conn_seq) = (joining.device(), joining.conn_seq());
    let handle = Arc::new(Handle::default());
    if let Err(newer) = context.registry.register(device, conn_seq, Arc::clone(&handle)) {
        refuse(channel, Some(device), Ending::stale(newer.0)).await;
        return None;
    }
    match join::join(context, joining).await {
        Ok(joined) => {
            let took = context.now().since(opened_at);
            LinkOpened { device, conn_seq, transport: C::TRANSPORT.name(), took }.emit();
            Some((Box::new(Session::new(Arc::clone(context), channel, handle, joined)), place))
        }
        Err(failed) => {
            drop(place);
            refuse(channel, Some(device), failed.ending).await;
            let left = Left { device, conn_seq, handle, presence: None };
            if let Some(leaving) = failed.leaving {
                leave::run(context, &left, leaving).await;
            }
            forget(context, &left).await;
            None
        }
    }
}

/// Says why, if it is to be said, and ends the connection.
async fn refuse<C: Channel>(mut channel: C, device: Option<DeviceId>, ending: Ending) {
    HandshakeRefused { device, transport: C::TRANSPORT.name(), reason: ending.reason }.emit();
    let mut bytes = bytes::BytesMut::new();
    if let Some(closing) = ending.closing {
        encode(&closing.frame(), &mut bytes);
    }
    let farewell = async {
        channel.write(&bytes).await?;
        channel.close(ending.closing.map_or(CloseCode::Normal, |closing| closing.code)).await;
        std::io::Result::Ok(())
    };
    // A device that does not listen is not waited for; dropping the channel ends the connection.
    drop(tokio::time::timeout(ending::FAREWELL_WITHIN, farewell).await);
}

/// Takes the link out of the registry. What came for it in the last moment goes back.
async fn forget<P: GatewayPorts>(context: &Context<P>, left: &Left) {
    context.registry.remove(left.device, left.conn_seq);
    give_back(context, left.conn_seq, &left.handle.take()).await;
}

/// Hand-offs that a link without a transport cannot bring.
async fn give_back<P: GatewayPorts>(context: &Context<P>, conn_seq: ConnSeq, told: &Told) {
    for (body, target) in &told.hand_offs {
        let (device, message, transient) = (target.device, body.message, target.seq == 0);
        context.returns.put(Undelivered { device, conn_seq, message, transient }).await;
    }
}
