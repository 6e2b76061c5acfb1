//! Runs an entry of `crypto`: exact output for an input, or a recipe of a signed token in words. No server is needed.

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_channels::{
    Authorization, Callback, CallbackError, Content, Credential, Operation, Origins, Push, Recipients, Surroundings,
    Token,
};
use homing_domain::{Channel, UnixMillis};
use homing_web_push::{DeviceKeys, SubscriptionKeys, decrypt, encrypt};
use http::{HeaderMap, HeaderValue};
use regex_lite::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::credential;
use crate::file::{self, Vectors};
use crate::jwt;
use crate::keys::Keys;
use crate::signs::{Hash, plain, sorted_fields, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "certainty")]
    _certainty: IgnoredAny,
    recipe: String,
    /// What a server refuses, in words.
    #[serde(default, rename = "checks")]
    _checks: IgnoredAny,
    #[serde(default, rename = "note")]
    _note: IgnoredAny,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
    input: Option<Map<String, Value>>,
    output: Option<String>,
}

/// What is wrong.
pub(crate) fn run(file: &Vectors, entry: &Value, keys: &Keys) -> Result<Vec<String>> {
    let entry: Entry = file::entry(entry)?;
    let (input, output) = match (&entry.input, &entry.output) {
        (Some(input), Some(output)) => (input, output),
        (None, None) => return signed_token(file, &entry.recipe, keys),
        _ => bail!("an input has an output"),
    };
    match file.channel {
        Channel::Huawei | Channel::Honor => callback_signature(file, input, output, keys),
        Channel::Oppo | Channel::Vivo => auth_sign(file, input, output, keys),
        Channel::Meizu => request_sign(file, input, output, keys),
        Channel::WebPush => encryption(input, output),
        _ => bail!("no recipe of this vendor has an input"),
    }
}

fn around<'a>(credential: &'a Credential, origins: &'a Origins, now: UnixMillis) -> Surroundings<'a> {
    Surroundings { credential, access: None, origins, now, callback_url: None, random: [7; 64] }
}

fn field<'a>(input: &'a Map<String, Value>, name: &str) -> Result<&'a str> {
    input.get(name).and_then(Value::as_str).with_context(|| format!("the input has no {name:?}"))
}

/// The names of a header and claims, each with what they are: a word of the credentials, or the thing itself.
const RECIPE_PARTS: &str = r"\b(alg|kid|typ|iss|aud|scope)[:=]'?([^,;'}\s]+)";
/// Seconds between `iat` and `exp` where a recipe says so.
const HOUR: i64 = 3_600;

/// A token that the client signs by itself, or sends in exchange for access.
fn signed_token(file: &Vectors, recipe: &str, keys: &Keys) -> Result<Vec<String>> {
    let now = file::clock(None)?;
    // Of Huawei's interfaces the one that signs.
    let changed = if file.channel == Channel::Huawei { vec![("api", Value::from("v3"))] } else { Vec::new() };
    let credential = credential::plain(file, &changed, keys, now)?;
    let token = match file.vendor.authorize(&around(&credential, &Origins::production(), now))? {
        Authorization::Signed(access) => access.token.to_string(),
        Authorization::Ask(request) => {
            let mut fields = form_urlencoded::parse(request.http.body());
            fields.find(|(name, _)| name == "assertion").context("no assertion is sent")?.1.into_owned()
        }
        Authorization::Static => bail!("nothing is signed"),
    };
    let token = jwt::verify(token.rsplit(' ').next().unwrap_or_default(), keys)?;
    let mut misses = Vec::new();
    let mut parts = 0;
    for found in Regex::new(RECIPE_PARTS)?.captures_iter(recipe) {
        let (name, said) = (&found[1], &found[2]);
        let expected = named(&file.credentials, said).unwrap_or_else(|| said.into());
        let part = if matches!(name, "alg" | "kid" | "typ") { &token.header } else { &token.claims };
        if part.get(name) != Some(&expected) {
            misses.push(format!("{name} {expected} is expected, not {:?}", part.get(name)));
        }
        parts += 1;
    }
    if parts == 0 {
        bail!("the recipe names no part of a token");
    }
    for name in ["exp", "aud"] {
        if recipe.contains(&format!("no {name}")) && token.claims.get(name).is_some() {
            misses.push(format!("no {name} is expected"));
        }
    }
    let time = |name: &str| token.claims.get(name).and_then(Value::as_i64);
    if time("iat") != Some(i64::try_from(now.0 / 1_000)?) {
        misses.push(format!("iat is not now: {:?}", time("iat")));
    }
    if recipe.contains("exp=iat+3600")
        && !time("exp").zip(time("iat")).is_some_and(|(exp, iat)| (iat + 1..=iat + HOUR).contains(&exp))
    {
        misses.push(format!("exp is more than an hour after iat: {}", token.claims));
    }
    Ok(misses)
}

/// A credential by its name, wherever it is among them.
fn named(credentials: &Map<String, Value>, name: &str) -> Option<Value> {
    credentials.iter().find_map(|(known, value)| match value {
        Value::Object(inner) => named(inner, name),
        value => (known == name).then(|| value.clone()),
    })
}

