//! Reads an upload of a few texts.

use serde_json::{Map, Value};

use crate::credential::{CredentialError, Secret};

/// Longest text in an upload, in bytes. Ids, keys and secrets of vendors have some ten.
const TEXT_MAX_BYTES: usize = 512;

/// The fields of an upload.
#[derive(Debug)]
pub(crate) struct Upload<'a>(&'a Map<String, Value>);

impl<'a> Upload<'a> {
    /// An object that has no other fields than these.
    pub(crate) fn of(upload: &'a Value, known: &[&str]) -> Result<Self, CredentialError> {
        let Some(fields) = upload.as_object() else {
            return Err(CredentialError::new("", "invalid", "must be an object"));
        };
        match fields.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => {
                // A JSON pointer writes these two so (RFC 6901, section 3).
                let name: String = unknown.chars().take(64).collect();
                let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                Err(CredentialError::new(&pointer, "unknown_field", format!("must be one of {}", known.join(", "))))
            }
            None => Ok(Self(fields)),
        }
    }

    /// A text that may be missing. A number is taken as its digits.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<String>, CredentialError> {
        let text = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) if number.is_u64() => number.to_string(),
            Some(_) => return Err(CredentialError::new(&format!("/{name}"), "invalid", "must be a text")),
        };
        // What is pasted with a space or a line's end makes a signature wrong that nobody finds.
        if text.is_empty() || text.len() > TEXT_MAX_BYTES || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let message = format!("must have 1 to {TEXT_MAX_BYTES} bytes and no spaces");
            return Err(CredentialError::new(&format!("/{name}"), "invalid", message));
        }
        Ok(Some(text))
    }

    /// A text.
    pub(crate) fn required(&self, name: &str) -> Result<String, CredentialError> {
        let missing = || CredentialError::new(&format!("/{name}"), "missing", "is required");
        self.optional(name)?.ok_or_else(missing)
    }

    /// A text that is never shown.
    pub(crate) fn secret(&self, name: &str) -> Result<Secret, CredentialError> {
        self.required(name).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_name_the_field_and_no_value() {
        let read = |upload: &Value| {
            let upload = Upload::of(upload, &["id", "secret"])?;
            upload.optional("id")?;
            upload.secret("secret").map(|secret| secret.expose().to_owned())
        };
        assert_eq!(read(&json!({"id": 10004, "secret": "s"})).unwrap(), "s");
        let long = "x".repeat(TEXT_MAX_BYTES + 1);
        for (upload, field, code) in [
            (json!("s3cret"), "", "invalid"),
            (json!({"id": "1"}), "/secret", "missing"),
            (json!({"secret": null}), "/secret", "missing"),
            (json!({"secret": ["s3cret"]}), "/secret", "invalid"),
            (json!({"secret": "s3cret\n"}), "/secret", "invalid"),
            (json!({"secret": ""}), "/secret", "invalid"),
            (json!({"secret": long}), "/secret", "invalid"),
            (json!({"secret": "s", "id": -1.5}), "/id", "invalid"),
            (json!({"secret": "s", "a/b~c": 1}), "/a~1b~0c", "unknown_field"),
        ] {
            let error = read(&upload).unwrap_err();
            assert_eq!((&*error.field, error.code), (field, code), "{upload}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
