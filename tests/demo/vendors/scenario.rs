//! The scenario, step by step.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use homing::process::{ServerCommand, ServerProcess};
use serde_json::{Value, json};

use super::CHANNELS;
use super::addressees::register;
use super::credentials::Operator;
use super::letter::Letter;
use super::mail_server::MailServer;
use super::played::{Played, trouble};
use super::watch::{Reader, accepted, pass, quiet};
use crate::audience::look_again;
use crate::device::now_millis;
use crate::field::sibling;
use crate::vendor_record::{Addressee, Ways, WrittenDown};

const APP: &str = "demo";
/// The app whose certificate expires.
const EXPIRING_APP: &str = "demo-certificate";
/// How long that certificate is good, in seconds: it expires before the server is killed and started again.
const CERTIFICATE_SECONDS: u64 = 20;
/// Whom its alert goes to.
const OPERATOR: &str = "operator@demo.example";
/// The vendor that is down, and for how long.
const DOWN: &str = "fcm";
const DOWN_FOR: Duration = Duration::from_secs(20);
/// The vendor whose policy changes while it is asked: each request is one device, so that its log shows the rate.
const PACED: &str = "apns";
/// How long the vendor is asked slowly.
const SLOW_FOR: Duration = Duration::from_secs(8);
/// Vendors that take some pushes and do not answer: each request is one device. How many of them.
const UNANSWERING: [&str; 3] = ["apns", "fcm", "webpush"];
const UNANSWERED_SHARE: f64 = 0.02;
/// A policy is in effect within this.
const IN_EFFECT_MS: u64 = 10_000;
/// The alert is there within this after the start.
const LETTER_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct Scenario {
    directory: PathBuf,
    command: ServerCommand,
    server: ServerProcess,
    api: ApiClient,
    admin: String,
    server_key: String,
    played: Played,
    mail_server: MailServer,
    /// Devices that each vendor has.
    count: u32,
    devices: Vec<Addressee>,
    /// The publisher's log.
    log: File,
    messages: Vec<String>,
    certificate_until: u64,
}

impl Scenario {
    /// The vendors, a mail server, a fresh server with an app that knows nine vendors, and the devices.
    pub(super) async fn prepare(program: &Path, directory: &Path, count: u32) -> Result<Self> {
        let played = Played::start(program, directory).await?;
        let mail_server = MailServer::open(directory).await?;
        let mut command = ServerCommand::local(program.to_owned(), directory.join("data"))?;
        let mail = format!("smtp://{}", mail_server.address);
        for (flag, value) in [
            ("public-url", command.url()),
            ("vendors-origins", played.url.clone()),
            ("mail-smtp-url", mail),
            ("mail-from", "Homing <homing@demo.example>".to_owned()),
            ("app-quota-per-second", "1000000".to_owned()),
            ("log-filter", "warn".to_owned()),
        ] {
            command.flags.extend([format!("--{flag}"), value]);
        }
        let server = command.start().await?;
        let admin = server.admin_token.clone().context("the first start printed no operator's token")?;
        let api = ApiClient::new(&command.url(), None)?;
        let (server_key, client_key) =
            create_app(&api, &admin, &json!({ "id": APP, "quota_per_second": 1_000_000 })).await?;
        Operator { api: &api, admin: &admin, app: APP }.set_all(&played).await?;
        let expiring = json!({ "id": EXPIRING_APP, "alerts": { "emails": [OPERATOR] } });
        create_app(&api, &admin, &expiring).await?;
        let certificate_until = now_millis() / 1_000 + CERTIFICATE_SECONDS;
        Operator { api: &api, admin: &admin, app: EXPIRING_APP }.set_certificate(certificate_until).await?;
        let began = now_millis();
        let devices = register(&api, &client_key, &played, count, &directory.join("devices.jsonl")).await?;
        crate::say(format!("{} devices registered in {} s", devices.len(), now_millis().saturating_sub(began) / 1_000));
        played.make_trouble().await?;
        let log = File::create(directory.join("publisher.jsonl"))?;
        let (messages, directory) = (Vec::new(), directory.to_owned());
        Ok(Self {
            directory,
            command,
            server,
            api,
            admin,
            server_key,
            played,
            mail_server,
            count,
            devices,
            log,
            messages,
            certificate_until,
        })
    }

    /// To everybody, while one vendor is down for a while. Dead tokens are found out by it.
    pub(super) async fn send_through_an_outage(&mut self) -> Result<()> {
        self.played.put(DOWN, "faults", &trouble(true)).await?;
        let began = now_millis();
        let message = self.send(Ways::VendorOnly, "供应商：第一条 📦").await?;
        pass(DOWN_FOR).await;
        self.played.put(DOWN, "faults", &trouble(false)).await?;
        self.settled(&message, 0).await?;
        quiet(&self.played).await?;
        crate::say(format!(
            "{DOWN} was down for {} s; all done after {} s",
            DOWN_FOR.as_secs(),
            now_millis().saturating_sub(began) / 1_000
        ));
        Ok(())
    }

