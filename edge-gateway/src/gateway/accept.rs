//! Both doors: who is admitted gets a handshake, and a task if it succeeds.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::UnixMillis;
use homing_link::Transport;
use homing_telemetry::HandshakeRefused;
use homing_wire::CloseCode;
use quinn::{Connection, Endpoint, Incoming, VarInt};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use crate::admission::Unproven;
use crate::context::Context;
use crate::ports::GatewayPorts;
use crate::session;
use crate::transport::{Channel, quinn as quic, tcp as tls};

/// A handshake that takes longer is given up: several round trips of the slowest mobile network.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// After an accept that failed for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts TCP connections until the gateway closes. Who is not admitted costs no handshake.
pub(super) async fn tcp<P: GatewayPorts>(context: Arc<Context<P>>, listener: TcpListener, config: Arc<ServerConfig>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = context.closing.cancelled() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let now = context.now();
                match context.admission.admit(now, address) {
                    Ok(place) => {
                        let task = serve_tcp(Arc::clone(&context), Arc::clone(&config), stream, place, now);
                        context.links.spawn(task);
                    }
                    Err(refusal) => refused(Transport::Tcp, refusal.name()),
                }
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_tcp<P: GatewayPorts>(
    context: Arc<Context<P>>,
    config: Arc<ServerConfig>,
    stream: TcpStream,
    place: Unproven,
    opened_at: UnixMillis,
) {
    let handshake = tokio::time::timeout(HANDSHAKE_WITHIN, tls::handshake(config, stream));
    let Some(outcome) = context.closing.run_until_cancelled(Box::pin(handshake)).await else {
        return;
    };
    match outcome {
        Ok(Ok(channel)) => serve(&context, channel, place, opened_at),
        Ok(Err(_)) => refused(Transport::Tcp, "tls"),
        Err(_) => refused(Transport::Tcp, "handshake_timeout"),
    }
}

/// Accepts QUIC connections until the gateway closes.
pub(super) async fn quic<P: GatewayPorts>(context: Arc<Context<P>>, endpoint: Endpoint) {
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = context.closing.cancelled() => return,
        };
        let Some(incoming) = incoming else {
            return;
        };
        let now = context.now();
        if !incoming.remote_address_validated() && context.admission.wants_retry(now) {
            // Costs this end nothing to remember. An incoming that was validated does not come here.
            drop(incoming.retry());
            continue;
        }
        match context.admission.admit(now, incoming.remote_address()) {
            Ok(place) => {
                context.links.spawn(serve_quic(Arc::clone(&context), incoming, place, now));
            }
            Err(refusal) => {
                refused(Transport::Quic, refusal.name());
                incoming.refuse();
            }
        }
    }
}

async fn serve_quic<P: GatewayPorts>(
    context: Arc<Context<P>>,
    incoming: Incoming,
    place: Unproven,
    opened_at: UnixMillis,
) {
    let handshake = tokio::time::timeout(HANDSHAKE_WITHIN, incoming.into_future());
    let Some(outcome) = context.closing.run_until_cancelled(Box::pin(handshake)).await else {
        return;
    };
    match outcome {
        Ok(Ok(connection)) => {
            let opened = context.closing.run_until_cancelled(Box::pin(open(connection))).await;
            match opened.flatten() {
                Some(channel) => serve(&context, channel, place, opened_at),
                None => refused(Transport::Quic, "no_stream"),
            }
        }
        Ok(Err(_)) => refused(Transport::Quic, "tls"),
        Err(_) => refused(Transport::Quic, "handshake_timeout"),
    }
}

async fn open(connection: Connection) -> Option<quic::QuicChannel> {
    let opened = tokio::time::timeout(HANDSHAKE_WITHIN, quic::open(connection.clone())).await;
    let channel = opened.ok().and_then(Result::ok);
    if channel.is_none() {
        connection.close(VarInt::from_u32(CloseCode::Idle as u32), b"");
    }
    channel
}

/// In a task of its own, so that a link does not carry what only its handshake needs.
fn serve<P: GatewayPorts, C: Channel>(context: &Arc<Context<P>>, channel: C, place: Unproven, opened_at: UnixMillis) {
    context.links.spawn(session::run(Arc::clone(context), channel, place, opened_at));
}

fn refused(transport: Transport, reason: &'static str) {
    HandshakeRefused { device: None, transport: transport.name(), reason }.emit();
}
