//! Runs a case.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_channels::{Access, Accesses, Credential, Failure, Origins, Surroundings, fetch_access, operate};
use homing_domain::UnixMillis;
use homing_web_push::DeviceKeys;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::content::{self, Asked};
use crate::credential;
use crate::file::{self, Case, Input, Vectors};
use crate::judge::device_keys;
use crate::keys::Keys;
use crate::outcome;
use crate::script::{Part, Script};
use crate::wire::Wire;

/// What the client does, and where it keeps access meanwhile.
struct Client<'a> {
    file: &'a Vectors,
    credential: &'a Credential,
    origins: &'a Origins,
    callback_url: Option<&'a str>,
    wire: &'a Wire,
    /// Milliseconds since 1970.
    clock: &'a AtomicU64,
    kept: Mutex<Option<Access>>,
}

impl Client<'_> {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.clock.load(Ordering::Relaxed))
    }

    fn around(&self) -> Surroundings<'_> {
        let mut random = [0; 64];
        rand::fill(&mut random);
        Surroundings {
            credential: self.credential,
            access: None,
            origins: self.origins,
            now: self.now(),
            callback_url: self.callback_url,
            random,
        }
    }

    async fn fetch(&self) -> Result<Option<Access>, Failure> {
        fetch_access(self.file.vendor, &self.around(), self.wire, || self.now()).await
    }
}

impl Accesses for Client<'_> {
    async fn access(&self, stale: Option<&Access>) -> Result<Option<Access>, Failure> {
        let mut kept = self.kept.lock().await;
        if stale.is_some() {
            // A second passes: what is signed anew says so.
            self.clock.fetch_add(1_000, Ordering::Relaxed);
            *kept = None;
        }
        if kept.is_none() {
            *kept = self.fetch().await?;
        }
        Ok(kept.clone())
    }
}

/// What is wrong.
pub(crate) async fn run(file: &Vectors, entry: &Value, wire: &Wire, keys: &Keys) -> Result<Vec<String>> {
    let mut case: Case = file::entry(entry)?;
    let steps = case.steps()?;
    let now = file::clock(case.now)?;
    let device = readable(file, entry, &mut case.input)?;
    let credential = credential::for_case(file, &case.input, &steps, keys, now)?;
    let clock = AtomicU64::new(now.0);
    let client = Client {
        file,
        credential: &credential,
        origins: &Origins::production(),
        callback_url: file.credentials.get("callback_url").and_then(Value::as_str),
        wire,
        clock: &clock,
        kept: Mutex::new(None),
    };
    let expected = &case.expected_outcome;
    let endpoints = case.input.targets.iter().filter_map(|target| endpoint(target.subscription.as_ref()?)).collect();
    let part = Part {
        file,
        keys,
        // Signing again happens up to two seconds later.
        now: UnixMillis(now.0 + 2_000),
        environment: case.input.targets.iter().find_map(|target| target.env.as_deref()),
        endpoints,
        device,
        is_repeated: expected.refresh_auth == Some(true),
    };
    let script = Script::new(part, steps);
    let judged = if case.input.auth {
        let fetched = wire.played(|actual| script.answer(actual), client.fetch()).await;
        outcome::of_access(expected, fetched, now)?
    } else {
        let Asked { operation, names } = content::read(file, &case.input)?;
        let around = client.around();
        let operated = operate(file.vendor, &around, &operation, wire, &client, || client.now());
        let operated = wire.played(|actual| script.answer(actual), operated).await;
        outcome::of_answers(file, expected, operated, &names, now)?
    };
    let mut misses = script.misses();
    misses.extend(judged);
    Ok(misses)
}

fn endpoint(subscription: &Value) -> Option<String> {
    subscription.get("endpoint").and_then(Value::as_str).map(str::to_owned)
}

/// The private half of the subscription's keys, so that the server can read what is encrypted. Where the file shows none, the
/// subscription gets other keys.
fn readable(file: &Vectors, entry: &Value, input: &mut Input) -> Result<Option<DeviceKeys>> {
    let mut with_keys = input.targets.iter_mut().filter_map(|target| target.subscription.as_mut());
    let Some(subscription) = with_keys.next() else { return Ok(None) };
    if with_keys.next().is_some() {
        bail!("one request is for one subscription");
    }
    let text = |name: &str| subscription.pointer(&format!("/keys/{name}")).and_then(Value::as_str);
    let (p256dh, auth) = text("p256dh").zip(text("auth")).context("a subscription without keys")?;
    let mut shown = file.crypto.clone();
    shown.push(entry.clone());
    if let Some(keys) = device_keys(&shown, p256dh, auth) {
        return Ok(Some(keys));
    }
    let (mut private, mut secret) = ([0; 32], [0; 16]);
    rand::fill(&mut private);
    rand::fill(&mut secret);
    // Not zero and below the order of the curve.
    private[0] = 1;
    let keys = DeviceKeys::from_private(&private, secret)?;
    subscription["keys"]["p256dh"] = URL_SAFE_NO_PAD.encode(keys.public()).into();
    subscription["keys"]["auth"] = URL_SAFE_NO_PAD.encode(secret).into();
    Ok(Some(keys))
}
