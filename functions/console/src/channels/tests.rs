//! What is stored of an upload, and who wins when two change a channel.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use homing_credentials::decode_32;
use homing_ports::Result;
use serde_json::json;

use super::*;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Settings in memory. Before a replace with `others` left somebody else sets the policy.
#[derive(Default)]
struct World {
    configs: Mutex<BTreeMap<&'static str, ChannelConfig>>,
    others: AtomicU8,
}

impl World {
    fn stored(&self, channel: Channel) -> Option<ChannelConfig> {
        self.configs.lock().unwrap().get(channel.name()).cloned()
    }
}

impl VendorChannels for World {
    async fn channel_config(&self, _: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        Ok(self.stored(channel))
    }

    async fn replace_channel_config(&self, config: ChannelConfig) -> Result<Replaced> {
        let mut configs = self.configs.lock().unwrap();
        let others = self.others.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if others.is_ok() {
            let stored = configs.get_mut(config.channel.name()).unwrap();
            stored.policy.attempts_max += 1;
            stored.revision += 1;
        }
        let revision = configs.get(config.channel.name()).map_or(0, |stored| stored.revision);
        if revision + 1 != config.revision {
            return Ok(Replaced::Changed);
        }
        configs.insert(config.channel.name(), config);
        Ok(Replaced::Done)
    }

    async fn delete_channel_config(&self, _: &AppId, channel: Channel) -> Result<()> {
        self.configs.lock().unwrap().remove(channel.name());
        Ok(())
    }

    async fn channel_configs(&self, _: Option<(AppId, Channel)>, _: usize) -> Result<Vec<ChannelConfig>> {
        unreachable!()
    }
}

/// Another number each time; the first is no private key.
#[derive(Default)]
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn random_16(&self) -> [u8; 16] {
        [self.0.fetch_add(1, Ordering::Relaxed); 16]
    }

    fn random_32(&self) -> [u8; 32] {
        [self.0.fetch_add(1, Ordering::Relaxed); 32]
    }
}

struct Scene {
    world: World,
    entropy: Counting,
    fleet: FleetSecret,
    app: AppId,
}

impl Scene {
    fn new() -> Self {
        let fleet = FleetSecret::new([7; 32]);
        Self { world: World::default(), entropy: Counting::default(), fleet, app: "shop".parse().unwrap() }
    }

    fn set(
        &self,
        channel: &str,
        upload: &Value,
        validate_only: bool,
    ) -> std::result::Result<ChannelConfig, ChannelChangeError> {
        let place = Place { app: &self.app, vendor: vendor_named(channel).unwrap() };
        let vault = Vault { fleet: &self.fleet, entropy: &self.entropy };
        let upload = upload.as_object().unwrap();
        let uploaded = Uploaded { upload, now: NOW, is_kept: !validate_only, desk: None };
        let set = set_credential(&self.world, vault, place, uploaded).now_or_never().unwrap();
        set.map(|(config, checked)| {
            assert_eq!(checked, Checked::Parsed, "nobody is asked");
            config
        })
    }

    /// What is stored, decrypted.
    fn opened(&self, channel: Channel) -> Value {
        let config = self.world.stored(channel).unwrap();
        let sealed = config.credential.unwrap().sealed;
        serde_json::from_slice(&open(&self.fleet, &format!("shop/{channel}"), &sealed).unwrap()).unwrap()
    }
}

fn oppo(secret: &str) -> Value {
    json!({ "app_key": "key-of-the-app", "master_secret": secret })
}

#[test]
fn what_is_stored_is_encrypted_and_what_is_shown_is_no_secret() {
    let scene = Scene::new();
    let config = scene.set("oppo", &oppo("hunter2-hunter2"), false).unwrap();
    assert_eq!(scene.world.stored(Channel::Oppo), Some(config.clone()));
    assert_eq!(scene.opened(Channel::Oppo), oppo("hunter2-hunter2"));
    let credential = config.credential.unwrap();
    assert_eq!((credential.uploaded_at, credential.warned_days), (NOW, None));
    assert!(!format!("{credential:?}").contains("hunter2"));
}

