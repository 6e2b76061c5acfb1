//! After the transport: last receipts, trim, and giving the device up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use homing_link::server::{Effect, Leaving};

use super::calls::{Answer, Calls, call};
use super::{Left, give_back};
use crate::context::Context;
use crate::handle::Told;
use crate::outbox::Entry;
use crate::ports::GatewayPorts;

/// Finishes the link.
pub(super) async fn run<P: GatewayPorts>(context: &Arc<Context<P>>, left: &Left, mut leaving: Leaving) {
    let Left { device, conn_seq, handle, .. } = left;
    let (device, conn_seq) = (*device, *conn_seq);
    let mut calls = Calls::new();
    if context.closing.is_cancelled() {
        leaving.hurry(context.now());
    }
    loop {
        while let Some(effect) = leaving.poll() {
            match effect {
                Effect::Record { ticket, receipts } => {
                    context.outbox.put(Entry { receipts, ticket, link: Arc::clone(handle) }).await;
                }
                Effect::CountFeed(messages) => context.feed_counts.count(&messages),
                Effect::Undelivered(item) => context.returns.put(item).await,
                other => calls.extend(call(context, device, conn_seq, other)),
            }
        }
        if leaving.is_finished() && calls.is_empty() {
            return;
        }
        let sleep = Duration::from_millis(leaving.next_timeout().since(context.now()).min(60_000));
        tokio::select! {
            () = handle.wait() => {
                let told = handle.take();
                hear(context, &mut leaving, &told);
                give_back(context, conn_seq, &told).await;
            }
            Some(answer) = calls.next() => match answer {
                Answer::Trimmed(answer) => leaving.trimmed(context.now(), answer),
                Answer::Detached(answer) => {
                    // Fenced = a newer connection has it, and the device is not offline.
                    if let (Ok(_), Some(app)) = (&answer, &left.presence) {
                        context.presence.offline(app, device, conn_seq, context.now());
                    }
                    leaving.detached(context.now(), answer);
                }
                _ => {}
            },
            () = tokio::time::sleep(sleep) => leaving.timeout(context.now()),
        }
    }
}

fn hear<P: GatewayPorts>(context: &Context<P>, leaving: &mut Leaving, told: &Told) {
    for ticket in &told.recorded {
        leaving.recorded(context.now(), *ticket);
    }
    if told.superseded.is_some() {
        leaving.superseded();
    }
    if told.hurry {
        leaving.hurry(context.now());
    }
}
