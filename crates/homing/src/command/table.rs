//! What is printed: tables for people, JSON for scripts.

use std::io::Write as _;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde::Serialize;

/// Prints a line; a closed pipe is an error like any other.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Into::into)
}

/// Prints a value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Prints a value as JSON: in one line when more follows.
pub(super) fn json_of(value: &impl Serialize, more_follows: bool) -> Result<()> {
    if more_follows { json_line(value) } else { json(value) }
}

/// Prints a value as one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> Result<()> {
    line(serde_json::to_string(value)?)
}

/// A table with these column heads.
pub(super) fn with_heads<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(heads);
    table
}

/// A table of names and values.
pub(super) fn of_pairs(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    for (name, value) in pairs {
        table.add_row([name.to_owned(), value]);
    }
    table
}
