//! Signed tokens.

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::judge::Judge;
use crate::keys::Keys;

/// Seconds that any token may live: no vendor takes more than a day.
const LIFETIME_MAX: i64 = 24 * 3_600;

/// A token whose signature is right.
pub(crate) struct Verified {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

/// Finds the token behind the scheme (the word before it, with what joins them), checks its signature and its times.
pub(crate) fn of_text(text: &str, scheme: Option<&str>, judge: &Judge<'_>) -> Result<Verified> {
    let rest = match scheme {
        None => text,
        Some(scheme) => match text.split_at_checked(scheme.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(scheme) => rest.trim_start(),
            _ => bail!("it does not begin with {scheme:?}"),
        },
    };
    let token = rest.split([',', ';', ' ']).next().unwrap_or_default();
    let verified = verify(token, judge.keys)?;
    times(&verified.claims, judge.now)?;
    if judge.channel == Channel::WebPush {
        let expected = format!("k={}", judge.keys.p256_public());
        if !rest.split([',', ' ']).any(|part| part == expected) {
            bail!("k is not the sender's public key");
        }
    }
    Ok(verified)
}

/// Checks a compact token.
pub(crate) fn verify(token: &str, keys: &Keys) -> Result<Verified> {
    let (signed, signature) = token.rsplit_once('.').context("no compact token")?;
    let (header, claims) = signed.split_once('.').context("no compact token")?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).context("a part is not in base64url");
    let header: Value = serde_json::from_slice(&bytes(header)?).context("the header is no JSON")?;
    let claims: Value = serde_json::from_slice(&bytes(claims)?).context("the claims are no JSON")?;
    let algorithm = header.get("alg").and_then(Value::as_str).context("no alg")?;
    keys.verify(algorithm, signed.as_bytes(), &bytes(signature)?)?;
    Ok(Verified { header, claims })
}

fn times(claims: &Value, now: UnixMillis) -> Result<()> {
    let now = i64::try_from(now.0 / 1_000)?;
    let time = |name: &str| {
        claims
            .get(name)
            .map(|value| value.as_i64().with_context(|| format!("{name} is no number of seconds")))
            .transpose()
    };
    let (issued, expires) = (time("iat")?, time("exp")?);
    if let Some(issued) = issued
        && !(now - LIFETIME_MAX..=now).contains(&issued)
    {
        bail!("iat {issued} is not of the day before {now}");
    }
    if let Some(expires) = expires
        && (expires <= now || expires - issued.unwrap_or(now) > LIFETIME_MAX)
    {
        bail!("exp {expires} is past, or more than a day ahead");
    }
    Ok(())
}
