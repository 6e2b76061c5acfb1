//! Waiting for a message to come so far.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use super::letters::Sender;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Everything of the demonstration comes so far within this.
const WITHIN: Duration = Duration::from_secs(240);

/// A number of a view.
pub(super) fn number(view: &Value, pointer: &str) -> i64 {
    view.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// How much of the audience is enumerated, from 0 to 1.
pub(super) fn enumerated(view: &Value) -> f64 {
    view.pointer("/progress/enumerated").and_then(Value::as_f64).unwrap_or(0.0)
}

/// Waits until the server says so; the view that says it.
pub(super) async fn until(sender: &Sender, message: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    match within(WITHIN, sender, message, is_so).await {
        Some(view) => Ok(view),
        None => bail!("{message} did not come so far: {:?}", sender.view(message).await),
    }
}

/// The view that says so, if the server says so within this time.
pub(super) async fn within(
    time: Duration,
    sender: &Sender,
    message: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Option<Value> {
    let looked = tokio::time::timeout(time, async {
        loop {
            if let Some(view) = sender.view(message).await.filter(|view| is_so(view)) {
                return view;
            }
            look_again().await;
        }
    });
    looked.await.ok()
}

/// Until the next look.
pub(crate) async fn look_again() {
    // sleep: other processes do the work, and tell nobody how far they are.
    tokio::time::sleep(LOOK_EVERY).await;
}
