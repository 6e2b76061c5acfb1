//! An emulator with the templates deployed into it, by the same script that deploys to AWS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use homing_tests::emulator::{Emulator, plain_http, sdk_config};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The environment of infra/environments that is deployed.
const ENVIRONMENT: &str = "local";

/// What is deployed. Dropping it ends the emulator and every Lambda function in it.
pub(crate) struct Deployment {
    emulator: Emulator,
    /// Names and URLs, as gateways get them.
    pub(crate) names: BTreeMap<String, String>,
}

impl Deployment {
    /// Starts an emulator and deploys: with parameters as `infra/deploy --set` takes them, and with mail if it is said where
    /// letters are handed in.
    pub(crate) async fn start(parameters: &[String], smtp_url: Option<String>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests lie in the repository")?;
        let emulator = Emulator::start_running().await;
        crate::say(format!("the emulator answers at {}", emulator.endpoint()));
        let script = |arguments: &[&str]| {
            let mut command = Command::new(root.join("infra/deploy"));
            command.arg(ENVIRONMENT).args(arguments).env("AWS_ENDPOINT_URL", emulator.endpoint());
            command.kill_on_drop(true);
            command
        };
        if let Some(url) = smtp_url {
            finished(script(&["--smtp-url"]), &url).await?;
        }
        let parameters: Vec<&str> = parameters.iter().flat_map(|parameter| ["--set", parameter]).collect();
        finished(script(&parameters), "").await?;
        let names = read_names(&root.join(format!("target/deploy/{ENVIRONMENT}.env")))?;
        Ok(Self { emulator, names })
    }

    /// One of the names.
    pub(crate) fn name(&self, name: &str) -> Result<&str> {
        self.names.get(name).map(String::as_str).with_context(|| format!("the deployment has no {name}"))
    }

    /// The API.
    pub(crate) fn api(&self) -> Result<ApiClient> {
        Ok(ApiClient::new(self.name("HOMING_API_URL")?, None)?)
    }

    /// The SDK's configuration for this emulator.
    pub(crate) async fn sdk(&self) -> aws_config::SdkConfig {
        sdk_config(self.emulator.endpoint(), plain_http()).await
    }
}

/// Runs the script to its end with a line on its standard input.
async fn finished(mut script: Command, input: &str) -> Result<()> {
    let mut running = script.stdin(Stdio::piped()).spawn().context("infra/deploy cannot be run")?;
    let mut lines = running.stdin.take().context("the script has a standard input")?;
    lines.write_all(format!("{input}\n").as_bytes()).await?;
    drop(lines);
    let ended = running.wait().await?;
    if !ended.success() {
        bail!("infra/deploy: {ended}");
    }
    Ok(())
}

fn read_names(path: &PathBuf) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
