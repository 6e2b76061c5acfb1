//! Our message id, as it travels where a vendor has no field for it: among the app's own data.

use serde_json::Value;

/// Under which name.
const MESSAGE_ID: &str = "homing_id";

/// The id in a message's data; empty when there is none.
pub(crate) fn message_id(data: &Value) -> String {
    data[MESSAGE_ID].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_found_beside_the_apps_own_values() {
        assert_eq!(message_id(&json!({"homing_id": "a", "id": "other"})), "a");
        assert_eq!(message_id(&json!({"id": "other"})), "");
        assert_eq!(message_id(&json!("text")), "");
    }
}
