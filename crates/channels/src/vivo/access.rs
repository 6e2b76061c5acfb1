//! The token that authorises requests: 24 hours, for all who send for the app. The vendor gives ten a second.

use homing_domain::{Millis, UnixMillis};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Credential, SITE, decode};
use crate::json_answer::{self, JSON};
use crate::{Access, Answers, EncodeError, Request, Surroundings};

/// How long a token is used: the vendor asks to renew it every one to two hours.
const USED_FOR: Millis = 2 * 60 * 60 * 1_000;

/// Asks for a token: `POST /message/auth`.
pub(super) fn ask(credential: &Credential, around: &Surroundings<'_>) -> Result<Request, EncodeError> {
    let Credential { app_id, app_key, app_secret } = credential;
    let sign = sign(app_id, app_key, &around.now.0.to_string(), app_secret.expose());
    let app_id = app_id.parse::<u64>().map_or_else(|_| app_id.as_str().into(), Value::from);
    let body = json!({"appId": app_id, "appKey": app_key, "timestamp": around.now.0, "sign": sign});
    let uri = json_answer::uri(around.origins.base_url(SITE), "/message/auth")?;
    Ok(json_answer::post(uri, JSON, body.to_string()))
}

/// The MD5 of all four behind each other, in hexadecimal digits: what the vendor asks for.
pub(super) fn sign(app_id: &str, app_key: &str, timestamp: &str, app_secret: &str) -> String {
    let mut hash = Md5::new();
    for part in [app_id, app_key, timestamp, app_secret] {
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the answer.
pub(super) fn read(response: &crate::Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
    let body = decode::success(response).map_err(|refusal| refusal.of_access(now))?;
    let token = decode::required(&body, "authToken").map_err(|refusal| refusal.of_access(now))?;
    Ok(Access { token: Zeroizing::new(token), since: now, renew_at: UnixMillis(now.0.saturating_add(USED_FOR)) })
}
