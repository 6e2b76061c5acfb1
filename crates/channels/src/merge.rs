//! What a business wrote for one vendor, over what was made from the message.

use serde_json::{Map, Value};

/// Puts `over` into `into`: objects are merged field by field, anything else replaces what was there. The depth is bounded
/// by what parsed `over`.
pub(crate) fn merge(into: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (into.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_merged_and_all_else_is_replaced() {
        let mut into = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        let over = json!({"a": {"c": [3], "e": {"f": null}}, "d": {"g": 1}});
        merge(into.as_object_mut().unwrap(), over.as_object().unwrap());
        assert_eq!(into, json!({"a": {"b": 1, "c": [3], "e": {"f": null}}, "d": {"g": 1}}));
    }
}
