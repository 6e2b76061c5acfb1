//! Posts receipts when they are due.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use homing_domain::Channel;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;

use super::Batch;
use super::envelope::envelope;
use crate::world::{World, now_ms};

/// Callbacks under way at the same time.
const POSTS_MAX: usize = 16;
/// Receipts taken out of the queue at once.
const TAKEN_MAX: usize = 2_000;
/// An endpoint that needs longer is taken to be away.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Times that a callback is posted, by those who repeat: how often they really do is not documented.
const TRIES: u32 = 15;
/// Pause before a repeat.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// Nothing can be due earlier than this when nothing waits: somebody wakes us.
const IDLE: Duration = Duration::from_secs(3_600);

type Http = Client<HttpConnector, Full<Bytes>>;

/// Runs until it is dropped. Only `http://` is posted to: the server that is tried out is near.
pub(crate) async fn post_receipts(world: Arc<World>) {
    let client: Http = Client::builder(TokioExecutor::new()).build_http();
    let places = Arc::new(Semaphore::new(POSTS_MAX));
    loop {
        let now = now_ms();
        for batch in world.receipts.take_due(now, TAKEN_MAX) {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (world, client) = (Arc::clone(&world), client.clone());
            tokio::spawn(async move {
                post(&world, &client, &batch).await;
                drop(place);
            });
        }
        let wait = match world.receipts.next_due() {
            Some(due) => Duration::from_millis(due.saturating_sub(now_ms())),
            None => IDLE,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = world.receipts.changed.notified() => {}
        }
    }
}

async fn post(world: &World, client: &Http, batch: &Batch) {
    let Some(first) = batch.first() else { return };
    let Some(stage) = world.stage(first.channel.name()) else { return };
    let setting = stage.lock().books.callback.clone();
    // Meizu says that it sends each batch once.
    let tries = if first.channel == Channel::Meizu { 1 } else { TRIES };
    for attempt in 0..tries {
        if attempt > 0 {
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        let envelope = envelope(batch, &setting, now_ms());
        let mut request =
            Request::builder().method(Method::POST).uri(&first.url).header("content-type", envelope.content_type);
        for (name, value) in &envelope.headers {
            request = request.header(*name, value);
        }
        let Ok(request) = request.body(Full::new(Bytes::from(envelope.body))) else { break };
        match tokio::time::timeout(ANSWER_WITHIN, client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => {
                stage.lock().counts.receipts_posted += 1;
                return;
            }
            Ok(Ok(response)) => {
                tracing::debug!(vendor = first.channel.name(), status = %response.status(), "callback refused");
            }
            Ok(Err(error)) => tracing::debug!(vendor = first.channel.name(), %error, "callback not posted"),
            Err(_) => tracing::debug!(vendor = first.channel.name(), "callback not answered in time"),
        }
    }
    stage.lock().counts.receipts_failed += 1;
}
