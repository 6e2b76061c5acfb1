//! An app: reads its credentials, connects, and appends every message to a log before it counts it as done.
//!
//! `cargo run -p homing-device-sdk --example listen -- credentials.json --gateway localhost:7443 --ca dev-cert.pem`
//!
//! The credentials are the JSON that `POST /v1/devices` answered.

#![expect(clippy::print_stderr, reason = "it shows a person what the link does")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use homing_device_sdk::{Device, Event, FileState, Identity, Route, Transports, Trust};
use serde::Deserialize;

#[derive(Debug, Parser)]
struct Arguments {
    /// File with the credentials.
    credentials: PathBuf,
    /// Gateway, as host:port.
    #[arg(long, default_value = "localhost:7443")]
    gateway: String,
    /// Certificate to trust instead of the platform's.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Where the device keeps its state.
    #[arg(long, default_value = "device.state")]
    state: PathBuf,
    /// What messages are appended to.
    #[arg(long, default_value = "messages.log")]
    log: PathBuf,
}

/// What registration answered, as far as the link needs it.
#[derive(Deserialize)]
struct Credentials {
    app_id: String,
    device_id: String,
    device_secret: String,
    key_id: u32,
    credential_generation: u32,
    epoch: u64,
}

impl Credentials {
    fn into_identity(self) -> anyhow::Result<Identity> {
        Ok(Identity {
            app: self.app_id.parse()?,
            device: self.device_id.parse()?,
            secret: self.device_secret.parse()?,
            key_id: self.key_id,
            credential_generation: self.credential_generation,
            epoch: self.epoch,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let credentials: Credentials = serde_json::from_slice(&std::fs::read(&arguments.credentials)?)?;
    let identity = credentials.into_identity()?;
    let (host, port) = arguments.gateway.rsplit_once(':').context("--gateway wants host:port")?;
    let trust = match arguments.ca {
        Some(path) => Trust::only_pem(&std::fs::read(path)?)?,
        None => Trust::Platform,
    };
    let mut log = OpenOptions::new().create(true).append(true).open(arguments.log)?;
    let (device, mut inbox) = Device::builder(identity, Route::new(host, port.parse()?))
        .transports(Transports::new(trust)?)
        .start(FileState::open(arguments.state)?)
        .await?;
    let mut status = device.status();
    tokio::spawn(async move {
        while status.changed().await.is_ok() {
            eprintln!("{:?}", *status.borrow_and_update());
        }
    });
    while let Some(delivery) = inbox.next().await {
        match delivery.event() {
            Event::Message(message) => {
                writeln!(log, "{} {}", message.id, String::from_utf8_lossy(&message.payload))?;
                device.displayed(message.id).await?;
            }
            other => writeln!(log, "{other:?}")?,
        }
        delivery.done().await;
    }
    Ok(())
}
