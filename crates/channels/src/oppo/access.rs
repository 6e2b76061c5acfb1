//! The token that authorises requests: 24 hours, for all who send for the app.

use aws_lc_rs::digest;
use homing_domain::{Millis, UnixMillis};
use zeroize::Zeroizing;

use super::{Credential, decode};
use crate::json_answer::{self, FORM};
use crate::{Access, Answers, EncodeError, Request, Surroundings};

/// How long the vendor accepts a token, from its `create_time` on.
const LIFE: Millis = 24 * 60 * 60 * 1_000;
/// How long before its end another is taken.
const SPARE: Millis = 4 * 60 * 60 * 1_000;
/// How long a token is kept at least: the vendor may give the same one again, near its end.
const KEPT_AT_LEAST: Millis = 10 * 60 * 1_000;

/// Asks for a token: `POST /server/v1/auth`.
pub(super) fn ask(credential: &Credential, around: &Surroundings<'_>) -> Result<Request, EncodeError> {
    let timestamp = around.now.0.to_string();
    let sign = sign(&credential.app_key, &timestamp, credential.master_secret.expose());
    let uri = json_answer::uri(around.origins.base_url(credential.region.site()), "/server/v1/auth")?;
    let fields = [("app_key", &*credential.app_key), ("timestamp", &*timestamp), ("sign", &*sign)];
    Ok(json_answer::post(uri, FORM, json_answer::form(fields)))
}

/// The SHA-256 of all three behind each other, in hexadecimal digits.
pub(super) fn sign(app_key: &str, timestamp: &str, master_secret: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [app_key, timestamp, master_secret] {
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the answer.
pub(super) fn read(response: &crate::Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
    // Asking once more for what was just refused does not help.
    let refused = |refusal: decode::Refusal| Box::new(Answers { refresh_access: false, ..refusal.for_all(now, 0) });
    let data = decode::data(response).map_err(refused)?;
    let token = decode::required(&data, "auth_token").map_err(refused)?;
    // A birth that our clock has not seen, or long ago, says that the clocks differ.
    let born = data.get("create_time").and_then(serde_json::Value::as_u64).map(UnixMillis);
    let since = born.filter(|born| *born <= now && now.0 - born.0 < LIFE).unwrap_or(now);
    let renew_at = UnixMillis(since.0.saturating_add(LIFE - SPARE).max(now.0.saturating_add(KEPT_AT_LEAST)));
    Ok(Access { token: Zeroizing::new(token), since, renew_at })
}
