//! The scenario, step by step.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use homing::client::{ApiClient, AppKeys, Profile};
use homing::process::{ServerCommand, ServerProcess};
use homing_contract::http::v1::{AppCreated, CreateApp};
use serde_json::{Value, json};

use super::crowd::Crowd;
use super::heard::HeardLog;
use super::letters::Sender;
use super::watch::{enumerated, number, until, within};
use crate::crowd_record::{Addressed, Broadcast, Simulated};
use crate::device::now_millis;
use crate::field::{HEARTBEAT, sibling};

/// The tag of five devices of a hundred.
pub(super) const VIP: &str = "vip";
/// The tag of ten of a hundred, who are left out.
pub(super) const MUTED: &str = "muted";
/// Devices a second of what is to be enumerated page by page: a rate is what a feed does not keep.
const RATE_OF_PAGES: u32 = 50_000;
/// A broadcast is everywhere within this, the devices' return after a killed server included.
const EVERYWHERE_WITHIN: Duration = Duration::from_secs(240);
/// Occurrences of the recurring message.
const OCCURRENCES: u32 = 3;
/// Devices a second of the broadcast that is aborted: it must last long enough to be paused and slowed.
const RATE: u32 = 8_000;
/// And after it was slowed.
const SLOWER: u32 = 3_000;
/// A pause is watched for so long.
const PAUSED_FOR: Duration = Duration::from_secs(5);
/// What may still be on its way when a pause is answered: pages that were being made, one for each segment.
const PAUSE_TAKES: Duration = Duration::from_secs(3);

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Devices registered.
    pub(crate) devices: u32,
    /// Of them live.
    pub(crate) links: u32,
    /// Users on the uploaded list.
    pub(crate) users: u32,
}

pub(crate) struct Scenario {
    program: PathBuf,
    directory: PathBuf,
    command: ServerCommand,
    server: ServerProcess,
    crowd: Crowd,
    heard: HeardLog,
    sender: Sender,
    size: Size,
}

impl Scenario {
    /// A fresh server with an app, and the crowd.
    pub(crate) async fn prepare(program: &Path, directory: &Path, size: Size) -> Result<Self> {
        let mut command = ServerCommand::local(program.to_owned(), directory.join("data"))?;
        for flag in
            ["gateway-handshakes-per-second", "gateway-handshakes-per-address-per-second", "app-quota-per-second"]
        {
            command.flags.extend([format!("--{flag}"), "1000000".to_owned()]);
        }
        command.flags.extend(["--gateway-advertise-host".to_owned(), "127.0.0.1".to_owned()]);
        command.flags.extend(["--log-filter".to_owned(), "warn".to_owned()]);
        let server = command.start().await?;
        let admin = server.admin_token.clone().context("the first start printed no operator's token")?;
        let certificate = command.certificate();
        let api = ApiClient::new(&command.url(), Some(&certificate))?;
        let _: Value = api.put("/v1/settings/heartbeat", &admin, &slower_than_the_demo()).await?;
        let request = CreateApp { id: "demo".to_owned(), quota_per_second: Some(1_000_000), ..CreateApp::default() };
        let app: AppCreated = api.post("/v1/apps", &admin, &request).await?;
        let mut profile = Profile { app: Some("demo".to_owned()), ..Profile::default() };
        let keys = AppKeys { server_key: app.server_key.clone(), client_key: app.client_key.clone() };
        profile.apps.insert("demo".to_owned(), keys);
        profile.save(&directory.join("profile.json"))?;
        let began = started();
        let crowd = Crowd::start(program, directory, &command.url(), &certificate, size).await?;
        crate::say(format!("registered and linked in {} s", began.elapsed().as_secs()));
        let sender = Sender::new(api, &app.server_key, &directory.join("publisher.log"))?;
        let heard = HeardLog::open(&directory.join("arrivals.jsonl"))?;
        let (program, directory) = (std::env::current_exe()?, directory.to_owned());
        Ok(Self { program, directory, command, server, crowd, heard, sender, size })
    }

    /// About five of a hundred devices, page by page; the server is killed while they are enumerated.
    pub(crate) async fn send_to_an_expression(&mut self) -> Result<()> {
        let to = Addressed::Tagged { with: VIP.to_owned(), without: MUTED.to_owned() };
        let audience = json!({"expression": format!("{VIP} && !{MUTED}")});
        let broadcast = once("标签：vip 而且没有静音 🎯", to.clone());
        let began = started();
        let options = json!({"options": {"ttl_seconds": 3_600, "rate_per_second": RATE_OF_PAGES}});
        let message = self.sender.send(broadcast, audience, options).await?;
        until(&self.sender, &message, |view| enumerated(view) > 0.1).await?;
        self.kill_the_server("while the expression was enumerated").await?;
        self.arrived(&message, &to, began, "a tag expression, by pages").await
    }