    /// To everybody, slowly; the server is killed half-way.
    pub(super) async fn send_through_a_kill(&mut self) -> Result<()> {
        for channel in CHANNELS {
            self.operator().set_policy(channel, &slow(channel, self.count)).await?;
        }
        self.policies_are_read().await;
        while now_millis() / 1_000 <= self.certificate_until {
            look_again().await;
        }
        let (before, good) = (self.played.accepted().await?, self.good());
        let message = self.send(Ways::VendorOnly, "供应商：服务器会被杀 💥").await?;
        accepted(&self.played, before + good as u64 / 3).await?;
        self.kill().await?;
        let under_way = self.played.accepted().await? - before;
        self.server = self.command.start().await.context("the server did not come up again")?;
        crate::say(format!("the server was killed after {under_way} of {good} pushes, and started again"));
        self.settled(&message, 0).await?;
        for channel in CHANNELS {
            self.operator().set_policy(channel, &json!({})).await?;
        }
        quiet(&self.played).await
    }

    /// To everybody, at a rate that is raised on the way; the vendor's log shows since when.
    pub(super) async fn change_the_policy_while_sending(&mut self) -> Result<()> {
        let paced = |rate: u32| json!({ "per_second": rate, "burst": rate });
        // What only the new rate allows in a second is three times the old one.
        let (slowly, fast) = ((self.count / 50).max(2), (self.count / 5).max(20));
        let seen_as_fast = slowly as usize * 3;
        self.operator().set_policy(PACED, &paced(slowly)).await?;
        self.policies_are_read().await;
        let (line, before) = (self.played.newest_line().await?, now_millis());
        let message = self.send(Ways::VendorOnly, "供应商：换一个速度 🏎").await?;
        pass(SLOW_FOR).await;
        let changed = now_millis();
        self.operator().set_policy(PACED, &paced(fast)).await?;
        self.settled(&message, 0).await?;
        let times: Vec<u64> = self.played.pushes(PACED, line).await?.iter().map(|push| push.at).collect();
        let slow = times.iter().filter(|at| **at < changed).count();
        let fast_since = times.windows(seen_as_fast).find(|window| {
            let [first, .., last] = window else { return false };
            *first >= changed && last - first <= 1_000
        });
        let Some([first, ..]) = fast_since else {
            bail!("{PACED} never saw the new rate: {slow} pushes before the change, {} in all", times.len())
        };
        let took = first - changed;
        crate::say(format!(
            "{PACED} saw {slow} pushes in {} ms, and the new rate {took} ms after the change",
            changed - before
        ));
        if took > IN_EFFECT_MS {
            bail!("the new policy was in effect only after {took} ms");
        }
        self.operator().set_policy(PACED, &json!({})).await?;
        quiet(&self.played).await
    }

    /// To everybody, while some vendors take a push and do not answer: nobody knows that they have it, and nobody asks again.
    pub(super) async fn send_while_answers_are_lost(&mut self) -> Result<()> {
        for channel in UNANSWERING {
            let mut faults = trouble(false);
            faults["answer_lost_share"] = json!(UNANSWERED_SHARE);
            self.played.put(channel, "faults", &faults).await?;
        }
        let message = self.send(Ways::VendorOnly, "供应商：没有回答 🤐").await?;
        self.settled(&message, 0).await?;
        let counts = self.played.counts().await?;
        let mut all = 0;
        for channel in UNANSWERING {
            self.played.put(channel, "faults", &trouble(false)).await?;
            let answers = counts[channel]["answers_lost"].as_u64().context("the simulator counts no lost answers")?;
            let (message_id, channel) = (message.clone(), channel.to_owned());
            self.write(&WrittenDown::AnswersLost { message_id, channel, answers: usize::try_from(answers)? })?;
            all += answers;
        }
        crate::say(format!("{all} pushes were taken and not answered"));
        quiet(&self.played).await
    }

    /// To everybody, by their own links first: nobody is live.
    pub(super) async fn send_online_first(&mut self) -> Result<()> {
        let message = self.send(Ways::OnlineFirst, "供应商：先看在线的 🔌").await?;
        let dead = i64::try_from(self.devices.len() - self.good())?;
        self.settled(&message, dead).await?;
        quiet(&self.played).await
    }

