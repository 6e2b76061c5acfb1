//! Callbacks of vendors that no vendor sent.

use std::net::SocketAddr;
use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use homing::config::Config;
use homing_contract::http::v1::{
    AudienceRequest, DeliveryName, MessageView, Notification, OptionsRequest, PushRequest,
};

use super::super::world::{World, config};
use super::sockets::{Answer, post, post_endless, start};
use super::vendor_words::{Receipt, TELLING, delivered, forged, malformed, opened_at_xiaomi, upload};

/// Largest callback, as the API's document says.
const CALLBACK_MAX_BYTES: usize = 1_024 * 1_024;
/// What one vendor's callbacks may take in memory: eight of the largest.
const AT_ONCE: usize = 8;
/// Kernels hold up to 6 MiB of what nobody reads, at the receiver's side.
const KERNEL_MAX_BYTES: usize = 7 * 1_024 * 1_024;
/// What nobody has to read to know that it is too much.
const ENDLESS_BYTES: usize = 64 * 1_024 * 1_024;

/// A server with an app whose message every vendor has taken, each for one device.
struct Shop {
    world: World,
    address: SocketAddr,
    message: String,
    /// By channel, the path that its receipts are sent to.
    paths: Vec<(&'static str, String)>,
}

fn settings(directory: &Path) -> Config {
    Config {
        stand_in_vendor: Some(directory.join("vendors")),
        public_url: Some("https://push.example.com".to_owned()),
        ..config(directory)
    }
}

impl Shop {
    async fn open(config: Config) -> Self {
        let world = World::start_with(config).await;
        let mut devices = Vec::new();
        for channel in TELLING {
            devices.push(world.register_at(channel, &token(channel)).await.device_id);
        }
        // Taken by the stand-in, as long as the app has no credentials.
        let message = push(&world, AudienceRequest::devices(devices)).await;
        assert_eq!(world.completed(&message).await.balance.handed_off, 6);
        let mut paths = Vec::new();
        for channel in TELLING {
            paths.push((channel, receipt_path(&world, "demo", channel).await));
        }
        Self { address: world.plain_address(), world, message, paths }
    }

    fn path(&self, channel: &str) -> &str {
        &self.paths.iter().find(|(known, _)| *known == channel).unwrap().1
    }

    /// What its vendor tells of the message.
    fn receipt(&self, channel: &str) -> Receipt {
        delivered(channel, &bare(&self.message), &token(channel))
    }

    async fn post(&self, path: &str, receipt: &Receipt) -> Answer {
        post(self.address, path, &receipt.headers, receipt.body.as_bytes()).await
    }

