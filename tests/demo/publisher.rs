//! The business system: sends messages, writes down what it asked and what it was answered, and repeats what was not
//! answered under the same key.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing::client::{ApiClient, ClientError};
use homing_contract::http::v1::{AudienceRequest, Notification, PushAccepted, PushRequest, ScheduleRequest};

use jiff::Timestamp;

use crate::device::now_millis;
use crate::record::{Audience, Published};

/// Requests under way at the same time.
const IN_FLIGHT: usize = 8;
/// Pause before a repeat: the server is most often being restarted.
const REPEAT_AFTER: Duration = Duration::from_millis(250);
/// Repeats of one request before giving up: a minute.
const REPEATS_MAX: u32 = 240;
/// What people write to each other.
const TEXTS: [&str; 6] = [
    "订单已发货，预计明天送达 🚚",
    "您的验证码是 4096，请勿告诉他人 🔐",
    "Meeting moved to 15:30 📅",
    "生日快乐！🎂🎉 祝你万事如意",
    "👨‍👩‍👧‍👦 家庭群有 3 条新消息",
    "限时优惠 ⏰：全场五折 — “手慢无”",
];

/// A message to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) key: String,
    pub(crate) audience: Audience,
    pub(crate) text: String,
    /// When it is to be sent; none = at once.
    pub(crate) at: Option<Timestamp>,
}

impl Letter {
    /// The `number`-th message: of forty, 34 are to one device, 5 to one user and 1 to all.
    pub(crate) fn numbered(number: usize, devices: &[String], users: &[String]) -> Self {
        let audience = match number % 40 {
            0 => Audience::All,
            1..=5 => Audience::Users(vec![users[number / 40 % users.len()].clone()]),
            _ => Audience::Devices(vec![devices[number * 7 % devices.len()].clone()]),
        };
        Self {
            key: format!("demo-{number}"),
            audience,
            text: format!("{} #{number}", TEXTS[number % TEXTS.len()]),
            at: None,
        }
    }

    pub(crate) fn request(&self) -> PushRequest {
        let audience = match &self.audience {
            Audience::Devices(devices) => AudienceRequest::devices(devices.clone()),
            Audience::Users(users) => AudienceRequest::users(users.clone()),
            Audience::All => AudienceRequest::all(),
        };
        let notification = Notification {
            title: Some("演示 Demo".to_owned()),
            body: Some(self.text.clone()),
            ..Notification::default()
        };
        let schedule = self.at.map(ScheduleRequest::at);
        PushRequest { audience, notification: Some(notification), schedule, ..PushRequest::default() }
    }
}

/// Sends.
#[derive(Clone)]
pub(crate) struct Publisher {
    api: ApiClient,
    server_key: Arc<str>,
    log: Arc<Mutex<File>>,
}

impl Publisher {
    pub(crate) fn new(api: ApiClient, server_key: &str, log: &Path) -> Result<Self> {
        Ok(Self { api, server_key: server_key.into(), log: Arc::new(Mutex::new(File::create(log)?)) })
    }

    /// Sends all letters, each until it is answered with 202.
    pub(crate) async fn send_all(&self, letters: Vec<Letter>) -> Result<()> {
        stream::iter(letters.into_iter().map(|letter| self.send(letter)))
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }

    async fn send(&self, letter: Letter) -> Result<()> {
        let request = letter.request();
        for _ in 0..REPEATS_MAX {
            let Letter { key, audience, text, .. } = letter.clone();
            self.write(&Published::Request { key, audience, text })?;
            let key = letter.key.clone();
            match self.api.push::<PushAccepted>(&self.server_key, &letter.key, &request).await {
                Ok(accepted) => return self.write(&Published::Answered { key, message_id: accepted.message_id }),
                Err(ClientError::Refused { status, problem }) => {
                    let status = status.as_u16();
                    self.write(&Published::Refused { key, status, why: problem.to_string() })?;
                    if status < 500 && status != 429 {
                        bail!("message {} was refused: {problem}", letter.key);
                    }
                }
                Err(error) => self.write(&Published::Unanswered { key, why: error.to_string() })?,
            }
            // sleep: the server is away, and nothing tells when it is back.
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        bail!("message {} was never answered", letter.key)
    }

    /// Writes down a letter that went another way, and will have this id.
    pub(crate) fn note_sent_elsewhere(&self, letter: &Letter, message_id: &str) -> Result<()> {
        let Letter { key, audience, text, .. } = letter.clone();
        self.write(&Published::Request { key: key.clone(), audience, text })?;
        self.write(&Published::Answered { key, message_id: message_id.to_owned() })
    }

    /// Writes down that a server, a device's process or the links were just cut off: acknowledgements may have died with
    /// them.
    pub(crate) fn note_cut_off(&self) -> Result<()> {
        self.write(&Published::CutOff { at: now_millis() })
    }

    fn write(&self, line: &Published) -> Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.write_all(&bytes)?;
        Ok(())
    }
}
