//! The emulator of AWS as a child process: one for each test, so that nothing of one test is there in another.

mod installation;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use homing_domain::{Millis, UnixMillis};
use homing_ports::Clock;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

pub use installation::{Installation, plain_http, sdk_config};

/// A running emulator; dropping it ends it. It ends with this process too, for its standard input closes then.
#[derive(Debug)]
pub struct Emulator {
    endpoint: String,
    clock: Arc<StandingClock>,
    conversation: Mutex<Conversation>,
    // Killed when dropped.
    _process: Child,
}

/// The time inside an emulator, for the store that is tested against it.
#[derive(Debug)]
pub struct StandingClock(AtomicU64);

impl Clock for StandingClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug)]
struct Conversation {
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Emulator {
    /// Starts one whose clock stands at `now` until it is moved.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub async fn start(now: UnixMillis) -> Self {
        Self::launch(now, &["--clock", &now.0.to_string()]).await
    }

    /// Starts one whose clock is the system's, for processes that read it too. [`Emulator::clock`] is of no use then.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub async fn start_running() -> Self {
        Self::launch(UnixMillis(0), &[]).await
    }

    async fn launch(now: UnixMillis, arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python: PathBuf = root.join("../target/emulator/venv/bin/python");
        assert!(
            python.with_file_name("../../installed.txt").exists(),
            "the emulator of AWS is not installed: run `make emulator` first"
        );
        let mut process = Command::new(python)
            .arg(root.join("emulator/launch.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the installed emulator can be run");
        let commands = process.stdin.take().expect("its input is a pipe");
        let mut answers = BufReader::new(process.stdout.take().expect("its output is a pipe")).lines();
        let line = answers.next_line().await.expect("it speaks UTF-8").unwrap_or_default();
        let endpoint =
            line.strip_prefix("ready ").expect("it says that it is ready, or its error on stderr").to_owned();
        let conversation = Mutex::new(Conversation { commands, answers });
        Self { endpoint, clock: Arc::new(StandingClock(AtomicU64::new(now.0))), conversation, _process: process }
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its clock.
    pub fn clock(&self) -> Arc<StandingClock> {
        Arc::clone(&self.clock)
    }

    /// Moves its clock on, and fires what is due by then.
    pub async fn advance(&self, by: Millis) {
        let answer = self.ask(&format!("advance {by}")).await;
        let now = answer.strip_prefix("now ").and_then(|now| now.parse().ok()).expect("it says the time");
        self.clock.0.store(now, Ordering::SeqCst);
    }

    /// From now on queues deliver in any order, and some messages twice.
    pub async fn shuffle(&self, seed: u64) {
        assert_eq!(self.ask(&format!("shuffle {seed}")).await, "shuffled");
    }

    async fn ask(&self, command: &str) -> String {
        let mut conversation = self.conversation.lock().await;
        conversation.commands.write_all(format!("{command}\n").as_bytes()).await.expect("the emulator lives");
        conversation.answers.next_line().await.expect("it speaks UTF-8").expect("the emulator answers each command")
    }
}