#[test]
fn a_rotation_keeps_the_policy_and_begins_the_warnings_anew() {
    let scene = Scene::new();
    scene.set("oppo", &oppo("the-first-secret"), false).unwrap();
    let place = Place { app: &scene.app, vendor: vendor_named("oppo").unwrap() };
    let policy = ChannelPolicy { per_second: Some(7), ..ChannelPolicy::default() };
    set_policy(&scene.world, place, policy).now_or_never().unwrap().unwrap();
    let mut config = scene.world.stored(Channel::Oppo).unwrap();
    config.credential.as_mut().unwrap().warned_days = Some(7);
    scene.world.configs.lock().unwrap().insert("oppo", config);
    let rotated = scene.set("oppo", &oppo("the-next-secret"), false).unwrap();
    assert_eq!((rotated.policy, rotated.revision), (policy, 3));
    assert_eq!(rotated.credential.unwrap().warned_days, None);
    assert_eq!(scene.opened(Channel::Oppo), oppo("the-next-secret"));
}

#[test]
fn whoever_changes_the_policy_meanwhile_is_not_overruled() {
    let scene = Scene::new();
    scene.set("oppo", &oppo("the-first-secret"), false).unwrap();
    scene.world.others.store(3, Ordering::Relaxed);
    let rotated = scene.set("oppo", &oppo("the-next-secret"), false).unwrap();
    assert_eq!(rotated.policy.attempts_max, ChannelPolicy::default().attempts_max + 3);
    scene.world.others.store(200, Ordering::Relaxed);
    let refused = scene.set("oppo", &oppo("another-secret"), false);
    assert!(matches!(refused, Err(ChannelChangeError::Busy)));
}

#[test]
fn a_check_stores_nothing_and_a_wrong_upload_is_named_without_its_secret() {
    let scene = Scene::new();
    scene.set("oppo", &oppo("the-first-secret"), true).unwrap();
    assert_eq!(scene.world.stored(Channel::Oppo), None);
    let wrong = json!({ "app_key": "key-of-the-app", "master_secrets": "hunter2-hunter2" });
    let Err(ChannelChangeError::Invalid(violations)) = scene.set("oppo", &wrong, false) else { panic!("it is taken") };
    let violation = violations.into_vec().remove(0);
    assert!(["/master_secret", "/master_secrets"].contains(&&*violation.pointer), "{violation:?}");
    assert!(!violation.message.contains("hunter2"));
    assert_eq!(scene.world.stored(Channel::Oppo), None);
}

#[test]
fn a_web_push_key_is_made_once_and_stays() {
    let scene = Scene::new();
    let first = scene.set("webpush", &json!({ "subject": "mailto:ops@shop.example" }), false).unwrap();
    let key = scene.opened(Channel::WebPush)["private_key"].as_str().unwrap().to_owned();
    assert_eq!(decode_32(&key), Ok([1; 32]), "zero is no key");
    let public = |config: ChannelConfig| {
        let public: BTreeMap<_, _> = config.credential.unwrap().public.into_iter().collect();
        (public["subject"].clone(), public["public_key"].clone())
    };
    let (_, public_key) = public(first);
    let next = scene.set("webpush", &json!({ "subject": "mailto:all@shop.example" }), false).unwrap();
    assert_eq!(public(next), ("mailto:all@shop.example".to_owned(), public_key.clone()));
    let own = json!({ "subject": "mailto:ops@shop.example", "private_key": encode(&[9; 32]) });
    assert_ne!(public(scene.set("webpush", &own, false).unwrap()).1, public_key);
}

