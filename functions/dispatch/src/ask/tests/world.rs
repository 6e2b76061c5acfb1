//! One app with one channel, a bucket, and a network that answers as it is told.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_channels::Response;
use homing_credentials::{FleetSecret, seal};
use homing_domain::{
    AppId, BusEvent, Channel, ChannelConfig, ChannelCredential, ChannelPolicy, DeviceId, MessageId, Millis, Priority,
    PushBody, Throttle, UnixMillis, VendorAddress, VendorAnswer, VendorPush, VendorToken,
};
use homing_ports::{
    Call, CallError, Clock, Entropy, Events, Outbound, Replaced, Result, Throttles, VendorChannels, Vendors as _,
};
use serde_json::json;

use super::super::{AppVendors, AskedElsewhere, Places};

/// Noon in China, so that the day has time left.
pub(super) const NOW: UnixMillis = UnixMillis(1_700_020_800_000);

/// What the network does with a call.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Status(u16, Vec<(&'static str, &'static str)>, String),
    Unsent,
    Lost,
}

impl Answer {
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self::Status(status, Vec::new(), body.to_owned())
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        if let Self::Status(_, headers, _) = &mut self {
            headers.push((name, value));
        }
        self
    }
}

#[derive(Debug)]
pub(super) struct State {
    now: UnixMillis,
    pub(super) config: Option<ChannelConfig>,
    throttle: Throttle,
    /// How often another changes the bucket first.
    pub(super) rivals: usize,
    pub(super) alerts: Vec<BusEvent>,
    pub(super) calls: Vec<Call>,
    once: VecDeque<Answer>,
    always: Answer,
}

#[derive(Debug)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    vendors: OnceLock<AppVendors<Self, Self>>,
}

pub(super) fn app() -> AppId {
    "demo".parse().unwrap()
}

/// The fakes never wait.
pub(super) fn now_or_panic<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here waits")
}

/// A message for so many devices.
pub(super) fn push(channel: Channel, devices: u8) -> VendorPush {
    let address = |n: u8| VendorAddress {
        device: DeviceId::from_bytes([n; 16]),
        token: VendorToken { channel: channel.name().into(), token: token(channel, n), since: NOW.minus(1) },
    };
    VendorPush {
        app: app(),
        channel,
        body: PushBody {
            message: MessageId::from_bytes([0x0a; 16]),
            accepted_at: NOW,
            expires_at: NOW.plus(86_400_000),
            priority: Priority::Normal,
            collapse_key: None,
            payload: Bytes::from_static(br#"{"notification":{"title":"T","body":"B"}}"#),
            recalls: None,
        },
        overrides: None,
        attempt: 0,
        to: (0..devices).map(address).collect(),
    }
}

fn token(channel: Channel, n: u8) -> String {
    if channel == Channel::Apns { format!("{n:064x}") } else { format!("token-{n}") }
}

fn upload(channel: Channel) -> String {
    let upload = match channel {
        Channel::Xiaomi => json!({ "app_secret": "secret", "package": "com.example.demo" }),
        Channel::Huawei => json!({ "app_id": "1", "client_id": "1", "client_secret": "secret" }),
        Channel::Meizu => json!({ "app_id": "1", "app_secret": "secret" }),
        Channel::Vivo => json!({ "app_id": "1", "app_key": "key", "app_secret": "secret" }),
        Channel::Apns => {
            json!({ "team_id": "TEAM567890", "key_id": "KEY4567890", "bundle_id": "com.example", "key": p8(),
                "environment": "production" })
        }
        other => panic!("no test has {other}"),
    };
    upload.to_string()
}

/// A key of P-256 that nobody has: the structure of RFC 5915 in PKCS#8, with a private number that is easily guessed.
fn p8() -> String {
    const AROUND: [u8; 35] = [
        0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
    ];
    let der = STANDARD.encode([&AROUND[..], &[7; 32]].concat());
    format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
}

impl World {
    pub(super) fn new(channel: Channel, policy: ChannelPolicy) -> Self {
        let state = State {
            now: NOW,
            config: None,
            throttle: Throttle::default(),
            rivals: 0,
            alerts: Vec::new(),
            calls: Vec::new(),
            once: VecDeque::new(),
            always: Answer::Unsent,
        };
        let world = Self { state: Arc::new(Mutex::new(state)), vendors: OnceLock::new() };
        let config = ChannelConfig { app: app(), channel, credential: None, policy, revision: 1 };
        world.with(|state| state.config = Some(config));
        world.upload(channel, &upload(channel));
        world
    }

    pub(super) fn upload(&self, channel: Channel, upload: &str) {
        let sealed = seal(&fleet(), &format!("demo/{channel}"), [1; 12], upload.as_bytes()).into();
        let credential = ChannelCredential {
            sealed,
            kind: String::new(),
            public: Vec::new(),
            expires_at: None,
            uploaded_at: NOW,
            warned_days: None,
        };
        self.with(|state| state.config.as_mut().unwrap().credential = Some(credential));
    }

    pub(super) fn with<T>(&self, does: impl FnOnce(&mut State) -> T) -> T {
        does(&mut self.state.lock().unwrap())
    }

    pub(super) fn pass(&self, time: Millis) {
        self.with(|state| state.now = state.now.plus(time));
    }

    /// The answer to the next call that has none yet.
    pub(super) fn once(&self, answer: Answer) {
        self.with(|state| state.once.push_back(answer));
    }

    /// The answer to every other call.
    pub(super) fn always(&self, answer: Answer) {
        self.with(|state| state.always = answer);
    }

    /// As a process that has just started has them.
    pub(super) fn vendors(&self) -> AppVendors<Self, Self> {
        let places = Places { public_url: Some("https://push.example/".into()), ..Places::default() };
        let same = || Arc::new(Self { state: Arc::clone(&self.state), vendors: OnceLock::new() });
        AppVendors::new(same(), same(), same(), fleet(), places)
    }

    pub(super) fn elsewhere(&self) -> AskedElsewhere<Self> {
        AskedElsewhere::new(Arc::new(Self { state: Arc::clone(&self.state), vendors: OnceLock::new() }))
    }

    pub(super) fn vendors_ask(&self, vendors: &AppVendors<Self, Self>, push: VendorPush) -> Vec<VendorAnswer> {
        let admission = now_or_panic(vendors.admit(&push.app, push.channel, push.to.len())).unwrap();
        now_or_panic(vendors.ask_vendor(&push, admission)).unwrap()
    }

    /// Asks by the one process of the test.
    pub(super) fn ask(&self, push: VendorPush) -> Vec<VendorAnswer> {
        self.vendors_ask(self.vendors.get_or_init(|| self.vendors()), push)
    }
}

fn fleet() -> FleetSecret {
    FleetSecret::new([7; 32])
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        self.with(|state| state.now)
    }
}

