//! The main job through API Gateway, Lambda, DynamoDB, SQS and two gateways, one of which is killed and one drained.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use homing::client::ApiClient;
use homing_contract::http::v1::{AppCreated, MessageView};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::deployment::Deployment;
use super::gateways::{Gateway, certificate};
use super::integrations::{Business, dead_letter_and_redrive};
use crate::audience::look_again;
use crate::field::{Field, HEARTBEAT, sibling};
use crate::fleet::{DEVICES, Fleet, Surroundings};
use crate::publisher::{Letter, Publisher};
use crate::record::{Audience, Published, read_lines};
use crate::vendors::{Deployed, Outside};

/// Messages in all, without those of the integrations.
const MESSAGES: usize = 600;
/// Messages between two looks at the devices.
const CHUNK: usize = 60;
/// How far ahead the scheduled message is: EventBridge Scheduler is exact to a minute, the rest is waited out.
const SCHEDULED_AHEAD: Duration = Duration::from_secs(75);
/// Over which devices leave a draining gateway, and when they have.
const SPREAD_SECONDS: u64 = 2;
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
/// A message whose last device has it is marked as released within this.
const RELEASED_WITHIN: Duration = Duration::from_secs(60);

/// Deploys, runs everything, and lets the checker judge.
pub(crate) async fn demonstrate(directory: &Path) -> Result<ExitCode> {
    let outside = Outside::open(&std::env::current_exe()?, directory).await?;
    let deployment = Deployment::start(&outside.parameters(), Some(outside.smtp_url())).await?;
    let mut vendors = Deployed::prepare(outside, &deployment.names, directory).await?;
    vendors.push().await?;
    vendors.check_certificates().await?;
    // It takes a minute and a half until somebody dares to say what became of it; the main job goes on meanwhile.
    vendors.push_and_kill().await?;
    let mut run = Run::prepare(directory, &deployment).await?;
    crate::say(format!("{DEVICES} devices are linked to two gateways; {MESSAGES} messages follow"));
    let main_closes = run.go().await?;
    let closes = vendors.end().await? && main_closes;
    crate::say(if closes { "test-aws: passed" } else { "test-aws: FAILED" }.to_owned());
    Ok(if closes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Run {
    field: Field,
    gateways: [Gateway; 2],
    business: Business,
    admin: String,
}

impl Run {
    async fn prepare(directory: &Path, deployment: &Deployment) -> Result<Self> {
        let program = std::env::current_exe()?;
        let gateway = |number| Gateway::new(number, sibling(&program, "homing-gateway")?, directory, deployment);
        let mut gateways = [gateway(0)?, gateway(1)?];
        for gateway in &mut gateways {
            gateway.start().await?;
        }
        let (api, business) = (deployment.api()?, Business::prepare(deployment).await?);
        let admin = deployment.name("HOMING_ADMIN_TOKEN")?.to_owned();
        let app = create_app(&api, &admin, &business.upstream_queue).await?;
        let certificate = certificate(&directory.join("gateway-0"))?;
        let around = Surroundings {
            directory,
            router: Some(deployment.name("HOMING_API_URL")?),
            port: gateways[0].links.port(),
            certificate: &certificate,
        };
        let mut fleet = Fleet::register(&api, (&app.server_key, &app.client_key), &around).await?;
        fleet.start(&program).await?;
        let publisher = Publisher::new(api.clone(), &app.server_key, &Field::publisher_log(directory))?;
        let directory = directory.to_owned();
        let field = Field { program, directory, api, fleet, publisher, server_key: app.server_key };
        Ok(Self { field, gateways, business, admin })
    }

    /// Whether everything closes.
    async fn go(&mut self) -> Result<bool> {
        self.push_by_queue().await?;
        self.business.poison().await?;
        let mut links_dropped = 0;
        for (chunk, first) in (0..MESSAGES).step_by(CHUNK).enumerate() {
            let sending = self.field.send(first..first + CHUNK);
            match chunk {
                2 => self.kill_a_gateway().await?,
                3 => self.gateways[0].start().await?,
                4 => links_dropped = self.field.drop_links().await?,
                5 => self.field.kill_a_device().await?,
                7 => self.drain_a_gateway().await?,
                _ => {}
            }
            sending.await??;
            self.field.arrived(first + CHUNK).await?;
        }
        let scheduled_for = self.schedule().await?;
        self.upstream().await?;
        let reason = dead_letter_and_redrive(&self.field.api, &self.admin).await?;
        crate::say(format!("a poisoned item became a dead letter, twice: {reason}"));
        self.released_in_time(scheduled_for).await?;
        self.field.write_balances().await?;
        self.business.completion_heard(&self.answered()?).await?;
        crate::say("a subscriber of the event bus heard of a completed message".to_owned());
        self.field.fleet.stop().await?;
        let stopped = self.gateways[0].stop().await?;
        let verdict = self.field.check().await?;
        Ok(verdict.success() && stopped && links_dropped == DEVICES && self.field.fleet.restarts > 0)
    }

    async fn kill_a_gateway(&mut self) -> Result<()> {
        let links = self.gateways[0].links().await?;
        self.gateways[0].kill().await?;
        self.field.publisher.note_cut_off()?;
        crate::say(format!("a gateway with {links} links is killed (SIGKILL)"));
        Ok(())
    }

    async fn drain_a_gateway(&mut self) -> Result<()> {
        let links = self.gateways[1].links().await?;
        self.gateways[1].drain(SPREAD_SECONDS).await?;
        self.gateways[1].emptied(DRAINED_WITHIN).await?;
        let in_peace = self.gateways[1].stop().await?;
        let how = if in_peace { "in peace" } else { "badly" };
        crate::say(format!("a gateway with {links} links is drained and ended {how}"));
        Ok(())
    }

    /// A message for later, through the deployed schedule.
    async fn schedule(&self) -> Result<Timestamp> {
        let at = Timestamp::now().checked_add(jiff::SignedDuration::try_from(SCHEDULED_AHEAD)?)?;
        let device = self.field.fleet.devices[0].device_id.clone();
        let letter = Letter {
            key: "scheduled".to_owned(),
            audience: Audience::Devices(vec![device]),
            text: "不早不晚 ⏲️ on time".to_owned(),
            at: Some(at),
        };
        self.field.publisher.send_all(vec![letter]).await?;
        Ok(at)
    }

    /// A message by the queue that business systems write to.
    async fn push_by_queue(&self) -> Result<()> {
        let device = self.field.fleet.devices[1].device_id.clone();
        let letter = Letter {
            key: "by-queue".to_owned(),
            audience: Audience::Devices(vec![device]),
            text: "从队列来 📬 by queue".to_owned(),
            at: None,
        };
        let request: Value = serde_json::to_value(letter.request())?;
        let id = homing_credentials::message_id(&"demo".parse()?, &letter.key);
        self.field.publisher.note_sent_elsewhere(&letter, &id.to_string())?;
        self.business.push(&self.field.server_key, &letter.key, &request).await
    }

    /// A device's message to the business. The device hears that it is stored only when it is in the business's queue.
    async fn upstream(&self) -> Result<()> {
        self.field.fleet.say_up("order", "{\"tea\":1}").await?;
        self.business.upstream_arrived("order").await?;
        crate::say("a device's message is in the business's queue".to_owned());
        Ok(())
    }

    /// The scheduled message was released, and not before its time.
    async fn released_in_time(&mut self, at: Timestamp) -> Result<()> {
        self.field.arrived(MESSAGES + 2).await?;
        let id = homing_credentials::message_id(&"demo".parse()?, "scheduled");
        let released = tokio::time::timeout(RELEASED_WITHIN, self.release_of(&id.to_string())).await;
        let released = released.context("the scheduled message is not released")??;
        anyhow::ensure!(released >= at, "the scheduled message was released at {released}, before {at}");
        let late = released.duration_since(at);
        crate::say(format!("the scheduled message was released {late:#} after its time"));
        Ok(())
    }

    /// When a message was released. A device may have it before: it is released when its last device is known.
    async fn release_of(&self, id: &str) -> Result<Timestamp> {
        loop {
            let view: MessageView = self.field.api.get(&format!("/v1/messages/{id}"), &self.field.server_key).await?;
            if let Some(released) = view.summary.released_at {
                return Ok(released);
            }
            look_again().await;
        }
    }

    fn answered(&self) -> Result<BTreeSet<String>> {
        let lines: Vec<Published> = read_lines(&Field::publisher_log(&self.field.directory))?;
        let ids = lines.into_iter().filter_map(|line| match line {
            Published::Answered { message_id, .. } => Some(message_id),
            _ => None,
        });
        Ok(ids.collect())
    }
}

pub(super) async fn create_app(api: &ApiClient, admin: &str, upstream_queue: &str) -> Result<AppCreated> {
    let _: Value = api.put("/v1/settings/heartbeat", admin, &HEARTBEAT).await?;
    let request = json!({
        "id": "demo",
        "events": { "message_completed": true, "presence": true },
        "upstream": { "to": "queue", "queue_url": upstream_queue },
    });
    Ok(api.post("/v1/apps", admin, &request).await?)
}