    /// The alert of the certificate that expired while the server was away.
    pub(super) async fn hear_of_the_certificate(&self) -> Result<()> {
        let is_it = |letter: &Letter| letter.is_for(OPERATOR) && letter.says(EXPIRING_APP) && letter.says("expired");
        let waited = tokio::time::timeout(LETTER_WITHIN, async {
            loop {
                if let Some(letter) = self.mail_server.letters()?.into_iter().find(is_it) {
                    return anyhow::Ok(letter);
                }
                look_again().await;
            }
        });
        let Ok(letter) = waited.await else {
            bail!("no letter tells of the expired certificate: {:?}", self.mail_server.letters()?)
        };
        crate::say(format!("a letter came to {OPERATOR}: {}", letter?.header("subject")));
        Ok(())
    }

    /// Asks the server what it has to say, ends everything, and lets the checker judge.
    pub(super) async fn end(mut self) -> Result<bool> {
        let reader = Reader { api: &self.api, server_key: &self.server_key };
        let told = reader.tell(&self.messages, &self.devices).await?;
        std::fs::write(self.directory.join("server.json"), serde_json::to_vec(&told)?)?;
        for (channel, counts) in self.played.counts().await? {
            let number = |name: &str| counts[name].as_u64().unwrap_or(0);
            crate::say(format!(
                "{channel:<8} {:>6} taken {:>5} dead {:>5} throttled {:>5} in the outage {:>5} callbacks",
                number("accepted"),
                number("dead"),
                number("throttled"),
                number("during_outage"),
                number("receipts_posted"),
            ));
        }
        let stopped = self.server.stop().await?;
        let vendors = self.played.end().await?;
        let verdict = tokio::process::Command::new(sibling(&std::env::current_exe()?, "homing-check")?)
            .arg("vendors")
            .args(["publisher.jsonl", "devices.jsonl"].map(|name| self.directory.join(name)))
            .arg(vendors)
            .arg(self.directory.join("server.json"))
            .status()
            .await?;
        if !stopped.success() {
            crate::say("the server's last stop was not clean".to_owned());
        }
        Ok(verdict.success() && stopped.success())
    }

    fn operator(&self) -> Operator<'_> {
        Operator { api: &self.api, admin: &self.admin, app: APP }
    }

    fn good(&self) -> usize {
        self.devices.iter().filter(|device| !device.is_dead).count()
    }

    async fn settled(&mut self, message: &str, pending_max: i64) -> Result<()> {
        let reader = Reader { api: &self.api, server_key: &self.server_key };
        reader.settled(message, pending_max, self.devices.len()).await?;
        self.write(&WrittenDown::Settled { message_id: message.to_owned(), at: now_millis() })
    }

    async fn send(&mut self, ways: Ways, text: &str) -> Result<String> {
        let options = match ways {
            Ways::VendorOnly => json!({ "ttl_seconds": 3_600, "delivery": "vendor_only" }),
            Ways::OnlineFirst => {
                // A rate is what a feed does not keep: devices whose dead token is gone are counted too.
                json!({
                    "ttl_seconds": 3_600, "delivery": "online_first", "fallback_after_seconds": 1,
                    "rate_per_second": 50_000,
                })
            }
        };
        let body = json!({
            "audience": { "all": true }, "notification": { "title": "演示 Demo", "body": text }, "options": options,
        });
        let key = format!("vendors-{}", self.messages.len());
        let answer: Value = self.api.push(&self.server_key, &key, &body).await.context(text.to_owned())?;
        let message_id = answer["message_id"].as_str().context("an answer without an id")?.to_owned();
        self.write(&WrittenDown::Sent { message_id: message_id.clone(), ways, at: now_millis() })?;
        self.messages.push(message_id.clone());
        Ok(message_id)
    }

    async fn kill(&mut self) -> Result<()> {
        self.server.kill().await?;
        self.write(&WrittenDown::Killed { at: now_millis() })
    }

    fn write(&mut self, line: &WrittenDown) -> Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        Ok(self.log.write_all(&line)?)
    }

    /// Waits as long as the server may still go by policies that it read before.
    async fn policies_are_read(&self) {
        pass(Duration::from_millis(IN_EFFECT_MS)).await;
    }
}

/// So slow that a message to so many devices of a vendor lasts ten seconds.
fn slow(channel: &str, devices: u32) -> Value {
    match channel {
        "apns" | "fcm" | "webpush" => json!({ "per_second": (devices / 10).max(1), "burst": (devices / 10).max(1) }),
        _ => json!({ "per_second": 2, "burst": 2, "batch_size": (devices / 20).max(1) }),
    }
}

/// Creates an app; its server key and its client key.
async fn create_app(api: &ApiClient, admin: &str, request: &Value) -> Result<(String, String)> {
    let created: Value = api.post("/v1/apps", admin, request).await.context("create an app")?;
    let key = |name: &str| created[name].as_str().map(str::to_owned).context("an app without keys");
    Ok((key("server_key")?, key("client_key")?))
}
