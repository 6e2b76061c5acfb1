//! An item that no try can finish, on its whole way: given up by the stage, listed with its reason, and through once its
//! reason is mended and it is redriven.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use homing::adapters::SystemClock;
use homing::arguments::{AdminArguments, Command, DlqCommand, ServerArguments};
use homing::client::ApiClient;
use homing::serve;
use homing_contract::http::v1::{
    AppCreated, AudienceRequest, CreateApp, DeadLetterList, Notification, PushAccepted, PushRequest,
};
use homing_contract::queue::encode;
use homing_credentials::message_id;
use homing_domain::{AudienceJob, Cursor};
use homing_ports::{Outgoing, QueueName, Queues as _};
use homing_store_embedded::EmbeddedStore;

use super::world::config;

/// Whatever is waited for takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until the queue has so many dead letters.
async fn dead_letters(api: &ApiClient, admin: &str, queue: &str, wanted: usize) -> DeadLetterList {
    let looking = async {
        loop {
            let path = format!("/v1/dead-letters?queue={queue}");
            let list: DeadLetterList = api.get(&path, admin).await.unwrap();
            if list.dead_letters.len() == wanted {
                return list;
            }
            tokio::time::sleep(LOOK_EVERY).await; // sleep: a queue tells nobody of its dead letters
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("in time")
}

fn arguments(admin: &str, server: String, directory: &Path) -> (AdminArguments, ServerArguments) {
    let profile = directory.join("profile.json");
    let server = ServerArguments { server, ca: None, profile, json: false };
    (AdminArguments { admin_token: Some(admin.to_owned()) }, server)
}

/// A job that was sent before its message is durable, which no stage does, and an item that is none.
async fn poison(directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    let store = EmbeddedStore::open(&directory.join("store"), Arc::new(SystemClock)).unwrap();
    let message = message_id(&"demo".parse().unwrap(), "late");
    let job = encode(&AudienceJob { message, segment: None, cursor: Cursor::Start });
    store.send(QueueName::Audience, vec![Outgoing::now(job)]).await.unwrap();
    store.send(QueueName::Receipts, vec![Outgoing::now("[]".into())]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_item_is_given_up_listed_and_redriven() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    poison(&config.data_dir).await;
    let running = serve::start(config).await.unwrap();
    let admin = running.first_admin_token.as_ref().unwrap().expose().to_owned();
    let server = format!("http://{}", running.http.unwrap());
    let api = ApiClient::new(&server, None).unwrap();

    let list = dead_letters(&api, &admin, "audience", 1).await;
    let letter = &list.dead_letters[0];
    assert_eq!(letter.reason.as_deref(), Some("cannot be processed: there is no such message"));
    assert_eq!((letter.receives, &letter.body["kind"]), (1, &serde_json::json!("audience_job")));
    let list = dead_letters(&api, &admin, "receipts", 1).await;
    assert!(list.dead_letters[0].reason.as_ref().unwrap().contains("not an item of version 1"));

    // Its reason is mended, and it is redriven from the command line.
    let app = CreateApp { id: "demo".to_owned(), ..CreateApp::default() };
    let app: AppCreated = api.post("/v1/apps", &admin, &app).await.unwrap();
    let notification = Some(Notification { body: Some("late".to_owned()), ..Notification::default() });
    let push =
        PushRequest { audience: AudienceRequest::users(["nobody".to_owned()]), notification, ..PushRequest::default() };
    let _: PushAccepted = api.push(&app.server_key, "late", &push).await.unwrap();
    let (admin_arguments, server) = arguments(&admin, server, directory.path());
    let redrive = async |queue: &str, ids: Vec<String>| {
        let (queue, all) = (queue.to_owned(), ids.is_empty());
        let (admin, server) = (admin_arguments.clone(), server.clone());
        homing::command::run(Command::Dlq(DlqCommand::Redrive { queue, ids, all, admin, server })).await.unwrap();
    };
    let (limit, admin_too, server_too) = (20, admin_arguments.clone(), server.clone());
    let listing = DlqCommand::List { queue: None, limit, admin: admin_too, server: server_too };
    homing::command::run(Command::Dlq(listing)).await.unwrap();
    redrive("audience", Vec::new()).await;
    dead_letters(&api, &admin, "audience", 0).await;

    // What is not mended comes back, as a new item.
    let old = list.dead_letters[0].clone();
    let sent_at = old.sent_at;
    redrive("receipts", vec![old.id]).await;
    let list = dead_letters(&api, &admin, "receipts", 1).await;
    assert!(list.dead_letters[0].sent_at >= sent_at, "it is a new item");
    assert_eq!(dead_letters(&api, &admin, "audience", 0).await.dead_letters, []);
    assert!(running.stop(PATIENCE).await);
}
