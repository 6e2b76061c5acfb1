//! Signatures that are digests, by the recipe that a file gives.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

/// Recipe in words: the start that all of its kind share. What follows `, then ` is the secret.
const SORTED_FIELDS: &str = "all form fields but sign, sorted by name, key=value concatenated without separator";

/// The digests that vendors sign with.
#[derive(Clone, Copy)]
pub(crate) enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    /// Lower-case hex.
    pub(crate) fn of(self, text: &str) -> String {
        let digest = match self {
            Self::Md5 => Md5::digest(text.as_bytes()).to_vec(),
            Self::Sha256 => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref().to_vec(),
        };
        digest.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes everything");
            hex
        })
    }
}

/// What is to be signed: a list of fields (of the body, or secrets of the file), or a recipe in words.
pub(crate) fn signed_text(of: &Value, body: &Value, credentials: &Map<String, Value>) -> Result<String> {
    let secret = |name: &str| {
        let found = credentials.iter().find(|(known, _)| plain(known) == plain(name)).map(|(_, value)| text(value));
        found.with_context(|| format!("neither body nor credentials have {name:?}"))
    };
    match of {
        Value::Array(names) => names
            .iter()
            .map(|name| {
                let name = name.as_str().context("a field's name is a text")?;
                body.get(name).map(text).map_or_else(|| secret(name), Ok)
            })
            .collect(),
        Value::String(recipe) => {
            let last = recipe.strip_prefix(SORTED_FIELDS).and_then(|rest| rest.strip_prefix(", then "));
            let last = last.with_context(|| format!("the recipe {recipe:?} is not known"))?;
            let fields = body.as_object().context("the body has no fields")?;
            Ok(sorted_fields(fields) + &secret(last)?)
        }
        _ => bail!("a recipe is a list or a text"),
    }
}

/// `key=value` of all but `sign`, sorted by name.
pub(crate) fn sorted_fields(fields: &Map<String, Value>) -> String {
    let mut fields: Vec<_> = fields.iter().filter(|(name, _)| *name != "sign").collect();
    fields.sort_by_key(|(name, _)| *name);
    fields.into_iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
}

/// The same name in the spellings that bodies and credentials use: `appSecret`, `app_secret`.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// A value as it stands in a form.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
