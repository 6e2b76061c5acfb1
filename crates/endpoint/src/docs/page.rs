//! The page: contents, operations by tag, then shapes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::{kind_of, shapes};
use super::{escape, prose, text};

/// The methods of a path in the order in which people think of them.
const METHODS: [&str; 5] = ["post", "get", "put", "patch", "delete"];

/// One operation and where it stands.
struct Entry<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Value,
}

pub(super) fn render(document: &Value) -> String {
    let title = escape(text(&document["info"], "title"));
    let by_tag = operations(document);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} API</title>\n\
         <link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n<h1>{title} API</h1>\n"
    );
    page += &prose(text(&document["info"], "description"));
    page += "<p>The same for programs: <a href=\"/openapi.json\">openapi.json</a></p>\n";
    page += &contents(&by_tag);
    for (tag, entries) in &by_tag {
        page += &format!("<h2>{}</h2>\n{}", escape(tag), prose(about_tag(document, tag)));
        for entry in entries {
            page += &section(entry);
        }
    }
    page += "<h2>shapes</h2>\n";
    page += &shapes(&document["components"]["schemas"]);
    page + "</body>\n</html>\n"
}

fn operations(document: &Value) -> BTreeMap<&str, Vec<Entry<'_>>> {
    let mut by_tag = BTreeMap::<_, Vec<_>>::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let tag = operation["tags"][0].as_str().unwrap_or("other");
                by_tag.entry(tag).or_default().push(Entry { method, path, operation });
            }
        }
    }
    by_tag
}

fn about_tag<'a>(document: &'a Value, tag: &str) -> &'a str {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.filter(|known| text(known, "name") == tag).map(|known| text(known, "description")).next().unwrap_or_default()
}

fn contents(by_tag: &BTreeMap<&str, Vec<Entry<'_>>>) -> String {
    let line = |entry: &Entry<'_>| {
        let (id, name) = (anchor(entry), heading(entry));
        format!("<li><a href=\"#{id}\">{name}</a></li>\n")
    };
    let part = |(tag, entries): (&&str, &Vec<Entry<'_>>)| {
        format!("<h3>{}</h3>\n<ul>\n{}</ul>\n", escape(tag), entries.iter().map(line).collect::<String>())
    };
    format!("<nav>\n{}</nav>\n", by_tag.iter().map(part).collect::<String>())
}

fn anchor(entry: &Entry<'_>) -> String {
    escape(text(entry.operation, "operationId"))
}

fn heading(entry: &Entry<'_>) -> String {
    format!("<span class=\"method\">{}</span> <code>{}</code>", entry.method.to_uppercase(), escape(entry.path))
}

fn section(entry: &Entry<'_>) -> String {
    let operation = entry.operation;
    let mut part = format!("<section id=\"{}\">\n<h3>{}</h3>\n", anchor(entry), heading(entry));
    part += &prose(text(operation, "summary"));
    part += &prose(text(operation, "description"));
    part += &who(operation);
    part += &parameters(operation);
    if let Some(kind) = body_kind(&operation["requestBody"]) {
        part += &format!("<p>Body: {kind}</p>\n");
    }
    part + &answers(operation) + "</section>\n"
}

fn who(operation: &Value) -> String {
    let schemes: Vec<_> = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|scheme| scheme.keys())
        .map(|name| escape(&name.replace('_', " ")))
        .collect();
    let schemes = if schemes.is_empty() { "nothing".to_owned() } else { schemes.join(", or ") };
    format!("<p class=\"who\">Needs: {schemes}</p>\n")
}

fn parameters(operation: &Value) -> String {
    let row = |parameter: &Value| {
        let required = if parameter["required"] == true { "required" } else { "" };
        format!(
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{required}</td><td>{}</td></tr>\n",
            escape(text(parameter, "name")),
            escape(text(parameter, "in")),
            kind_of(&parameter["schema"]),
            prose(text(parameter, "description")),
        )
    };
    let rows: String = operation["parameters"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    format!("<table>\n<tr><th>parameter</th><th>in</th><th>kind</th><th></th><th></th></tr>\n{rows}</table>\n")
}

fn answers(operation: &Value) -> String {
    let row = |(status, answer): (&String, &Value)| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            escape(status),
            prose(text(answer, "description")),
            body_kind(answer).unwrap_or_default(),
        )
    };
    let rows: String = operation["responses"].as_object().into_iter().flatten().map(row).collect();
    format!("<table>\n<tr><th>answer</th><th>when</th><th>body</th></tr>\n{rows}</table>\n")
}

fn body_kind(body: &Value) -> Option<String> {
    let (_, media) = body["content"].as_object()?.iter().next()?;
    Some(kind_of(&media["schema"]))
}
