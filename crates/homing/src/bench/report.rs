//! Figures with their units.

use std::io::Write as _;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use hdrhistogram::Histogram;
use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    profile: &'static str,
    name: String,
    value: f64,
    unit: &'static str,
}

/// All figures of a run, in the order in which they were measured.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    figures: Vec<Figure>,
}

impl Report {
    pub(super) const fn new(json: bool) -> Self {
        Self { json, figures: Vec::new() }
    }

    /// Adds a figure, and tells the person who waits. `None` = it could not be measured, and is left out.
    pub(super) fn add(
        &mut self,
        profile: &'static str,
        name: impl Into<String>,
        value: impl Into<Option<f64>>,
        unit: &'static str,
    ) {
        let Some(value) = value.into() else { return };
        let figure = Figure { profile, name: name.into(), value, unit };
        if !self.json {
            let _closed = writeln!(
                std::io::stderr().lock(),
                "{:<9} {:<44} {:>14} {}",
                figure.profile,
                figure.name,
                shown(value),
                unit
            );
        }
        self.figures.push(figure);
    }

    /// Adds the usual percentiles of times in microseconds, as milliseconds.
    pub(super) fn add_times(&mut self, profile: &'static str, name: &str, times: &Histogram<u64>) {
        for (label, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            let micros = times.value_at_quantile(quantile);
            self.add(profile, format!("{name} {label}"), count(micros) / 1_000.0, "ms");
        }
    }

    pub(super) fn print(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &self.figures)?;
            writeln!(out)?;
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["profile", "figure", "value", "unit"]);
        for figure in &self.figures {
            table.add_row([figure.profile, &figure.name, &shown(figure.value), figure.unit]);
        }
        writeln!(out, "{table}")?;
        Ok(())
    }
}

fn shown(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// A count as a figure; exact up to 2^53, which no count here reaches.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) const fn count(number: u64) -> f64 {
    number as f64
}
