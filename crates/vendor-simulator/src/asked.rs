//! A request to a vendor, and what it answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

/// A request, without the vendor's prefix.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// With its first slash.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Milliseconds since 1970.
    pub(crate) now: u64,
    /// `scheme://host` as the client has it.
    pub(crate) origin: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What follows a scheme in the `authorization` header; the scheme's case does not matter.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, value) = self.header("authorization")?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then_some(value.trim())
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The fields of a form; of two of the same name the later.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn query_field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The path's parts between slashes.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    pub(crate) fn is(&self, method: &Method, path: &str) -> bool {
        self.method == *method && self.path == path
    }
}

/// A push that was taken for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) token: String,
    /// Our id as it travelled.
    pub(crate) message: String,
    /// The vendor's own.
    pub(crate) vendor_id: String,
    /// Where receipts go, if the message says so or the vendor was told.
    pub(crate) callback: Option<String>,
}

/// What a vendor answers, and what it did.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) dead: u64,
    pub(crate) repeats: u64,
    pub(crate) authorised: bool,
    /// The vendor's code, if it refused.
    pub(crate) refused: Option<String>,
}

impl Said {
    /// An answer without a body.
    pub(crate) const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            taken: Vec::new(),
            dead: 0,
            repeats: 0,
            authorised: false,
            refused: None,
        }
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { body, headers: vec![("content-type", "application/json".to_owned())], ..Self::empty(status) }
    }

    /// 200 with JSON.
    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// It is a refusal with this code.
    pub(crate) fn refusing(mut self, code: impl Into<String>) -> Self {
        self.refused = Some(code.into());
        self
    }

    pub(crate) fn taking(mut self, taken: Vec<Taken>) -> Self {
        self.taken = taken;
        self
    }

    pub(crate) const fn with_dead(mut self, dead: u64) -> Self {
        self.dead = dead;
        self
    }

    pub(crate) const fn dropping_repeats(mut self, repeats: u64) -> Self {
        self.repeats = repeats;
        self
    }

    pub(crate) const fn authorising(mut self) -> Self {
        self.authorised = true;
        self
    }
}
