//! A message becomes a request.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::credential::Credential;
use super::{PUSH, TOKENS_MAX};
use crate::addressing::{distinct, texts};
use crate::android::{self, Dialect};
use crate::client_credentials::bearer;
use crate::json_answer::{JSON, post, uri};
use crate::{EncodeError, Operation, Recipients, Request, Surroundings};

/// Honor documents no sounds.
const DIALECT: Dialect =
    Dialect { vendor: "Honor", our_id: "biTag", click: "clickAction", badge_number: "setNum", sound: |_, _| {} };

/// The request, and the tokens in the order of its targets.
pub(super) fn request(
    credential: &Credential,
    around: &Surroundings<'_>,
    operation: &Operation,
) -> Result<(Request, Vec<String>), EncodeError> {
    let push = match operation {
        Operation::Push(push) => push,
        Operation::Subscribe { .. } => return Err(EncodeError::Unsupported("topics")),
        Operation::CreateBroadcastChannel { .. } => return Err(EncodeError::Unsupported("broadcast channels")),
        Operation::FetchDeadTokens => return Err(EncodeError::Unsupported("list of dead tokens")),
    };
    let targets = match &push.to {
        Recipients::Tokens(tokens) => texts(tokens, TOKENS_MAX)?,
        Recipients::Topic(_) => return Err(EncodeError::Unsupported("topics")),
        Recipients::Aliases(_) => return Err(EncodeError::Unsupported("aliases")),
        Recipients::BroadcastChannel(_) => return Err(EncodeError::Unsupported("broadcast channels")),
        Recipients::Everyone => return Err(EncodeError::Unsupported("way to all devices of an app")),
    };
    let mut message = android::message(&push.content, &DIALECT)?;
    // Put in last: what the business wrote must not reach others than those whose answers are read.
    message.insert("token".to_owned(), json!(distinct(&targets)));
    let uri = uri(around.origins.base_url(PUSH), &format!("/api/v1/{}/sendMessage", credential.app_id))?;
    let mut request = post(uri, JSON, Value::Object(message).to_string());
    let access = around.access.ok_or(EncodeError::Misused("access is missing"))?;
    let headers = request.http.headers_mut();
    headers.insert(AUTHORIZATION, bearer(&access.token)?);
    // In milliseconds; without it or far from Honor's own clock nothing is taken (10001, 10207).
    headers.insert("timestamp", HeaderValue::from(around.now.0));
    Ok((request, targets))
}
