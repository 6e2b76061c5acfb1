//! The program as a person or a script meets it: real processes, real exit codes.

#![expect(clippy::unwrap_used, reason = "the whole binary is tests, and a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Output;

use homing::process::{ServerCommand, ServerProcess};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_homing"))
}

/// A server in a directory of its own, and the command line beside it.
struct Tour {
    directory: TempDir,
    server: ServerProcess,
    command: ServerCommand,
    admin_token: String,
}

impl Tour {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let command = ServerCommand::local(program(), directory.path().join("data")).unwrap();
        let server = command.start().await.unwrap();
        let admin_token = server.admin_token.clone().unwrap();
        Self { directory, server, command, admin_token }
    }

    fn client(&self, line: &str) -> Command {
        let mut command = run_in(self.directory.path(), line);
        command.env("HOMING_SERVER", self.command.url()).env("HOMING_ADMIN_TOKEN", &self.admin_token);
        command
    }

    /// Runs a command that must succeed; its answer as JSON.
    async fn json(&self, line: &str) -> Value {
        let output = self.client(line).arg("--json").output().await.unwrap();
        assert!(output.status.success(), "homing {line}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The program with nothing of this process's own settings.
fn run_in(directory: &Path, line: &str) -> Command {
    let mut command = Command::new(program());
    command.env_clear().current_dir(directory).args(line.split_whitespace()).kill_on_drop(true);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(output: &Output, code: i32, words: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{words:?} is not in {said:?}");
}

#[tokio::test]
async fn the_tour_works_as_typed() {
    let mut tour = Tour::start().await;
    let app = tour.json("app create demo").await;
    assert!(app["server_key"].as_str().unwrap().starts_with("hms_demo."));
    let device = tour.json("device register --user alice").await;
    let listening = tour.client("device listen --count 2 --json").output();
    let pushing = async {
        let first = tour.json("push --user alice --title Hello --body 👋").await;
        let second = tour.json("push --all --data {\"order\":7}").await;
        (first["message_id"].clone(), second["message_id"].clone())
    };
    let (listened, (first, second)) = tokio::join!(listening, pushing);
    let heard = text(&listened.unwrap().stdout);
    let heard: Vec<Value> = heard.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Both were answered one after the other, but they travel beside each other: either may come first.
    let payload_of = |id: &Value| heard.iter().find(|line| line["message_id"] == *id).unwrap()["payload"].clone();
    assert_eq!(heard.len(), 2);
    assert_eq!(payload_of(&first)["notification"]["body"], "👋");
    assert_eq!(payload_of(&second)["data"]["order"], 7);

    let shown = tour.json(&format!("message show {}", first.as_str().unwrap())).await;
    assert_eq!((&shown["balance"]["targeted"], &shown["balance"]["failed"]), (&1.into(), &0.into()));
    let id = device["device_id"].as_str().unwrap();
    let trace = tour.json(&format!("message trace {} --device {id}", first.as_str().unwrap())).await;
    assert_eq!(trace["device_id"], id);
    let rotated = tour.json("app rotate-key demo").await;
    assert_ne!(rotated["server_key"], app["server_key"]);
    // With the new key, which the profile has now.
    tour.json("push --all --title again").await;
    assert_eq!(tour.json("app list").await.as_array().unwrap().len(), 1);

    let table = tour.client("app list").output().await.unwrap();
    assert!(text(&table.stdout).contains("│ demo"));
    refused(&tour.client("app create demo").output().await.unwrap(), 1, "409");
    refused(&tour.client("app create Demo").output().await.unwrap(), 1, "/id");
    refused(&tour.client("push --all").output().await.unwrap(), 1, "--title");
    refused(&tour.client("push --title x").output().await.unwrap(), 1, "--user");
    assert!(tour.server.stop().await.unwrap().success());
    refused(&tour.client("push --all --title x").output().await.unwrap(), 1, "no answer from http://127.0.0.1");
}

#[tokio::test]
async fn a_killed_server_comes_back_with_everything() {
    let mut tour = Tour::start().await;
    tour.json("app create demo").await;
    tour.json("device register").await;
    let pushed = tour.json("push --all --title kept").await;
    tour.server.kill().await.unwrap();
    tour.server = tour.command.start().await.unwrap();
    assert_eq!(tour.server.admin_token, None, "the token is told once");
    let heard = tour.client("device listen --count 1 --transport tcp --json").output().await.unwrap();
    let heard: Value = serde_json::from_slice(&heard.stdout).unwrap();
    assert_eq!(heard["message_id"], pushed["message_id"]);
}

#[tokio::test]
async fn a_scheduled_push_comes_at_its_time_and_not_before() {
    let mut tour = Tour::start().await;
    tour.json("app create demo").await;
    tour.json("device register").await;
    let at = in_milliseconds(4_000);
    let pushed = tour.json(&format!("push --all --title later --at {at}")).await;
    assert_eq!(pushed["stage"], "scheduled");
    // The timer is as durable as the message.
    tour.server.kill().await.unwrap();
    tour.server = tour.command.start().await.unwrap();
    let show = format!("message show {}", pushed["message_id"].as_str().unwrap());
    let waiting = tour.json(&show).await;
    assert_eq!(waiting["release_at"], at.to_string());
    // Unless this machine is so slow that the time has come.
    assert!(waiting["stage"] == "scheduled" || Timestamp::now() >= at, "{waiting}");
    let heard = tour.client("device listen --count 1 --json").output().await.unwrap();
    assert!(Timestamp::now() >= at);
    let heard: Value = serde_json::from_slice(&heard.stdout).unwrap();
    assert_eq!(heard["message_id"], pushed["message_id"]);
    let released = tour.json(&show).await;
    let releasing_at: Timestamp = released["releasing_at"].as_str().unwrap().parse().unwrap();
    assert!(at <= releasing_at, "{releasing_at} is before {at}");
    refused(&tour.client("push --all --title x --at 2020-01-01T00:00:00Z").output().await.unwrap(), 1, "/schedule/at");
}

#[tokio::test]
async fn a_time_that_passed_while_the_server_was_dead_is_made_up_for_once() {
    let mut tour = Tour::start().await;
    tour.json("app create demo").await;
    tour.json("device register").await;
    let at = in_milliseconds(1_500);
    let missed = tour.json(&format!("push --all --title missed --at {at}")).await;
    tour.server.kill().await.unwrap();
    let rest = at.duration_since(Timestamp::now());
    tokio::time::sleep(rest.unsigned_abs()).await; // sleep: nobody is there to fire the timer at its time
    tour.server = tour.command.start().await.unwrap();
    let first = tour.client("device listen --count 1 --json").output().await.unwrap();
    let heard: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(heard["message_id"], missed["message_id"]);
    let next = tour.json("push --all --title next").await;
    let second = tour.client("device listen --count 1 --json").output().await.unwrap();
    let heard: Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(heard["message_id"], next["message_id"], "nothing came between");
}

fn in_milliseconds(span: i64) -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond() + span).unwrap()
}

#[tokio::test]
async fn a_drill_kills_the_server_where_it_was_told_to() {
    let mut tour = Tour::start().await;
    tour.json("app create demo").await;
    tour.server.stop().await.unwrap();
    tour.command.flags = vec!["--fail-point".into(), "before-audience-send:2".into()];
    tour.server = tour.command.start().await.unwrap();
    tour.json("push --all --title first").await;
    let key = "push --all --title second --idempotency-key two";
    refused(&tour.client(key).output().await.unwrap(), 1, "no answer");
    assert!(!tour.server.ended().await.unwrap().success());
    let logs = std::fs::read_to_string(tour.command.logs()).unwrap();
    assert!(logs.contains("fail point before-audience-send reached, passing 2"), "{logs}");
    tour.command.flags.clear();
    tour.server = tour.command.start().await.unwrap();
    let again = tour.json(key).await;
    let once_more = tour.json(key).await;
    assert_eq!(again["message_id"], once_more["message_id"]);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let serve = async |flags: &str| {
        let line = format!("serve --http-listen 127.0.0.1:0 --https-listen off --gateway-listen 127.0.0.1:0 {flags}");
        run_in(directory.path(), &line).output().await.unwrap()
    };
    refused(&serve("--workers many").await, 78, "workers (--workers)");
    refused(&serve("--config nowhere.toml").await, 78, "nowhere.toml");
    std::fs::write(directory.path().join("bad.toml"), "gateway = 1\ntypo = 2").unwrap();
    refused(&serve("--config bad.toml").await, 78, "typo (bad.toml)");
    refused(&serve("--log-filter =,=").await, 78, "log.filter");
    refused(&serve("--tls-certificate a.pem --tls-key b.pem").await, 78, "a.pem");
    refused(&serve("--unheard-of").await, 2, "--unheard-of");
    std::fs::create_dir(directory.path().join("damaged")).unwrap();
    std::fs::write(directory.path().join("damaged/server-id"), "x").unwrap();
    refused(&serve("--data-dir damaged").await, 65, "server-id");
}
