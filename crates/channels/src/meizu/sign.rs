//! The signature that each request has.

use std::collections::BTreeMap;

use http::Uri;
use md5::{Digest as _, Md5};

use crate::json_answer::{self, FORM};
use crate::{Request, Secret};

/// A request with these fields, signed.
pub(super) fn request(uri: Uri, fields: &BTreeMap<&str, &str>, app_secret: &Secret) -> Request {
    let sign = sign(fields, app_secret.expose());
    let fields = fields.iter().map(|(name, value)| (*name, *value)).chain([("sign", &*sign)]);
    json_answer::post(uri, FORM, json_answer::form(fields))
}

/// The MD5 of `name=value` of all fields in the order of their names, nothing between them and the secret behind, in
/// hexadecimal digits. The values are those before they are encoded for the form.
pub(super) fn sign(fields: &BTreeMap<&str, &str>, app_secret: &str) -> String {
    let mut hash = Md5::new();
    for (name, value) in fields {
        hash.update(name);
        hash.update("=");
        hash.update(value);
    }
    hash.update(app_secret);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
