//! The devices of the demonstration: most are tasks here, three are processes of their own, two of which get killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use homing_contract::http::v1::{BindUser, PlatformName, RegisterDevice, RegisteredDevice};
use homing_device_sdk::Device;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use crate::device::Plan;
use crate::record;

/// Devices, of which the first twenty use QUIC.
pub(crate) const DEVICES: usize = 30;
const QUIC_DEVICES: usize = 20;
/// Each has three devices.
const USERS: usize = 10;
/// Which devices are processes of their own: one of each transport, and the one that dies inside its callback.
const PROCESSES: [usize; 3] = [0, 1, 29];
/// This process is killed inside its callback...
const DIES_IN_CALLBACK: usize = 0;
/// ...when it handles its so-manieth message.
const DIES_AT_MESSAGE: u64 = 30;
/// A link is up within this after its server is.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// How a device runs.
enum Run {
    Task { device: Device, app: JoinHandle<Result<()>> },
    Process { child: Child, orders: ChildStdin },
}

/// Where devices keep their files, and where they connect.
pub(crate) struct Surroundings<'a> {
    pub(crate) directory: &'a Path,
    /// Base URL of the API, when devices ask it where to connect.
    pub(crate) router: Option<&'a str>,
    /// Where they connect first.
    pub(crate) port: u16,
    /// What they trust.
    pub(crate) certificate: &'a Path,
}

struct Member {
    plan: Plan,
    plan_file: PathBuf,
    run: Option<Run>,
}

/// All devices.
pub(crate) struct Fleet {
    members: Vec<Member>,
    pub(crate) devices: Vec<record::Device>,
    pub(crate) users: Vec<String>,
    /// Processes that died and were started again.
    pub(crate) restarts: u32,
}

impl Fleet {
    /// Registers the devices and binds their users.
    pub(crate) async fn register(api: &ApiClient, keys: (&str, &str), around: &Surroundings<'_>) -> Result<Self> {
        let (server_key, client_key) = keys;
        let users: Vec<String> = (0..USERS).map(|number| format!("用户-{number}")).collect();
        let mut fleet = Self { members: Vec::new(), devices: Vec::new(), users, restarts: 0 };
        for number in 0..DEVICES {
            let request = RegisterDevice::new(PlatformName::Other);
            let registered: RegisteredDevice = api.post("/v1/devices", client_key, &request).await?;
            let user = fleet.users[number % USERS].clone();
            let path = format!("/v1/devices/{}/user", registered.device_id);
            let _: Value = api.put(&path, server_key, &BindUser { user_id: user.clone() }).await?;
            let is_quic = number < QUIC_DEVICES;
            let log = around.directory.join(format!("device-{number:02}.log"));
            fleet.devices.push(record::Device {
                device_id: registered.device_id.clone(),
                user,
                transport: if is_quic { "quic" } else { "tcp" }.to_owned(),
                log: log.clone(),
            });
            let state = around.directory.join(format!("device-{number:02}.state"));
            let (api, certificate) = (around.router.map(str::to_owned), around.certificate.to_owned());
            let plan = Plan { registered, is_quic, api, port: around.port, certificate, state, log };
            let plan_file = around.directory.join(format!("device-{number:02}.json"));
            std::fs::write(&plan_file, serde_json::to_vec(&plan)?)?;
            fleet.members.push(Member { plan, plan_file, run: None });
        }
        Ok(fleet)
    }

    /// Starts every device and waits until its link is up.
    pub(crate) async fn start(&mut self, program: &Path) -> Result<()> {
        for number in 0..DEVICES {
            let dies_at = (number == DIES_IN_CALLBACK).then_some(DIES_AT_MESSAGE);
            let as_process = PROCESSES.contains(&number).then_some(program);
            self.members[number].start(as_process, dies_at).await?;
        }
        for member in &self.members {
            if let Some(Run::Task { device, .. }) = &member.run {
                tokio::time::timeout(CONNECTED_WITHIN, device.wait_for(homing_device_sdk::Status::is_connected))
                    .await
                    .with_context(|| format!("device {} did not connect", member.plan.registered.device_id))?;
            }
        }
        Ok(())
    }

    /// Breaks every link without a word.
    pub(crate) async fn drop_links(&mut self) -> Result<usize> {
        for member in &mut self.members {
            match &mut member.run {
                Some(Run::Task { device, .. }) => device.drop_link().await,
                Some(Run::Process { orders, .. }) => orders.write_all(b"drop\n").await?,
                None => {}
            }
        }
        Ok(self.members.len())
    }

    /// Starts the processes that died again; so many died since the last look.
    pub(crate) async fn revive(&mut self, program: &Path) -> Result<u32> {
        let mut revived = 0;
        for member in &mut self.members {
            let Some(Run::Process { child, .. }) = &mut member.run else { continue };
            if child.try_wait()?.is_some() {
                member.start(Some(program), None).await?;
                revived += 1;
            }
        }
        self.restarts += revived;
        Ok(revived)
    }

    /// Kills a process device that is not the one which dies by itself.
    pub(crate) async fn kill_one(&mut self) -> Result<()> {
        match &mut self.members[PROCESSES[1]].run {
            Some(Run::Process { child, .. }) => child.kill().await.context("the device's process cannot be killed"),
            _ => bail!("the device is no process"),
        }
    }

    /// Lets a device say something to the business; answered when it is stored there.
    pub(crate) async fn say_up(&self, topic: &str, payload: &str) -> Result<()> {
        let device = self.members.iter().find_map(|member| match &member.run {
            Some(Run::Task { device, .. }) => Some(device),
            _ => None,
        });
        let device = device.context("no device runs as a task")?;
        Ok(device.up(topic, payload.to_owned()).await?)
    }

    /// How many messages each device's log holds, in the order of the devices.
    pub(crate) fn logged(&self) -> Result<Vec<usize>> {
        let count = |member: &Member| -> Result<usize> {
            let text = match std::fs::read_to_string(&member.plan.log) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error.into()),
            };
            // A killed process logs the message that it was handling once more.
            let id = |line| -> Option<&str> { str::split(line, "\"message_id\":\"").nth(1)?.split('"').next() };
            let mut ids: Vec<&str> = text.lines().filter_map(id).collect();
            ids.sort_unstable();
            ids.dedup();
            Ok(ids.len())
        };
        self.members.iter().map(count).collect()
    }

    /// Ends every device in peace.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        for member in &mut self.members {
            match member.run.take() {
                Some(Run::Task { device, app }) => {
                    device.close().await;
                    app.await??;
                }
                Some(Run::Process { mut child, orders }) => {
                    drop(orders);
                    child.wait().await?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

impl Member {
    /// As a process of this program, or as a task.
    async fn start(&mut self, program: Option<&Path>, dies_at: Option<u64>) -> Result<()> {
        self.run = Some(if let Some(program) = program {
            let mut command = Command::new(program);
            command.arg("device").arg(&self.plan_file).args(dies_at.map(|message| message.to_string()));
            let mut child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn()?;
            let orders = child.stdin.take().context("the child has no standard input")?;
            Run::Process { child, orders }
        } else {
            let (device, app) = self.plan.start().await?;
            Run::Task { device, app: tokio::spawn(app.run(async |_| {})) }
        });
        Ok(())
    }
}
