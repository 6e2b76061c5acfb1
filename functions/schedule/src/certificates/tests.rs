//! Who is told of which certificate, and how often.

use std::sync::Mutex;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_credentials::{FleetSecret, alert_key, sign_alert};
use homing_domain::{
    AlertSettings, App, AppId, Channel, ChannelConfig, ChannelCredential, ChannelPolicy, EventSettings, UnixMillis,
    UpstreamRoute,
};
use homing_ports::{
    Apps, Call, CallError, Created, Error, Fault, Letter, Mail, Outbound, Replaced, Result, VendorChannels,
};

use super::*;

const DAY: u64 = 86_400_000;
const EXPIRES: UnixMillis = UnixMillis(100 * DAY);

#[derive(Default)]
struct Items {
    apps: Vec<App>,
    configs: Vec<ChannelConfig>,
    letters: Vec<Letter>,
    calls: Vec<http::Request<Bytes>>,
    /// What the webhook answers; 0 = nothing.
    answers: u16,
    mail_is_down: bool,
    /// Somebody uploads another credential while letters are written.
    rotates: bool,
    /// Somebody sets the policy while letters are written.
    sets_policy: bool,
}

#[derive(Default)]
struct World(Mutex<Items>);

impl World {
    fn new(emails: &[&str], webhook_url: Option<&str>) -> Self {
        let world = Self::default();
        let alerts = AlertSettings {
            emails: emails.iter().map(|email| (*email).to_owned()).collect(),
            webhook_url: webhook_url.map(str::to_owned),
        };
        world.with(|items| {
            items.apps.push(app("shop", alerts));
            items.configs.push(config("shop", Channel::Apns, Some(EXPIRES)));
            items.answers = 204;
        });
        world
    }

    fn with<T>(&self, does: impl FnOnce(&mut Items) -> T) -> T {
        does(&mut self.0.lock().unwrap())
    }

    fn check(&self, now: UnixMillis) -> CertificatesChecked {
        let fleet = FleetSecret::new([7; 32]);
        let ways = Ways { mail: Some(self), outbound: self, fleet: &fleet };
        check_certificates(self, &ways, now).now_or_never().expect("it waits for its ports only").unwrap()
    }

    /// How many days were left in the letters since the last time.
    fn subjects(&self) -> Vec<String> {
        self.with(|items| std::mem::take(&mut items.letters)).into_iter().map(|letter| letter.subject).collect()
    }

    fn warned(&self) -> Option<u16> {
        self.with(|items| items.configs[0].credential.as_ref().unwrap().warned_days)
    }
}

fn app(id: &str, alerts: AlertSettings) -> App {
    App {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        server_keys: Vec::new(),
        client_key: [0; 32],
        quota_per_second: None,
        heartbeat: None,
        events: EventSettings::default(),
        upstream: UpstreamRoute::Poll,
        alerts,
        created_at: UnixMillis(0),
        revision: 1,
    }
}

fn config(app: &str, channel: Channel, expires_at: Option<UnixMillis>) -> ChannelConfig {
    let credential = ChannelCredential {
        sealed: Bytes::from_static(b"the first"),
        kind: "certificate".into(),
        public: Vec::new(),
        expires_at,
        uploaded_at: UnixMillis(0),
        warned_days: None,
    };
    let app = app.parse().unwrap();
    ChannelConfig { app, channel, credential: Some(credential), policy: ChannelPolicy::default(), revision: 1 }
}

impl Apps for World {
    async fn create_app(&self, _: App) -> Result<Created> {
        unreachable!()
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        Ok(self.with(|items| items.apps.iter().find(|app| app.id == *id).cloned()))
    }

    async fn apps(&self, _: Option<&AppId>, _: usize) -> Result<Vec<App>> {
        unreachable!()
    }

    async fn replace_app(&self, _: App) -> Result<Replaced> {
        unreachable!()
    }

    async fn delete_app(&self, _: &AppId) -> Result<()> {
        unreachable!()
    }
}

impl VendorChannels for World {
    async fn channel_config(&self, app: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        let is_it = |config: &&ChannelConfig| (&config.app, config.channel) == (app, channel);
        Ok(self.with(|items| items.configs.iter().find(is_it).cloned()))
    }

    async fn replace_channel_config(&self, config: ChannelConfig) -> Result<Replaced> {
        Ok(self.with(|items| {
            let stored =
                items.configs.iter_mut().find(|stored| (&stored.app, stored.channel) == (&config.app, config.channel));
            match stored {
                Some(stored) if stored.revision + 1 == config.revision => {
                    *stored = config;
                    Replaced::Done
                }
                _ => Replaced::Changed,
            }
        }))
    }

    async fn delete_channel_config(&self, _: &AppId, _: Channel) -> Result<()> {
        unreachable!()
    }

    async fn channel_configs(&self, after: Option<(AppId, Channel)>, limit: usize) -> Result<Vec<ChannelConfig>> {
        let after = after.map(|(app, channel)| (app, channel.name()));
        let is_next = |config: &&ChannelConfig| {
            after.as_ref().is_none_or(|(app, channel)| (&config.app, config.channel.name()) > (app, *channel))
        };
        Ok(self.with(|items| items.configs.iter().filter(is_next).take(limit).cloned().collect()))
    }
}

