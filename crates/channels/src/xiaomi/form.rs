//! The fields of a request, by name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::EncodeError;

/// What all `extra.…` together stay below, in bytes (code 65015).
const EXTRA_BYTES: usize = 2_048;
/// What a title stays below, in characters.
const TITLE_CHARACTERS: usize = 50;
/// What a description stays below, in characters.
const DESCRIPTION_CHARACTERS: usize = 128;
/// Longest text that comes back in receipts, in characters.
const PARAMETER_MAX_CHARACTERS: usize = 64;

/// The prefix of what is passed through to the device or changes how a message is shown.
const EXTRA: &str = "extra.";

/// Fields of one request.
#[derive(Clone, Default)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Sets a field.
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Takes a field away.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Puts what the business wrote over it: fields by their names in the form, and `extra` also as an object. `null` takes a
    /// field away; what is no text becomes its JSON.
    pub(super) fn merge(&mut self, overrides: &Map<String, Value>) {
        for (name, value) in overrides {
            match value {
                Value::Object(fields) if name == "extra" => {
                    for (name, value) in fields {
                        self.set(&format!("{EXTRA}{name}"), value);
                    }
                }
                value => self.set(name, value),
            }
        }
    }

    fn set(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => self.remove(name),
            Value::String(text) => self.put(name, text.as_str()),
            value => self.put(name, value.to_string()),
        }
    }

    /// The body of the request.
    pub(super) fn body(&self) -> String {
        crate::json_answer::form(self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Refuses what Xiaomi would refuse.
    pub(super) fn check(&self) -> Result<(), EncodeError> {
        let refused = |why: String| Err(EncodeError::Refused(why));
        let characters = |name: &str| self.0.get(name).map_or(0, |text| text.chars().count());
        if self.0.get("pass_through").is_none_or(|flag| flag == "0") {
            for (name, limit) in [("title", TITLE_CHARACTERS), ("description", DESCRIPTION_CHARACTERS)] {
                match characters(name) {
                    0 => return refused(format!("Xiaomi shows no notification without a {name}")),
                    length if length >= limit => {
                        return refused(format!("Xiaomi takes a {name} of less than {limit} characters, not {length}"));
                    }
                    _ => {}
                }
            }
        }
        if characters("extra.callback.param") > PARAMETER_MAX_CHARACTERS {
            return refused(format!("Xiaomi gives at most {PARAMETER_MAX_CHARACTERS} characters back"));
        }
        let extra: usize =
            self.0.iter().filter_map(|(name, value)| Some(name.strip_prefix(EXTRA)?.len() + value.len())).sum();
        if extra >= EXTRA_BYTES {
            return refused(format!("65015: Xiaomi takes less than {EXTRA_BYTES} bytes of extra fields, not {extra}"));
        }
        Ok(())
    }
}