    /// The same devices, through the feed.
    pub(crate) async fn send_to_an_expression_by_the_feed(&mut self) -> Result<()> {
        let to = Addressed::Tagged { with: VIP.to_owned(), without: MUTED.to_owned() };
        let audience = json!({"expression": format!("{VIP} && !{MUTED}")});
        let broadcast = once("标签：从 feed 🎯", to.clone());
        let began = now_millis();
        let message = self.sender.send(broadcast, audience, json!({})).await?;
        self.everywhere(&message, &to, Some(began), "a tag expression, by the feed").await
    }

    /// The users of an uploaded list.
    pub(crate) async fn send_to_a_list(&mut self) -> Result<()> {
        let mut lines: Vec<String> = (0..self.size.users).map(|number| format!("user-{number}")).collect();
        // A list as people have it: some twice, an empty line.
        lines.extend((0..100).map(|number| format!("user-{number}")));
        lines.push(String::new());
        let began = started();
        let answer = self.sender.upload(&lines.join("\n")).await?;
        let (members, took) = (number(&answer, "/members"), began.elapsed());
        crate::say(format!("uploaded {} lines, {members} members, in {} ms", lines.len(), took.as_millis()));
        let id = answer["audience_id"].as_str().context("an upload without an id")?;
        let to = Addressed::Users { first: self.size.users };
        let broadcast = once("名单：五万用户 📋", to.clone());
        let began = started();
        let message = self.sender.send(broadcast, json!({"audience_id": id}), json!({})).await?;
        self.arrived(&message, &to, began, "an uploaded list").await
    }

    /// Three times, every five seconds.
    pub(crate) async fn send_again_and_again(&mut self) -> Result<()> {
        let to = Addressed::Tagged { with: VIP.to_owned(), without: String::new() };
        let mut broadcast = once("定时：每五秒一次 ⏰", to.clone());
        broadcast.occurrences = OCCURRENCES;
        let schedule =
            json!({"schedule": {"cron": "*/5 * * * * *", "timezone": "Asia/Shanghai", "count": OCCURRENCES}});
        let series = self.sender.send(broadcast, json!({"expression": VIP}), schedule).await?;
        until(&self.sender, &series, |view| view["stage"] == "completed").await?;
        let messages = self.sender.messages().await?;
        let occurrences: Vec<String> = messages
            .iter()
            .filter(|message| message["series"] == series.as_str())
            .filter_map(|message| Some(message["message_id"].as_str()?.to_owned()))
            .collect();
        for occurrence in &occurrences {
            self.everywhere(occurrence, &to, None, "an occurrence of cron").await?;
        }
        Ok(())
    }

    /// Everyone; the server is killed once more.
    pub(crate) async fn send_to_everyone(&mut self) -> Result<()> {
        let broadcast = once("广播：所有人 📣", Addressed::All {});
        let began = now_millis();
        let message = self.sender.send(broadcast, json!({"all": true}), json!({})).await?;
        let some = self.crowd.live(|_| true) / 10;
        self.heard.until(&message, some, EVERYWHERE_WITHIN).await?;
        self.kill_the_server("in the middle of the broadcast").await?;
        self.everywhere(&message, &Addressed::All {}, Some(began), "everyone, with a kill on the way").await?;
        let broadcast = once("广播：再来一次 📣", Addressed::All {});
        let began = now_millis();
        let message = self.sender.send(broadcast, json!({"all": true}), json!({})).await?;
        self.everywhere(&message, &Addressed::All {}, Some(began), "everyone, undisturbed").await
    }

    /// Everyone, but it is paused, slowed down, resumed, and aborted half way.
    pub(crate) async fn send_half_way(&mut self) -> Result<()> {
        let mut broadcast = once("广播：中途停下 🛑", Addressed::All {});
        broadcast.is_partial = true;
        let options = json!({"options": {"ttl_seconds": 3_600, "rate_per_second": RATE}});
        let message = self.sender.send(broadcast, json!({"all": true}), options).await?;
        let view = until(&self.sender, &message, |view| enumerated(view) > 0.1).await?;
        self.sender.tell(&message, "pause", &json!({})).await?;
        crate::say(format!("paused at {:.2}", enumerated(&view)));
        // What was under way when it was paused ends within this time; no view ever says more than the whole.
        within(PAUSE_TAKES, &self.sender, &message, |view| enumerated(view) > 1.0).await;
        let stands_at = enumerated(&self.sender.view(&message).await.context("no view")?);
        let moved = within(PAUSED_FOR, &self.sender, &message, |view| enumerated(view) > stands_at).await;
        anyhow::ensure!(moved.is_none(), "it is paused, and it went on from {stands_at}: {moved:?}");
        crate::say(format!("stood still at {stands_at:.2} for {} s", PAUSED_FOR.as_secs()));
        self.sender.tell(&message, "rate", &json!({"rate_per_second": SLOWER})).await?;
        self.sender.tell(&message, "resume", &json!({})).await?;
        let began = started();
        let view = until(&self.sender, &message, |view| enumerated(view) > 0.5).await?;
        let devices = (enumerated(&view) - stands_at) * f64::from(self.size.devices);
        let rate = devices / began.elapsed().as_secs_f64();
        crate::say(format!("resumed at {SLOWER} a second: {rate:.0} a second were enumerated"));
        self.sender.tell(&message, "abort", &json!({})).await?;
        let view = until(&self.sender, &message, |view| view["stage"] != "releasing").await?;
        let (targeted, cancelled) = (number(&view, "/balance/targeted"), number(&view, "/balance/cancelled"));
        crate::say(format!("aborted: {targeted} targeted, {cancelled} of them cancelled"));
        Ok(())
    }

