//! Shapes of bodies as tables.

use serde_json::Value;

use super::{escape, prose, text};

/// A table for each named shape.
pub(super) fn shapes(schemas: &Value) -> String {
    schemas.as_object().into_iter().flatten().map(|(name, schema)| shape(name, schema)).collect()
}

/// What a value may be, in a few words, with links to named shapes.
pub(super) fn kind_of(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for union in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema.get(union).and_then(Value::as_array) {
            return parts.iter().map(kind_of).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> =
            values.iter().filter_map(Value::as_str).map(|value| format!("<code>{}</code>", escape(value))).collect();
        return values.join(" or ");
    }
    let named = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any"],
    };
    let mut kind = named.into_iter().map(|kind| one_kind(kind, schema)).collect::<Vec<_>>().join(" or ");
    for (field, word) in [("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"), ("maxItems", "at most")] {
        if let Some(limit) = schema.get(field) {
            kind += &format!(" {word} {}", escape(&limit.to_string()));
        }
    }
    kind
}

fn one_kind(kind: &str, schema: &Value) -> String {
    match (kind, text(schema, "format")) {
        ("array", _) => format!("list of {}", kind_of(&schema["items"])),
        ("string", "date-time") => "time".to_owned(),
        ("string", format) if !format.is_empty() => escape(format),
        ("integer", _) => "integer".to_owned(),
        (kind, _) => escape(kind),
    }
}

fn shape(name: &str, schema: &Value) -> String {
    let name = escape(name);
    let mut part = format!("<section id=\"shape-{name}\">\n<h3>{name}</h3>\n{}", prose(text(schema, "description")));
    let parts = schema.get("allOf").and_then(Value::as_array);
    for piece in parts.into_iter().flatten().chain(std::iter::once(schema)) {
        if piece.get("$ref").is_some() {
            part += &format!("<p>All of {}, and:</p>\n", kind_of(piece));
        } else if piece.get("properties").is_some() {
            part += &fields(piece);
        }
    }
    if schema.get("enum").is_some() || schema.get("oneOf").is_some() {
        part += &format!("<p>{}</p>\n", kind_of(schema));
    }
    part + "</section>\n"
}

fn fields(schema: &Value) -> String {
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let row = |(field, of): (&String, &Value)| {
        let must = if required.contains(&field.as_str()) { "required" } else { "" };
        let (field, kind, about) = (escape(field), kind_of(of), prose(text(of, "description")));
        format!("<tr><td><code>{field}</code></td><td>{kind}</td><td>{must}</td><td>{about}</td></tr>\n")
    };
    let rows: String = schema["properties"].as_object().into_iter().flatten().map(row).collect();
    format!("<table>\n<tr><th>field</th><th>kind</th><th></th><th></th></tr>\n{rows}</table>\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_in_words() {
        for (schema, words) in [
            (json!({"type": "string"}), "string"),
            (json!({"type": ["integer", "null"], "minimum": 0, "maximum": 5}), "integer or null from 0 to 5"),
            (json!({"type": "array", "items": {"type": "string", "format": "uuid"}}), "list of uuid"),
            (json!({"$ref": "#/components/schemas/A"}), "<a href=\"#shape-A\">A</a>"),
            (json!({"type": "string", "enum": ["a", "<"]}), "<code>a</code> or <code>&lt;</code>"),
            (json!({"oneOf": [{"type": "null"}, {"$ref": "#/B"}]}), "null or <a href=\"#shape-B\">B</a>"),
        ] {
            assert_eq!(kind_of(&schema), words);
        }
    }
}