#[test]
fn a_web_push_key_that_cannot_be_read_is_not_silently_replaced() {
    let mut scene = Scene::new();
    let upload = json!({ "subject": "mailto:ops@shop.example" });
    scene.set("webpush", &upload, false).unwrap();
    scene.fleet = FleetSecret::new([8; 32]);
    assert!(matches!(scene.set("webpush", &upload, false), Err(ChannelChangeError::Unreadable)));
}

#[test]
fn an_apps_channels_are_listed_and_go_with_it() {
    let scene = Scene::new();
    scene.set("webpush", &json!({ "subject": "mailto:ops@shop.example" }), false).unwrap();
    scene.set("oppo", &oppo("the-first-secret"), false).unwrap();
    let listed = channels_of(&scene.world, &scene.app).now_or_never().unwrap().unwrap();
    assert_eq!(listed.iter().map(|config| config.channel).collect::<Vec<_>>(), [Channel::Oppo, Channel::WebPush]);
    delete_channels(&scene.world, &scene.app).now_or_never().unwrap().unwrap();
    assert!(scene.world.configs.lock().unwrap().is_empty());
}

#[test]
fn receipts_come_to_addresses_that_nobody_guesses() {
    let fleet = FleetSecret::new([7; 32]);
    let app = "shop".parse().unwrap();
    let path = receipt_path(&fleet, &app, Channel::Oppo).unwrap();
    let secret = path.strip_prefix("/v1/receipts/oppo/shop/").unwrap();
    assert!(homing_credentials::is_receipt_secret(&fleet, "shop", "oppo", secret));
    assert_eq!(receipt_path(&fleet, &app, Channel::Apns), None);
    assert!(vendor_named("own").is_none() && vendor_named("fax").is_none());
}

/// Says one thing of every credential, and counts how often it is asked.
struct Desk(std::result::Result<Checked, CheckError>, AtomicU8);

impl CheckCredentials for Desk {
    fn check<'a>(
        &'a self,
        _: &'static dyn Vendor,
        credential: &'a homing_channels::Credential,
        _: UnixMillis,
        random: [u8; 64],
    ) -> BoxFuture<'a, std::result::Result<Checked, CheckError>> {
        assert_eq!(credential.summary().kind, "app_secret");
        assert_ne!(random[..16], random[16..32], "drawn anew");
        self.1.fetch_add(1, Ordering::Relaxed);
        std::future::ready(self.0.clone()).boxed()
    }
}

#[test]
fn what_the_vendor_does_not_take_is_not_stored() {
    let (app, fleet) = ("shop".parse().unwrap(), FleetSecret::new([7; 32]));
    let upload = oppo("the-first-secret").as_object().unwrap().clone();
    for (said, is_kept) in [
        (Ok(Checked::Access), true),
        (Err(CheckError::Refused("14".into())), false),
        (Err(CheckError::Unanswered("503".into())), false),
    ] {
        let (world, entropy) = (World::default(), Counting::default());
        let desk = Desk(said.clone(), AtomicU8::new(0));
        let place = Place { app: &app, vendor: vendor_named("oppo").unwrap() };
        let uploaded = Uploaded { upload: &upload, now: NOW, is_kept: true, desk: Some(&desk) };
        let vault = Vault { fleet: &fleet, entropy: &entropy };
        let set = set_credential(&world, vault, place, uploaded).now_or_never().unwrap();
        assert_eq!(set.as_ref().ok().map(|(_, checked)| *checked), said.clone().ok());
        assert_eq!((world.stored(Channel::Oppo).is_some(), desk.1.load(Ordering::Relaxed)), (is_kept, 1), "{said:?}");
        match set {
            Err(ChannelChangeError::Refused(detail)) => assert!(detail.contains("14"), "{detail}"),
            Err(ChannelChangeError::Unchecked(detail)) => assert!(detail.contains("503"), "{detail}"),
            Ok(_) => assert!(is_kept),
            Err(error) => panic!("{error:?}"),
        }
    }
}