/// Always nought: waits are the shortest that a policy allows.
impl Entropy for World {
    fn random_16(&self) -> [u8; 16] {
        [0; 16]
    }
}

impl Events for World {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        self.with(|state| state.alerts.extend(events));
        Ok(())
    }
}

impl VendorChannels for World {
    async fn channel_config(&self, _: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        Ok(self.with(|state| state.config.clone()).filter(|config| config.channel == channel))
    }

    async fn replace_channel_config(&self, _: ChannelConfig) -> Result<Replaced> {
        unreachable!()
    }

    async fn delete_channel_config(&self, _: &AppId, _: Channel) -> Result<()> {
        unreachable!()
    }

    async fn channel_configs(&self, _: Option<(AppId, Channel)>, _: usize) -> Result<Vec<ChannelConfig>> {
        unreachable!()
    }
}

impl Throttles for World {
    async fn throttle(&self, _: &AppId, _: Channel) -> Result<Throttle> {
        Ok(self.with(|state| state.throttle))
    }

    async fn replace_throttle(&self, _: &AppId, _: Channel, throttle: Throttle) -> Result<Replaced> {
        Ok(self.with(|state| {
            if state.rivals > 0 {
                state.rivals -= 1;
                state.throttle.revision += 1;
            }
            if throttle.revision != state.throttle.revision + 1 {
                return Replaced::Changed;
            }
            state.throttle = throttle;
            Replaced::Done
        }))
    }
}

impl Outbound for World {
    async fn call(&self, call: Call) -> std::result::Result<Response, CallError> {
        let answer = self.with(|state| {
            state.calls.push(call);
            state.once.pop_front().unwrap_or_else(|| state.always.clone())
        });
        match answer {
            Answer::Status(status, headers, body) => {
                let mut response = Response::new(Bytes::from(body));
                *response.status_mut() = status.try_into().unwrap();
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
                Ok(response)
            }
            Answer::Unsent => Err(CallError::Unsent("no route".into())),
            Answer::Lost => Err(CallError::Unknown("timed out".into())),
        }
    }
}
