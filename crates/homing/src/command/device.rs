//! `homing device`.

mod listen;
mod report;
mod subscribe;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use homing_contract::http::v1::{BindUser, PlatformName, RegisterDevice, RegisteredDevice, VendorAddress};
use serde_json::Value;

use super::context::Surroundings;
use super::table;
use crate::arguments::{DeviceCommand, KeyArguments};
use crate::client::write_private;

pub(super) async fn run(command: DeviceCommand) -> Result<()> {
    match command {
        DeviceCommand::Register { user, out, platform, vendor_channel, vendor_token, key, server } => {
            let vendor = vendor_channel.zip(vendor_token).map(|(channel, token)| VendorAddress { channel, token });
            register(Surroundings::new(&server)?, user, out, request(&platform, vendor)?, &key).await
        }
        DeviceCommand::Report(arguments) => report::run(*arguments).await,
        DeviceCommand::Subscribe { device, application_server_key, subscription, server } => {
            subscribe::run(&Surroundings::new(&server)?, device, application_server_key, subscription).await
        }
        DeviceCommand::Listen { device, transport, count, server } => {
            listen::run(&Surroundings::new(&server)?, device, transport, count).await
        }
    }
}

fn request(platform: &str, vendor: Option<VendorAddress>) -> Result<RegisterDevice> {
    let platform: PlatformName = serde_json::from_value(platform.into())
        .context("--platform is one of android, ios, harmony, web, tv, car, desktop, other")?;
    Ok(RegisterDevice { vendor, ..RegisterDevice::new(platform) })
}

async fn register(
    mut here: Surroundings,
    user: Option<String>,
    out: Option<PathBuf>,
    request: RegisterDevice,
    key: &KeyArguments,
) -> Result<()> {
    let (_, keys) = here.keys(key)?;
    let registered: RegisteredDevice = here.api.post("/v1/devices", &keys.client_key, &request).await?;
    let id = &registered.device_id;
    if let Some(user) = &user {
        let path = format!("/v1/devices/{id}/user");
        let _: Value = here.api.put(&path, &keys.server_key, &BindUser { user_id: user.clone() }).await?;
    }
    let out = out.unwrap_or_else(|| PathBuf::from(format!("device-{id}.json")));
    write_private(&out, &serde_json::to_vec_pretty(&registered)?)
        .with_context(|| format!("{} cannot be written", out.display()))?;
    here.profile.device = Some(out.clone());
    here.save()?;
    if here.json {
        return table::json(&registered);
    }
    told(&registered, user, &out)
}

fn told(registered: &RegisteredDevice, user: Option<String>, out: &Path) -> Result<()> {
    table::line(table::of_pairs([
        ("device", registered.device_id.clone()),
        ("push token", registered.push_token.clone()),
        ("user", user.unwrap_or_default()),
        ("credentials", out.display().to_string()),
    ]))?;
    table::line("Hold its link: homing device listen")
}

/// The credentials in the file that register wrote: this one, or that of the device registered last.
pub(super) fn credentials(here: &Surroundings, file: Option<PathBuf>) -> Result<(PathBuf, RegisteredDevice)> {
    let Some(file) = file.or_else(|| here.profile.device.clone()) else {
        bail!("which device? Name the file that register wrote, or register one: homing device register");
    };
    let text = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let registered = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a file of homing device register", file.display()))?;
    Ok((file, registered))
}