impl Mail for World {
    async fn mail(&self, letter: Letter) -> Result<()> {
        self.with(|items| {
            if items.mail_is_down {
                return Err(Error::new(Fault::Retry, "hand in a letter"));
            }
            items.letters.push(letter);
            let stored = &mut items.configs[0];
            if items.rotates {
                stored.credential.as_mut().unwrap().sealed = Bytes::from_static(b"the next");
                stored.revision += 1;
            }
            if std::mem::take(&mut items.sets_policy) {
                stored.policy.attempts_max = 3;
                stored.revision += 1;
            }
            Ok(())
        })
    }
}

impl Outbound for World {
    async fn call(&self, call: Call) -> std::result::Result<http::Response<Bytes>, CallError> {
        assert!(call.is_foreign && call.identity.is_none());
        self.with(|items| {
            items.calls.push(call.request);
            match items.answers {
                0 => Err(CallError::Unknown("nothing came".to_owned())),
                status => Ok(http::Response::builder().status(status).body(Bytes::new()).unwrap()),
            }
        })
    }
}

#[test]
fn each_threshold_is_told_once_and_the_last_ones_urgently() {
    let world = World::new(&["ops@shop.example"], None);
    let mut told = Vec::new();
    for day in 60..=103 {
        world.check(UnixMillis(day * DAY));
        told.extend(world.subjects().into_iter().map(|subject| (day, subject)));
    }
    let subject = |urgency, when| format!("{urgency}Homing: the apns certificate of shop {when}");
    let expected = [
        (70, subject("", "expires in 30 days")),
        (86, subject("", "expires in 14 days")),
        (93, subject("ALERT: ", "expires in 7 days")),
        (100, subject("ALERT: ", "has expired")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn one_that_was_missed_is_told_by_the_tightest_threshold() {
    let world = World::new(&["a@shop.example", "b@shop.example"], None);
    let checked = world.check(UnixMillis(91 * DAY + 1));
    assert_eq!(checked, CertificatesChecked { expiring: 1, told: 1, untold: 0 });
    let letters = world.with(|items| std::mem::take(&mut items.letters));
    assert_eq!(letters.iter().map(|letter| &*letter.to).collect::<Vec<_>>(), ["a@shop.example", "b@shop.example"]);
    assert!(letters[0].subject.ends_with("expires in 9 days") && letters[0].text.contains("1970-04-11T00:00:00Z"));
    assert_eq!(world.warned(), Some(14));
}

#[test]
fn a_webhook_is_told_with_a_signature_that_its_owner_can_check() {
    let world = World::new(&[], Some("https://shop.example/hook"));
    world.check(UnixMillis(93 * DAY));
    let call = world.with(|items| items.calls.remove(0));
    assert_eq!(*call.uri(), "https://shop.example/hook");
    let expected = r#"{"type":"certificate_expiring","app":"shop","channel":"apns","expires_at":"1970-04-11T00:00:00Z","days_left":7}"#;
    assert_eq!(call.body(), expected);
    let key = alert_key(&FleetSecret::new([7; 32]), "shop");
    assert_eq!(call.headers()["homing-signature"], sign_alert(&key, expected.as_bytes()));
}

#[test]
fn what_nobody_could_be_told_is_told_by_a_later_check() {
    let world = World::new(&["ops@shop.example"], Some("https://shop.example/hook"));
    world.with(|items| (items.mail_is_down, items.answers) = (true, 500));
    assert_eq!(world.check(UnixMillis(93 * DAY)), CertificatesChecked { expiring: 1, told: 0, untold: 1 });
    world.with(|items| items.answers = 0);
    assert_eq!(world.check(UnixMillis(94 * DAY)).untold, 1);
    assert_eq!(world.warned(), None);
    world.with(|items| items.mail_is_down = false);
    assert_eq!(world.check(UnixMillis(95 * DAY)).told, 1, "one way is enough");
    assert_eq!(world.check(UnixMillis(96 * DAY)), CertificatesChecked { expiring: 1, told: 0, untold: 0 });
    assert_eq!(world.with(|items| items.calls.len()), 3);
}

#[test]
fn nobody_to_tell_is_no_telling() {
    let world = World::new(&[], None);
    assert_eq!(world.check(UnixMillis(93 * DAY)).untold, 1);
    assert_eq!(world.warned(), None);
}

#[test]
fn a_credential_that_was_replaced_meanwhile_was_not_told_of() {
    let world = World::new(&["ops@shop.example"], None);
    world.with(|items| items.rotates = true);
    world.check(UnixMillis(93 * DAY));
    assert_eq!(world.warned(), None);
    let world = World::new(&["ops@shop.example"], None);
    world.with(|items| items.sets_policy = true);
    world.check(UnixMillis(93 * DAY));
    assert_eq!(world.warned(), Some(7), "another policy is no other credential");
    assert_eq!(world.with(|items| items.configs[0].policy.attempts_max), 3);
}

#[test]
fn every_page_is_read_and_what_never_expires_or_has_no_app_is_left_alone() {
    let world = World::default();
    world.with(|items| {
        items.answers = 200;
        for n in 0..2 * PAGE {
            let id = format!("app-{n:03}");
            if n != 7 {
                let alerts = AlertSettings { emails: vec!["ops@shop.example".to_owned()], webhook_url: None };
                items.apps.push(app(&id, alerts));
            }
            items.configs.push(config(&id, Channel::Apns, (n != 5).then_some(EXPIRES)));
        }
    });
    let checked = world.check(UnixMillis(99 * DAY));
    assert_eq!(checked, CertificatesChecked { expiring: 2 * PAGE - 1, told: 2 * PAGE - 2, untold: 0 });
}
