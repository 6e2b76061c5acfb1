//! The credentials of a file become what an operator would upload.

use anyhow::{Context as _, Result, bail};
use homing_channels::Credential;
use homing_domain::{Channel, UnixMillis};
use serde_json::{Map, Value, json};

use crate::file::{Input, Step, Vectors, Verification};
use crate::keys::Keys;

/// What is in the files and is no part of an upload.
const NOT_UPLOADED: [&str; 2] = ["keys_note", "callback_url"];
/// What only an endpoint for receipts needs; a receipt's `verification` says it anew.
const OF_CALLBACKS: [&str; 3] = ["callback_user", "callback_secret", "callback_access_token"];

/// The credential for a case.
pub(crate) fn for_case(
    file: &Vectors,
    input: &Input,
    steps: &[Step],
    keys: &Keys,
    now: UnixMillis,
) -> Result<Credential> {
    let mut upload = upload(file, keys)?;
    match file.channel {
        Channel::Apns => {
            if let Some(environment) = environment(input)? {
                upload.insert("environment".to_owned(), environment.into());
            }
        }
        Channel::Huawei => huawei_api(&mut upload, input, steps),
        _ => {}
    }
    read(file, upload, now)
}

/// The credential that an endpoint for receipts is configured with.
pub(crate) fn for_receipt(
    file: &Vectors,
    verification: Option<&Verification>,
    keys: &Keys,
    now: UnixMillis,
) -> Result<Credential> {
    let mut upload = upload(file, keys)?;
    upload.retain(|name, _| !OF_CALLBACKS.contains(&name.as_str()));
    if let Some(verification) = verification {
        let given = [&verification.user_name, &verification.secret, &verification.access_token];
        for (name, value) in OF_CALLBACKS.into_iter().zip(given) {
            upload.extend(value.clone().map(|value| (name.to_owned(), value.into())));
        }
    }
    read(file, upload, now)
}

/// The credential as the file has it.
pub(crate) fn plain(file: &Vectors, changed: &[(&str, Value)], keys: &Keys, now: UnixMillis) -> Result<Credential> {
    let mut upload = upload(file, keys)?;
    upload.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    read(file, upload, now)
}

fn read(file: &Vectors, upload: Map<String, Value>, now: UnixMillis) -> Result<Credential> {
    file.vendor.read_credential(&Value::Object(upload), now).context("the credential")
}

fn upload(file: &Vectors, keys: &Keys) -> Result<Map<String, Value>> {
    let mut upload = file.credentials.clone();
    upload.retain(|name, _| !NOT_UPLOADED.contains(&name.as_str()));
    let mut add = |name: &str, value: Value| upload.insert(name.to_owned(), value);
    match file.channel {
        Channel::Apns => {
            add("key", keys.p256_pem()?.into());
            add("environment", "production".into());
        }
        Channel::Fcm => {
            add("type", "service_account".into());
            add("private_key", keys.rsa_pem().into());
        }
        Channel::WebPush => drop(add("private_key", keys.p256_number()?.into())),
        Channel::Huawei => {
            if let Some(account) = upload.get_mut("service_account").and_then(Value::as_object_mut) {
                account.insert("private_key".to_owned(), json!(keys.rsa_pem()));
            }
        }
        _ => {}
    }
    Ok(upload)
}

fn environment(input: &Input) -> Result<Option<&str>> {
    let mut all = input.targets.iter().filter_map(|target| target.env.as_deref());
    let first = all.next();
    if all.any(|other| Some(other) != first) {
        bail!("targets of one request are in one environment");
    }
    Ok(first)
}

/// Which of its interfaces a case is for: what its input says, or what its path begins with.
fn huawei_api(upload: &mut Map<String, Value>, input: &Input, steps: &[Step]) {
    let of_path = |path: &str| {
        let first = path.split('/').nth(1)?;
        matches!(first.strip_prefix('v')?.parse(), Ok(1..=9u8)).then(|| first.to_owned())
    };
    let api = input.api.clone().or_else(|| steps.iter().find_map(|step| of_path(&step.request.path)));
    if api.as_deref() != Some("v3") {
        upload.remove("service_account");
    }
    upload.extend(api.map(|api| ("api".to_owned(), api.into())));
}
