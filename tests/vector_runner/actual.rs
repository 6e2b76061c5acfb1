//! A request as it came.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::file::BodyKind;

/// Names the origin that the client meant, when the request went to loopback instead.
pub(crate) const MEANT: &str = "x-vectors-origin";

/// A request as the server read it.
#[derive(Debug)]
pub(crate) struct Actual {
    pub(crate) method: String,
    /// `https://push.example:443`.
    pub(crate) origin: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Actual {
    /// The body as the matchers look at it; raw bytes are not.
    pub(crate) fn body(&self, kind: BodyKind) -> Result<Value> {
        match kind {
            BodyKind::Json => serde_json::from_slice(&self.body).context("the body is no JSON"),
            BodyKind::Form => fields(&self.body),
            BodyKind::Raw => Ok(Value::Null),
            BodyKind::None if self.body.is_empty() => Ok(Value::Object(Map::new())),
            BodyKind::None => bail!("there is a body of {} bytes", self.body.len()),
        }
    }

    /// Its parameters.
    pub(crate) fn query(&self) -> Result<Value> {
        fields(self.query.as_bytes())
    }

    /// Its headers, by lower-case names.
    pub(crate) fn headers(&self) -> Value {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), Value::from(text(value))))
            .collect::<Map<_, _>>()
            .into()
    }
}

fn fields(encoded: &[u8]) -> Result<Value> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(encoded) {
        if fields.insert(name.clone().into_owned(), value.into_owned().into()).is_some() {
            bail!("the field {name:?} is there twice");
        }
    }
    Ok(fields.into())
}

/// Scheme, host and port in one spelling.
pub(crate) fn origin(url: &str) -> Result<String> {
    let uri: http::Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
    let (scheme, host) = uri.scheme_str().zip(uri.host()).with_context(|| format!("{url:?} has no origin"))?;
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Ok(format!("{scheme}://{host}:{port}"))
}