/// The header of Huawei's callbacks, taken with the signature of the file and refused with another.
fn callback_signature(file: &Vectors, input: &Map<String, Value>, output: &str, keys: &Keys) -> Result<Vec<String>> {
    let (timestamp, nonce) = (field(input, "timestamp")?, field(input, "nonce")?);
    let now = UnixMillis(timestamp.parse()?);
    let changed =
        [("callback_user", field(input, "user_name")?.into()), ("callback_secret", field(input, "secret")?.into())];
    let credential = credential::plain(file, &changed, keys, now)?;
    let read = |value: &str| -> Result<_> {
        let header = format!("timestamp={timestamp}; nonce={nonce}; value={value}");
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-huawei-callback-id"),
            HeaderValue::try_from(header)?,
        )]);
        Ok(file.vendor.read_callback(&credential, Callback { headers: &headers, body: br#"{"statuses":[]}"# }, now))
    };
    let mut misses = Vec::new();
    if let Err(error) = read(output)? {
        misses.push(format!("the signature is expected to be taken: {error}"));
    }
    let other: String = output.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    if read(&other)? != Err(CallbackError::Unauthorized) {
        misses.push("another signature is expected to be refused".to_owned());
    }
    Ok(misses)
}

/// The signature in the request for access.
fn auth_sign(file: &Vectors, input: &Map<String, Value>, output: &str, keys: &Keys) -> Result<Vec<String>> {
    let now = UnixMillis(field(input, "timestamp")?.parse()?);
    let of_upload = |name: &str| file.credentials.keys().find(|known| plain(known) == plain(name));
    let changed: Vec<(&str, Value)> =
        input.iter().filter_map(|(name, value)| Some((&**of_upload(name)?, value.clone()))).collect();
    let credential = credential::plain(file, &changed, keys, now)?;
    let Authorization::Ask(request) = file.vendor.authorize(&around(&credential, &Origins::production(), now))? else {
        bail!("no access is asked for");
    };
    let body = request.http.body();
    let sign = match serde_json::from_slice::<Value>(body) {
        Ok(fields) => fields.get("sign").map(text),
        Err(_) => form_urlencoded::parse(body).find(|(name, _)| name == "sign").map(|(_, sign)| sign.into_owned()),
    };
    Ok(if sign.as_deref() == Some(output) { Vec::new() } else { vec![format!("{output} is expected, not {sign:?}")] })
}

/// The signature of each request: the example by the judge's own recipe, then the real encoder's by the same.
fn request_sign(file: &Vectors, input: &Map<String, Value>, output: &str, keys: &Keys) -> Result<Vec<String>> {
    let now = file::clock(None)?;
    let params = input.get("params").and_then(Value::as_object).context("the input has no params")?;
    let secret = field(input, "app_secret")?;
    let sign = |fields: &Map<String, Value>| Hash::Md5.of(&(sorted_fields(fields) + secret));
    let mut misses = Vec::new();
    if sign(params) != output {
        misses.push(format!("{output} is expected, not {}", sign(params)));
    }
    let app = params.get("appId").context("the params have no appId")?;
    let credential = credential::plain(file, &[("app_id", app.clone()), ("app_secret", secret.into())], keys, now)?;
    let tokens = params.get("pushIds").and_then(Value::as_str).context("the params have no pushIds")?;
    let tokens = tokens.split(',').map(|token| Token { text: token.to_owned(), since: None }).collect();
    let content = Content {
        message_id: "m-1".to_owned(),
        title: Some("title".to_owned()),
        body: Some("content".to_owned()),
        ..Content::default()
    };
    let push = Push {
        content,
        to: Recipients::Tokens(tokens),
        same_content: false,
        request_id: "r-1".to_owned(),
        receipts: Vec::new(),
    };
    let exchange = file.vendor.begin(&around(&credential, &Origins::production(), now), &Operation::Push(push))?;
    let request = exchange.request();
    let fields: Map<String, Value> = form_urlencoded::parse(request.http.body())
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    if fields.get("sign").and_then(Value::as_str) != Some(&sign(&fields)) {
        misses.push(format!("the encoder's sign is not {}", sign(&fields)));
    }
    Ok(misses)
}

/// RFC 8291, both ways.
fn encryption(input: &Map<String, Value>, output: &str) -> Result<Vec<String>> {
    fn bytes<const N: usize>(input: &Map<String, Value>, name: &str) -> Result<[u8; N]> {
        let bytes = URL_SAFE_NO_PAD.decode(field(input, name)?)?;
        bytes.try_into().map_err(|_| anyhow!("{name} has not {N} bytes"))
    }
    let plaintext = field(input, "plaintext")?;
    let device = DeviceKeys::from_private(&bytes(input, "ua_private")?, bytes(input, "auth_secret")?)?;
    let subscription = SubscriptionKeys::parse(field(input, "ua_public")?, field(input, "auth_secret")?)?;
    let mut misses = Vec::new();
    let encrypted = encrypt(plaintext.as_bytes(), &subscription, &bytes(input, "as_private")?, bytes(input, "salt")?)?;
    if URL_SAFE_NO_PAD.encode(&encrypted) != output {
        misses.push(format!("{output} is expected, not {}", URL_SAFE_NO_PAD.encode(&encrypted)));
    }
    let decrypted = decrypt(&URL_SAFE_NO_PAD.decode(output)?, &device)?;
    if decrypted != plaintext.as_bytes() {
        misses.push("it decrypts to something else".to_owned());
    }
    Ok(misses)
}