    /// Nothing but the six hand-offs until now. Then the vendors themselves tell, and each counts once.
    async fn assert_untouched_and_working(&self) {
        for channel in TELLING {
            let answer = self.post(self.path(channel), &self.receipt(channel)).await;
            assert_eq!(answer.status, 200, "{channel}: {answer:?}");
        }
        let view = self.world.seen(&self.message, |view| view.balance.delivered == 6).await;
        assert_exactly(&view, 6, 0);
    }
}

/// Numbers in which nothing is that nobody told.
fn assert_exactly(view: &MessageView, delivered: i64, opened: i64) {
    let balance = &view.balance;
    let known = (balance.targeted, balance.delivered, balance.handed_off, balance.opened, balance.displayed);
    assert_eq!(known, (6, delivered, 6 - delivered, opened, 0));
    assert_eq!((balance.failed, balance.pending), (0, 0));
}

fn token(channel: &str) -> String {
    format!("token-at-{channel}")
}

/// As vendors give ids back.
fn bare(message: &str) -> String {
    message.replace('-', "")
}

async fn push(world: &World, audience: AudienceRequest) -> String {
    let notification = Some(Notification { body: Some("hello".to_owned()), ..Notification::default() });
    let options = Some(OptionsRequest { delivery: Some(DeliveryName::VendorOnly), ..OptionsRequest::default() });
    world.send(&PushRequest { audience, notification, options, ..PushRequest::default() }).await
}

async fn receipt_path(world: &World, app: &str, channel: &str) -> String {
    let set = world.set_channel(app, channel, "", &upload(channel)).await;
    set["receipt_url"].as_str().unwrap().strip_prefix("https://push.example.com").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_receipt_is_refused_and_counts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(settings(directory.path())).await;
    for channel in TELLING {
        let path = shop.path(channel);
        for wrong in malformed(channel) {
            let refused = shop.post(path, &wrong).await.problem();
            assert_eq!(refused, (400, "malformed_receipt".to_owned()), "{channel}: {:.80}", wrong.body);
        }
        for wrong in forged(channel, &shop.receipt(channel)) {
            let refused = shop.post(path, &wrong).await.problem();
            assert_eq!(refused, (401, "signature_invalid".to_owned()), "{channel}: {wrong:?}");
        }
    }
    shop.assert_untouched_and_working().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_address_learns_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(settings(directory.path())).await;
    shop.world.create_app("rival").await;
    for channel in TELLING {
        let path = shop.path(channel);
        let (front, secret) = path.rsplit_once('/').unwrap();
        let of_rival = receipt_path(&shop.world, "rival", channel).await;
        let of_rival = of_rival.rsplit_once('/').unwrap().1;
        let other = if channel == "oppo" { "vivo" } else { "oppo" };
        let of_other = shop.path(other).rsplit_once('/').unwrap().1;
        let mut unfinished = secret.to_owned();
        let last = unfinished.pop().unwrap();
        let changed = format!("{unfinished}{}", if last == 'A' { 'B' } else { 'A' });
        let mut answers = Vec::new();
        for wrong in [
            format!("{front}/{of_rival}"),
            format!("{front}/{of_other}"),
            format!("{front}/{unfinished}"),
            format!("{front}/{changed}"),
            format!("{front}/%FF%FE"),
            format!("/v1/receipts/{channel}/nobody/{secret}"),
            format!("/v1/receipts/{channel}/NO-APP/{secret}"),
            format!("/v1/receipts/{other}/demo/{secret}"),
            format!("/v1/receipts/own/demo/{secret}"),
            format!("/v1/receipts/apns/demo/{secret}"),
            format!("/v1/receipts/nothing/demo/{secret}"),
        ] {
            let answer = shop.post(&wrong, &shop.receipt(channel)).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{wrong}");
            answers.push(answer.body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "one answer to all, or it tells which part was right: {answers:?}");
    }
    shop.assert_untouched_and_working().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_counts_once_and_only_for_who_was_asked() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(settings(directory.path())).await;
    let message = bare(&shop.message);
    let xiaomi = shop.path("xiaomi");
    // Another app's vendor, with an address that is good, names this app's message and token.
    shop.world.create_app("rival").await;
    let of_rival = receipt_path(&shop.world, "rival", "xiaomi").await;
    let mut wrong = vec![(of_rival.as_str(), shop.receipt("xiaomi"))];
    // A message that is not there, a token of nobody, and one of a device that another vendor brought it to.
    for (message, token) in
        [(&*"7".repeat(32), &*token("xiaomi")), (&message, "token-of-nobody"), (&message, &token("vivo"))]
    {
        wrong.push((xiaomi, delivered("xiaomi", message, token)));
    }
    for (path, receipt) in &wrong {
        assert_eq!(shop.post(path, receipt).await.status, 200, "it is a receipt, of nothing");
    }
    // Opened before it was delivered, and everything a hundred times.
    let (opened, told) = (opened_at_xiaomi(&message, &token("xiaomi")), shop.receipt("xiaomi"));
    for _ in 0..50 {
        let (first, second) = tokio::join!(shop.post(xiaomi, &opened), shop.post(xiaomi, &told));
        assert_eq!((first.status, second.status), (200, 200));
    }
    let view = shop.world.seen(&shop.message, |view| view.balance.delivered == 1 && view.balance.opened == 1).await;
    assert_exactly(&view, 1, 1);
    let rest = TELLING.into_iter().filter(|channel| *channel != "xiaomi");
    for answer in
        join_all(rest.map(|channel| async { shop.post(shop.path(channel), &shop.receipt(channel)).await })).await
    {
        assert_eq!(answer.status, 200);
    }
    let view = shop.world.seen(&shop.message, |view| view.balance.delivered == 6).await;
    assert_exactly(&view, 6, 1);
    assert_eq!((view.channels["xiaomi"].delivered, view.channels["xiaomi"].opened), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(settings(directory.path())).await;
    for channel in TELLING {
        let path = shop.path(channel);
        // Not a byte of it is sent, and it is refused all the same.
        for declared in [CALLBACK_MAX_BYTES + 1, usize::MAX / 2] {
            let headers = format!("content-length: {declared}\r\n");
            let answer = start(shop.address, path, &headers, b"").await.answer().await;
            assert_eq!(answer.problem(), (413, "body_too_large".to_owned()), "{channel}");
        }
    }
    // Told by nobody how long it is, so it is read until it is too long; a stranger's is not read at all.
    let (answer, written) = post_endless(shop.address, shop.path("vivo"), ENDLESS_BYTES).await;
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()));
    assert!(written < CALLBACK_MAX_BYTES + KERNEL_MAX_BYTES, "{written} bytes were taken");
    let (answer, written) = post_endless(shop.address, "/v1/receipts/vivo/demo/guessed", ENDLESS_BYTES).await;
    assert_eq!(answer.status, 404);
    assert!(written < KERNEL_MAX_BYTES, "{written} bytes were taken");
    // The largest that may be, without a length and with one.
    let mut largest = shop.receipt("vivo").body;
    largest.push_str(&" ".repeat(CALLBACK_MAX_BYTES - largest.len()));
    assert_eq!(post(shop.address, shop.path("vivo"), "", largest.as_bytes()).await.status, 200);
    shop.assert_untouched_and_working().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_stall_are_ended_and_hold_up_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = settings(directory.path());
    config.callbacks.within = 1_500;
    let shop = Shop::open(config).await;
    let (path, declared) = (shop.path("vivo"), format!("content-length: {CALLBACK_MAX_BYTES}\r\n"));
    let stalled = (0..3 * AT_ONCE).map(|_| async { start(shop.address, path, &declared, b"{").await.answer().await });
    let mut answers: FuturesUnordered<_> = stalled.collect();
    // As many as there is room for hold it; the others hear so at once.
    for _ in 0..2 * AT_ONCE {
        let refused = answers.next().await.unwrap();
        assert_eq!((refused.problem(), refused.retry_after()), ((503, "overloaded".to_owned()), Some(1)));
    }
    // Meanwhile the other vendors have theirs.
    let others = TELLING.into_iter().filter(|channel| *channel != "vivo");
    for answer in
        join_all(others.map(|channel| async { shop.post(shop.path(channel), &shop.receipt(channel)).await })).await
    {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    while let Some(late) = answers.next().await {
        assert_eq!(late.problem(), (408, "body_too_slow".to_owned()));
    }
    shop.assert_untouched_and_working().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_meets_its_limit_and_nothing_that_was_taken_is_lost() {
    const RATE: usize = 100;
    const FLOOD: usize = 1_000;
    let directory = tempfile::tempdir().unwrap();
    let mut config = settings(directory.path());
    config.callbacks.per_second = u32::try_from(RATE).unwrap();
    let shop = Shop::open(config).await;
    let (path, receipt) = (shop.path("oppo"), shop.receipt("oppo"));
    let answers = join_all((0..FLOOD).map(|_| shop.post(path, &receipt))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(taken.len() >= RATE && !refused.is_empty(), "{} taken, {} refused", taken.len(), refused.len());
    for answer in refused {
        assert_eq!(answer.problem(), (429, "quota_exceeded".to_owned()));
        assert!(answer.retry_after().is_some_and(|seconds| seconds >= 1));
    }
    let view = shop.world.seen(&shop.message, |view| view.balance.delivered == 1).await;
    assert_exactly(&view, 1, 0);
    // Another vendor of the same app has a rate of its own.
    assert_eq!(shop.post(shop.path("honor"), &shop.receipt("honor")).await.status, 200);
    // Strangers who guess use up nobody's.
    for answer in join_all((0..3 * RATE).map(|_| shop.post("/v1/receipts/vivo/demo/guessed", &receipt))).await {
        assert_eq!(answer.status, 404);
    }
    assert_eq!(shop.post(shop.path("vivo"), &shop.receipt("vivo")).await.status, 200);
}
