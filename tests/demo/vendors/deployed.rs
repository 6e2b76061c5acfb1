//! The vendors beside the AWS deployment: the functions ask them, they send receipts through the API's front door, and the
//! daily check writes a letter about a certificate.

mod front_door;
mod victim;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use serde_json::{Value, json};

use super::addressees::register;
use super::credentials::Operator;
use super::letter::Letter;
use super::mail_server::MailServer;
use super::played::Played;
use super::watch::Reader;
use crate::audience::look_again;
use crate::device::now_millis;
use crate::field::sibling;
use crate::vendor_record::{Addressee, Ways, WrittenDown};
use front_door::FrontDoor;
use victim::Victim;

const APP: &str = "vendors";
/// The app whose certificate is about to expire, how soon, and whom its alert goes to.
const EXPIRING_APP: &str = "certificate";
const EXPIRES_IN_SECONDS: u64 = 3 * 24 * 3_600;
const OPERATOR: &str = "operator@demo.example";
/// Devices of each vendor; one of them has a dead token.
const DEVICES_EACH: u32 = 20;
/// Vendors that tell of arrivals.
const TELLING: [&str; 6] = ["huawei", "honor", "xiaomi", "oppo", "vivo", "meizu"];
/// The vendor whose function is killed while it asks, and how slowly the vendor answers then.
const KILLED: &str = "apns";
const SLOW_MS: u64 = 1_500;
/// Everything comes so far within this. The longest way is a job's whose function was killed: its queue hides it for 30 s, and
/// the claims for a minute.
const WITHIN: Duration = Duration::from_secs(150);

/// The vendors, a mail server, and the address under which vendors reach the API.
pub(crate) struct Outside {
    played: Played,
    mail_server: MailServer,
    door: FrontDoor,
}

impl Outside {
    /// Opens all of it, before the deployment, which is told where they are.
    pub(crate) async fn open(program: &Path, directory: &Path) -> Result<Self> {
        let played = Played::start(&sibling(program, "homing")?, directory).await?;
        Ok(Self { played, mail_server: MailServer::open(directory).await?, door: FrontDoor::open().await? })
    }

    /// Parameters of the deployment, as `infra/deploy --set` takes them.
    pub(crate) fn parameters(&self) -> Vec<String> {
        vec![
            format!("functions.VendorsOrigins={}", self.played.url),
            format!("functions.PublicUrl={}", self.door.url()),
            "functions.MailFrom=Homing <homing@demo.example>".to_owned(),
        ]
    }

    /// Where letters are handed in.
    pub(crate) fn smtp_url(&self) -> String {
        format!("smtp://{}", self.mail_server.address)
    }
}

/// The part of the run that vendors have.
pub(crate) struct Deployed {
    outside: Outside,
    program: PathBuf,
    directory: PathBuf,
    api: ApiClient,
    /// Where functions can be called directly.
    endpoint: String,
    server_key: String,
    devices: Vec<Addressee>,
    log: File,
    messages: Vec<String>,
}

impl Deployed {
    /// Two apps, the credentials of nine vendors, a certificate and the devices.
    pub(crate) async fn prepare(outside: Outside, names: &BTreeMap<String, String>, directory: &Path) -> Result<Self> {
        let name = |name: &str| names.get(name).with_context(|| format!("the deployment has no {name}"));
        let (url, admin) = (name("HOMING_API_URL")?, name("HOMING_ADMIN_TOKEN")?);
        outside.door.lead_to(url)?;
        let (api, endpoint) = (ApiClient::new(url, None)?, name("AWS_ENDPOINT_URL")?.to_owned());
        let created = create_app(&api, admin, &json!({ "id": APP })).await?;
        let key = |name: &str| created[name].as_str().map(str::to_owned).context("an app without keys");
        let (server_key, client_key) = (key("server_key")?, key("client_key")?);
        Operator { api: &api, admin, app: APP }.set_all(&outside.played).await?;
        create_app(&api, admin, &json!({ "id": EXPIRING_APP, "alerts": { "emails": [OPERATOR] } })).await?;
        let until = now_millis() / 1_000 + EXPIRES_IN_SECONDS;
        Operator { api: &api, admin, app: EXPIRING_APP }.set_certificate(until).await?;
        let devices =
            register(&api, &client_key, &outside.played, DEVICES_EACH, &directory.join("addressees.jsonl")).await?;
        let log = File::create(directory.join("vendors-publisher.jsonl"))?;
        let (program, directory) = (std::env::current_exe()?, directory.to_owned());
        let messages = Vec::new();
        Ok(Self { outside, program, directory, api, endpoint, server_key, devices, log, messages })
    }

    /// To everybody, through every vendor's queue and function; receipts come back, and dead tokens are forgotten.
    pub(crate) async fn push(&mut self) -> Result<()> {
        let began = now_millis();
        let message = self.send("供应商：经由函数 ☁️").await?;
        self.reader().settled(&message, 0, self.devices.len()).await?;
        self.told_of(&message).await?;
        self.cleaned().await?;
        self.write(&WrittenDown::Settled { message_id: message, at: now_millis() })?;
        let (devices, took) = (self.devices.len(), now_millis().saturating_sub(began));
        crate::say(format!("{devices} devices of nine vendors were pushed to, with receipts, in {took} ms"));
        Ok(())
    }