    /// The links are closed, and the checker looks at the logs.
    pub(crate) async fn end(mut self) -> Result<bool> {
        let mut balances = Vec::new();
        for message in self.sender.messages().await? {
            let id = message["message_id"].as_str().unwrap_or_default();
            let view = until(&self.sender, id, |view| {
                ["completed", "cancelled", "released"].contains(&view["stage"].as_str().unwrap_or_default())
            });
            balances.push(view.await?);
        }
        std::fs::write(self.directory.join("balances.json"), serde_json::to_vec(&balances)?)?;
        let arrivals = self.crowd.leave().await?;
        let stopped = self.server.stop().await?.success();
        if !stopped {
            crate::say("the server's last stop was not clean".to_owned());
        }
        let mut checker = tokio::process::Command::new(sibling(&self.program, "homing-check")?);
        checker.arg("crowd").arg(self.directory.join("publisher.log")).arg(self.directory.join("devices.jsonl"));
        checker.arg(arrivals).arg(self.directory.join("balances.json"));
        let verdict = checker.status().await.context("the checker cannot be started")?;
        Ok(verdict.success() && stopped)
    }

    /// Waits until all live devices have it, and says how long that took.
    async fn arrived(&self, message: &str, to: &Addressed, began: Instant, what: &str) -> Result<()> {
        let (all, live) = (self.addressed(to), self.crowd.live(|device| to.is_for(device)));
        let wanted = i64::try_from(live)?;
        let is_all = |view: &Value| number(view, "/balance/delivered") >= wanted && view["stage"] != "releasing";
        until(&self.sender, message, is_all).await?;
        let seconds = began.elapsed().as_secs_f64();
        let rate = f64::from(u32::try_from(all)?) / seconds;
        crate::say(format!("{what}: {all} devices, {live} of them live, in {seconds:.1} s ({rate:.0} devices/s)"));
        Ok(())
    }

    /// Waits until the logs of all live devices have it, and says how long after `began` the last had it.
    async fn everywhere(&mut self, message: &str, to: &Addressed, began: Option<u64>, what: &str) -> Result<()> {
        let live = self.crowd.live(|device| to.is_for(device));
        let reach = self.heard.until(message, live, EVERYWHERE_WITHIN).await?;
        let after = began.map_or_else(String::new, |began| format!(", the last after {} ms", reach.last_at - began));
        crate::say(format!("{what}: {live} live devices{after}"));
        Ok(())
    }

    fn addressed(&self, to: &Addressed) -> usize {
        self.crowd.devices.iter().filter(|device: &&Simulated| to.is_for(device)).count()
    }

    async fn kill_the_server(&mut self, when: &str) -> Result<()> {
        self.server.kill().await?;
        self.sender.note_kill(now_millis())?;
        self.server = self.command.start().await.context("the server did not come up again")?;
        crate::say(format!("the server was killed {when}, and is up again"));
        Ok(())
    }
}

/// Devices notice a killed server at their next heartbeat, and thousands of them must not beat each second.
fn slower_than_the_demo() -> homing_contract::http::v1::HeartbeatView {
    let mut heartbeat = HEARTBEAT;
    heartbeat.quic.initial_ms = 10_000;
    heartbeat.quic.minimum_ms = 8_000;
    heartbeat.quic.maximum_ms = 12_000;
    heartbeat.tcp.initial_ms = 20_000;
    heartbeat.tcp.minimum_ms = 15_000;
    heartbeat.tcp.maximum_ms = 25_000;
    heartbeat
}

#[expect(clippy::disallowed_methods, reason = "the demonstration measures real time")]
fn started() -> Instant {
    Instant::now()
}

fn once(text: &str, to: Addressed) -> Broadcast {
    Broadcast { text: text.to_owned(), to, occurrences: 1, is_partial: false }
}
