//! The numbers, by name and dimensions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Unit};

/// Series of one process: about three times what a function has. More would be a label that grows, and a bill with it.
const SERIES_MAX: usize = 256;
/// Values of one series in one document, as the format allows. Of more, a flush keeps these and counts the rest as lost.
const VALUES_MAX: usize = 100;
/// Labels that grow with tenants and machines.
const LEFT_OUT: [&str; 2] = ["app", "gateway"];

/// Name and dimensions.
pub(super) type Name = (String, Vec<(String, String)>);

/// What gathered under one name since the last flush.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Gathered {
    /// A counter's rise, or a gauge's last value.
    Number(f64),
    /// A histogram's values.
    Values(Vec<f64>),
}

#[derive(Debug, Default)]
struct State {
    gathered: Option<Gathered>,
    /// A counter's last absolute value.
    absolute: u64,
}

/// One series.
#[derive(Debug, Default)]
pub(super) struct Series(Mutex<State>);

impl Series {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, by: f64) {
        let mut state = self.state();
        match &mut state.gathered {
            Some(Gathered::Number(number)) => *number += by,
            other => *other = Some(Gathered::Number(by)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "CloudWatch keeps doubles; counts of one invocation are far below 2^53")]
const fn double(value: u64) -> f64 {
    value as f64
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.add(double(value));
    }

    fn absolute(&self, value: u64) {
        let before = std::mem::replace(&mut self.state().absolute, value);
        self.add(double(value.saturating_sub(before)));
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.state().gathered = Some(Gathered::Number(value));
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        let mut state = self.state();
        match &mut state.gathered {
            Some(Gathered::Values(values)) => {
                if values.len() < VALUES_MAX {
                    values.push(value);
                }
            }
            other => *other = Some(Gathered::Values(vec![value])),
        }
    }
}

/// All series and the units of their names.
#[derive(Debug, Default)]
pub(super) struct Table {
    series: Mutex<BTreeMap<Name, Arc<Series>>>,
    units: Mutex<BTreeMap<String, Unit>>,
}

impl Table {
    /// The series of a key; none when there are too many.
    pub(super) fn series(&self, key: &Key) -> Option<Arc<Series>> {
        let labels = key.labels().filter(|label| !LEFT_OUT.contains(&label.key()));
        let mut dimensions: Vec<_> = labels.map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        dimensions.sort_unstable();
        let name = (key.name().to_owned(), dimensions);
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= SERIES_MAX && !series.contains_key(&name) {
            return None;
        }
        Some(Arc::clone(series.entry(name).or_default()))
    }

    pub(super) fn describe(&self, key: KeyName, unit: Option<Unit>) {
        if let Some(unit) = unit {
            self.units.lock().unwrap_or_else(PoisonError::into_inner).insert(key.as_str().to_owned(), unit);
        }
    }

    pub(super) fn units(&self) -> BTreeMap<String, Unit> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What gathered, which is then nothing.
    pub(super) fn drain(&self) -> Vec<(Name, Gathered)> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = series.iter().filter_map(|(name, series)| Some((name.clone(), series.state().gathered.take()?)));
        taken.collect()
    }
}