    /// To everybody; the function of one vendor is killed while it asks. What became of it is seen at the end.
    pub(crate) async fn push_and_kill(&mut self) -> Result<()> {
        let played = &self.outside.played;
        played.put(KILLED, "faults", &json!({ "slow_ms": SLOW_MS })).await?;
        let asked = played.newest_line().await?;
        let victim = Victim::of(KILLED, &self.endpoint);
        self.send("供应商：函数会被杀 💥").await?;
        let played = &self.outside.played;
        let under_way = tokio::time::timeout(WITHIN, async {
            while played.pushes(KILLED, asked).await?.is_empty() {
                look_again().await;
            }
            anyhow::Ok(())
        });
        under_way.await.context("the vendor whose function is to be killed was never asked")??;
        let killed = victim.kill()?;
        self.write(&WrittenDown::Killed { at: now_millis() })?;
        self.outside.played.put(KILLED, "faults", &json!({})).await?;
        crate::say(format!("the function that asks {KILLED} was killed in the middle ({killed} instances)"));
        Ok(())
    }

    /// The daily check, called as its schedule calls it: a letter about the certificate, and no second one.
    pub(crate) async fn check_certificates(&self) -> Result<()> {
        let path = "/2015-03-31/functions/homing-local-schedule-certificates/invocations";
        let aws = ApiClient::new(&self.endpoint, None)?;
        for _ in 0..2 {
            let _: Value = aws.post(path, "", &json!({})).await.context("the daily check failed")?;
        }
        let letters = self.outside.mail_server.letters()?;
        let is_it = |letter: &&Letter| letter.is_for(OPERATOR) && letter.says(EXPIRING_APP);
        let found: Vec<&Letter> = letters.iter().filter(is_it).collect();
        let [letter] = found[..] else { bail!("{} letters tell of the certificate: {letters:?}", found.len()) };
        crate::say(format!("the daily check wrote to {OPERATOR}, once: {}", letter.header("subject")));
        Ok(())
    }

    /// Lets the checker judge by the vendors' log.
    pub(crate) async fn end(self) -> Result<bool> {
        for message in &self.messages {
            self.reader().settled(message, 0, self.devices.len()).await?;
        }
        if let Some(message) = self.messages.last() {
            self.told_of(message).await?;
        }
        let told = self.reader().tell(&self.messages, &self.devices).await?;
        let silent = told.silent.len();
        crate::say(format!(
            "of {silent} devices it stays unknown whether the killed function's vendor has the message"
        ));
        let server = self.directory.join("vendors-server.json");
        std::fs::write(&server, serde_json::to_vec(&told)?)?;
        let vendors = self.outside.played.end().await?;
        let files = ["vendors-publisher.jsonl", "addressees.jsonl"].map(|name| self.directory.join(name));
        let mut checker = tokio::process::Command::new(sibling(&self.program, "homing-check")?);
        Ok(checker.arg("vendors").args(files).arg(vendors).arg(server).status().await?.success())
    }

    /// Waits until every vendor that tells of arrivals has told of each, and the numbers say so.
    async fn told_of(&self, message: &str) -> Result<()> {
        let good = |channel: &str| self.devices.iter().filter(|it| it.channel == channel && !it.is_dead).count();
        let waited = tokio::time::timeout(WITHIN, async {
            loop {
                let view: Value = self.api.get(&format!("/v1/messages/{message}"), &self.server_key).await?;
                let delivered = |channel: &str| view["channels"][channel]["delivered"].as_u64().unwrap_or(0);
                if TELLING.into_iter().all(|channel| delivered(channel) >= good(channel) as u64) {
                    return anyhow::Ok(());
                }
                look_again().await;
            }
        });
        waited.await.with_context(|| format!("not every arrival of {message} was told of"))?
    }

    /// Waits until no device has a dead token any more: some vendors tell of them only by a receipt.
    async fn cleaned(&self) -> Result<()> {
        let waited = tokio::time::timeout(WITHIN, async {
            for device in self.devices.iter().filter(|device| device.is_dead) {
                let path = format!("/v1/devices/{}", device.device_id);
                while self.api.get::<Value>(&path, &self.server_key).await?["vendor"].is_object() {
                    look_again().await;
                }
            }
            anyhow::Ok(())
        });
        waited.await.context("dead tokens are still there")?
    }

    fn reader(&self) -> Reader<'_> {
        Reader { api: &self.api, server_key: &self.server_key }
    }

    async fn send(&mut self, text: &str) -> Result<String> {
        let body = json!({
            "audience": { "all": true }, "notification": { "title": "演示 Demo", "body": text },
            "options": { "ttl_seconds": 3_600, "delivery": "vendor_only" },
        });
        let key = format!("vendors-{}", self.messages.len());
        let answer: Value = self.api.push(&self.server_key, &key, &body).await.context(text.to_owned())?;
        let message_id = answer["message_id"].as_str().context("an answer without an id")?.to_owned();
        self.messages.push(message_id.clone());
        self.write(&WrittenDown::Sent { message_id: message_id.clone(), ways: Ways::VendorOnly, at: now_millis() })?;
        Ok(message_id)
    }

    fn write(&mut self, line: &WrittenDown) -> Result<()> {
        Ok(writeln!(self.log, "{}", serde_json::to_string(line)?)?)
    }
}

async fn create_app(api: &ApiClient, admin: &str, request: &Value) -> Result<Value> {
    api.post("/v1/apps", admin, request).await.context("create an app")
}
