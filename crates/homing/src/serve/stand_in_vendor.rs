//! A vendor for trying things out: whatever it is asked to bring it writes to a file, one JSON line for each push.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{AppId, Channel, DeviceId, MessageId, Millis, VendorAddress, VendorAnswer, VendorPush};
use homing_ports::{Admission, Clock as _, Error, Fault, Result, Vendors};
use serde_json::{Value, json};

use crate::adapters::SystemClock;

/// What a token begins with that nobody has at this vendor.
const INVALID: &str = "invalid";
/// What the token of a device begins with that this vendor takes nothing for.
const REFUSE: &str = "refuse";
/// What the token of a device begins with for which it takes each message when it is asked again.
const LATER: &str = "later";
/// When that is.
const LATER_BY: Millis = 1_000;
/// Pushes that it remembers to have put off: a person tries out a few.
const PUT_OFF_MAX: usize = 1_024;

/// Takes every push of every vendor's channel, unless the token begins with what it answers otherwise.
#[derive(Debug)]
pub(super) struct StandInVendor {
    file: Arc<File>,
    /// Oldest first.
    put_off: Mutex<VecDeque<(MessageId, DeviceId)>>,
}

impl StandInVendor {
    /// What is in the file stays. Only its owner may read it: it holds what people are told.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file: Arc::new(file), put_off: Mutex::default() })
    }

    fn answer(&self, push: &VendorPush, to: &VendorAddress) -> VendorAnswer {
        let token = &to.token.token;
        if token.starts_with(INVALID) {
            VendorAnswer::InvalidToken(SystemClock.now())
        } else if token.starts_with(REFUSE) {
            VendorAnswer::Refused
        } else if token.starts_with(LATER) && self.puts_off(push, to) {
            VendorAnswer::Later(LATER_BY)
        } else {
            VendorAnswer::Accepted
        }
    }

    /// Whether this is the first time that it is asked.
    fn puts_off(&self, push: &VendorPush, to: &VendorAddress) -> bool {
        let key = (push.body.message, to.device);
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        if put_off.contains(&key) {
            return false;
        }
        if put_off.len() >= PUT_OFF_MAX {
            put_off.pop_front();
        }
        put_off.push_back(key);
        true
    }
}

impl Vendors for StandInVendor {
    type Held = ();

    async fn serves(&self, _: &AppId, channel: Channel) -> Result<bool> {
        Ok(channel != Channel::Own)
    }

    async fn may_repeat(&self, _: &AppId, _: Channel) -> Result<bool> {
        Ok(false)
    }

    fn batch_max(&self, _: Channel) -> usize {
        SHARD_MAX_DEVICES
    }

    async fn admit(&self, _: &AppId, _: Channel, wanted: usize) -> Result<Admission<()>> {
        Ok(everybody(wanted))
    }

    async fn give_back(&self, _: &AppId, _: Channel, _: Admission<()>) {}

    async fn ask_vendor(&self, push: &VendorPush, _: Admission<()>) -> Result<Vec<VendorAnswer>> {
        let answers: Vec<_> = push.to.iter().map(|to| self.answer(push, to)).collect();
        let taken = push.to.iter().zip(&answers).filter(|(_, answer)| **answer == VendorAnswer::Accepted);
        let lines: String = taken.map(|(to, _)| format!("{}\n", line(push, to))).collect();
        if !lines.is_empty() {
            let file = Arc::clone(&self.file);
            // Everything at once: whoever reads along never sees half a line of another's.
            let written = tokio::task::spawn_blocking(move || (&*file).write_all(lines.as_bytes())).await;
            written.map_err(io::Error::other).and_then(|written| written).map_err(|error| {
                tracing::warn!(%error, "the stand-in for vendors cannot write its file");
                Error::new(Fault::Retry, "write to the file of the stand-in for vendors")
            })?;
        }
        Ok(answers)
    }
}

/// It is never too busy.
const fn everybody(wanted: usize) -> Admission<()> {
    Admission { devices: wanted, wait: 0, held: () }
}

fn line(push: &VendorPush, to: &VendorAddress) -> Value {
    let payload = serde_json::from_slice(&push.body.payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&push.body.payload).into_owned()));
    json!({
        "at": SystemClock.now().0,
        "channel": push.channel.name(),
        "token": to.token.token,
        "device": to.device.to_string(),
        "message": push.body.message.to_string(),
        "payload": payload,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use homing_domain::{Priority, PushBody, UnixMillis, VendorToken};

    use super::*;

    fn push(channel: Channel, to: &[(u8, &str)]) -> VendorPush {
        let address = |(device, token): &(u8, &str)| VendorAddress {
            device: DeviceId::from_bytes([*device; 16]),
            token: VendorToken { channel: channel.name().into(), token: (*token).into(), since: UnixMillis(0) },
        };
        VendorPush {
            app: "demo".parse().unwrap(),
            channel,
            body: PushBody {
                message: MessageId::from_bytes([7; 16]),
                accepted_at: UnixMillis(0),
                expires_at: UnixMillis::NEVER,
                priority: Priority::Normal,
                collapse_key: None,
                payload: Bytes::from_static(br#"{"data":{"order":7}}"#),
                recalls: None,
            },
            overrides: None,
            attempt: 0,
            to: to.iter().map(address).collect(),
        }
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn tokens_say_what_it_answers_and_what_it_takes_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pushes");
        let vendor = StandInVendor::open(&path).unwrap();
        let all = [(1, "a"), (2, "invalid-b"), (3, "refuse-c"), (4, "later-d")];
        let answers = vendor.ask_vendor(&push(Channel::Apns, &all), everybody(9)).await.unwrap();
        let [
            VendorAnswer::Accepted,
            VendorAnswer::InvalidToken(_),
            VendorAnswer::Refused,
            VendorAnswer::Later(LATER_BY),
        ] = answers[..]
        else {
            panic!("{answers:?}")
        };
        let [first] = &lines(&path)[..] else { panic!("one line") };
        assert_eq!((&first["channel"], &first["token"]), (&"apns".into(), &"a".into()));
        assert_eq!(first["device"], DeviceId::from_bytes([1; 16]).to_string());
        assert_eq!(first["payload"]["data"]["order"], 7);
        assert!(first["at"].as_u64().unwrap() > 0);
        let answers = vendor.ask_vendor(&push(Channel::Huawei, &[(4, "later-d")]), everybody(9)).await.unwrap();
        assert_eq!(answers, [VendorAnswer::Accepted], "the second time");
        drop(vendor);

        let again = StandInVendor::open(&path).unwrap();
        again.ask_vendor(&push(Channel::Fcm, &[(1, "a")]), everybody(9)).await.unwrap();
        let channels: Vec<_> = lines(&path).iter().map(|line| line["channel"].clone()).collect();
        assert_eq!(channels, ["apns", "huawei", "fcm"], "what was there stays");
        assert!(StandInVendor::open(directory.path()).is_err(), "a directory is no file");
    }
}
