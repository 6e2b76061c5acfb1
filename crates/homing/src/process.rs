//! A server as a child process: for the load generator and the demonstration, which measure and kill it from outside.

mod usage;
pub mod vendors;

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

pub use usage::{KernelMemory, Usage};

/// Opening a store with a million pending items takes seconds; ten times that is a failure.
const UP_WITHIN: Duration = Duration::from_secs(120);
/// How often the child's output is looked at while it starts.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How to run a server.
#[derive(Clone, Debug)]
pub struct ServerCommand {
    /// The `homing` program.
    pub program: PathBuf,
    /// Its data directory; its output is kept beside it.
    pub data_dir: PathBuf,
    /// Plain HTTP.
    pub http: SocketAddr,
    /// Device links.
    pub gateway: SocketAddr,
    /// Further flags of `homing serve`.
    pub flags: Vec<String>,
    /// Pin it to this core, with `taskset`.
    pub pin: Option<u32>,
}

/// A server that runs as a child. It is killed when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    id: u32,
    /// The operator's token, when this was the first start in its directory.
    pub admin_token: Option<String>,
}

impl ServerCommand {
    /// On free ports of the loopback address.
    ///
    /// # Errors
    /// When no port is free.
    pub fn local(program: PathBuf, data_dir: PathBuf) -> io::Result<Self> {
        let free = || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.local_addr()
        };
        // Both are held at once, so that they differ.
        let (one, two) = (std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, free()?);
        Ok(Self { program, data_dir, http: one.local_addr()?, gateway: two, flags: Vec::new(), pin: None })
    }

    /// Where the server's standard output goes.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.data_dir.with_extension("out")
    }

    /// Where its logs go.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.data_dir.with_extension("log")
    }

    /// Where its development certificate is once it is up.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.data_dir.join("dev-cert.pem")
    }

    /// The base URL of its API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Starts it and waits until it is up.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not up in time; its logs say why.
    pub async fn start(&self) -> io::Result<ServerProcess> {
        let output = File::create(self.output())?;
        let logs = OpenOptions::new().create(true).append(true).open(self.logs())?;
        let mut command = match self.pin {
            None => Command::new(&self.program),
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", &core.to_string()]).arg(&self.program);
                command
            }
        };
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args(["--https-listen", "off", "--http-listen", &self.http.to_string()])
            .args(["--gateway-listen", &self.gateway.to_string()])
            .args(&self.flags);
        let child = command.stdin(Stdio::null()).stdout(output).stderr(logs).kill_on_drop(true).spawn()?;
        let id = child.id().ok_or_else(|| io::Error::other("the server ended at once"))?;
        let mut process = ServerProcess { child, id, admin_token: None };
        tokio::time::timeout(UP_WITHIN, process.wait_until_up(&self.output(), &self.logs()))
            .await
            .map_err(|_| io::Error::other("the server did not come up"))??;
        Ok(process)
    }
}

impl ServerProcess {
    async fn wait_until_up(&mut self, output: &Path, logs: &Path) -> io::Result<()> {
        loop {
            let text = std::fs::read_to_string(output)?;
            // The greeting is written at once, as a whole.
            if text.starts_with("Homing is up") && text.ends_with('\n') {
                let token = text.lines().find_map(|line| line.trim().strip_prefix("export HOMING_ADMIN_TOKEN="));
                self.admin_token = token.map(str::to_owned);
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                let logs = std::fs::read_to_string(logs).unwrap_or_default();
                let last = logs.lines().last().unwrap_or_default();
                return Err(io::Error::other(format!("the server ended with {status}: {last}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Its process id.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What it used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of_process(self.id)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn stop(&mut self) -> io::Result<ExitStatus> {
        let kill = format!("kill -TERM {}", self.id);
        Command::new("/bin/sh").args(["-c", &kill]).status().await?;
        self.child.wait().await
    }
}
