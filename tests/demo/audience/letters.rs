//! What is sent, and the publisher's log of it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use homing::client::ApiClient;
use serde_json::{Value, json};

use crate::crowd_record::{Broadcast, Sent, WrittenDown};

/// The business system.
pub(super) struct Sender {
    api: ApiClient,
    server_key: String,
    log: File,
    /// Messages sent so far.
    sent: u32,
}

impl Sender {
    pub(super) fn new(api: ApiClient, server_key: &str, log: &Path) -> Result<Self> {
        let log = File::create(log).with_context(|| log.display().to_string())?;
        Ok(Self { api, server_key: server_key.to_owned(), log, sent: 0 })
    }

    /// Sends, and writes down what was asked for once it is answered with 202.
    pub(super) async fn send(&mut self, sent: Broadcast, audience: Value, rest: Value) -> Result<String> {
        let mut body = json!({
            "audience": audience,
            "notification": {"title": "演示 Demo", "body": sent.text},
            "options": {"ttl_seconds": 3_600},
        });
        if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
            body.extend(rest);
        }
        self.sent += 1;
        let key = format!("audience-{}", self.sent);
        let answer: Value = self.api.push(&self.server_key, &key, &body).await.context(sent.text.clone())?;
        let message_id = answer["message_id"].as_str().context("an answer without an id")?.to_owned();
        self.write(&WrittenDown::Sent(Sent { message_id: message_id.clone(), broadcast: sent }))?;
        Ok(message_id)
    }

    /// Writes down that the server was killed: the numbers of broadcasts may miss what was acknowledged in that moment.
    pub(super) fn note_kill(&mut self, at: u64) -> Result<()> {
        self.write(&WrittenDown::Killed { at })
    }

    fn write(&mut self, line: &WrittenDown) -> Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        Ok(self.log.write_all(&line)?)
    }

    /// Asks something of a message: `pause`, `abort`, …
    pub(super) async fn tell(&self, message: &str, what: &str, body: &Value) -> Result<Value> {
        let path = format!("/v1/messages/{message}/{what}");
        self.api.post(&path, &self.server_key, body).await.with_context(|| format!("{what} {message}"))
    }

    /// What the server says of a message; `None` while it is away.
    pub(super) async fn view(&self, message: &str) -> Option<Value> {
        self.api.get(&format!("/v1/messages/{message}"), &self.server_key).await.ok()
    }

    /// All messages that the server has.
    pub(super) async fn messages(&self) -> Result<Vec<Value>> {
        let page: Value = self.api.get("/v1/messages?limit=100", &self.server_key).await?;
        Ok(page["messages"].as_array().cloned().unwrap_or_default())
    }

    /// Uploads a list of users.
    pub(super) async fn upload(&self, users: &str) -> Result<Value> {
        let path = "/v1/audiences?kind=users&name=demo";
        self.api.post_text(path, &self.server_key, users).await.context("upload")
    }
}
