//! `GET /v1/stats/…`: funnels and time series.

use std::collections::BTreeMap;

use homing_domain::limits::STATISTICS_MAX_PERIODS;
use homing_domain::{Breakdown, Channel, Funnel, Granularity, Message, Period, Stage, Tally, UnixMillis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::message::StageName;
use super::time::to_timestamp;

/// How long the periods of a series are, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GranularityName {
    /// Kept for 2 days.
    Minute,
    /// Kept for 32 days.
    Hour,
    /// Kept for 400 days.
    Day,
}

impl From<GranularityName> for Granularity {
    fn from(name: GranularityName) -> Self {
        match name {
            GranularityName::Minute => Self::Minute,
            GranularityName::Hour => Self::Hour,
            GranularityName::Day => Self::Day,
        }
    }
}

impl From<Granularity> for GranularityName {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Minute => Self::Minute,
            Granularity::Hour => Self::Hour,
            Granularity::Day => Self::Day,
        }
    }
}

/// Which part of a series is wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// How long each period is; `hour` when left out.
    pub granularity: Option<GranularityName>,
    /// From the period on that this time falls into; when left out: an hour of minutes, a day of hours, 30 days.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Periods that begin before this time; the present when left out.
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// A part of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatisticsSpan {
    /// Of which series.
    pub granularity: Granularity,
    /// The first period's beginning.
    pub from: UnixMillis,
    /// Periods begin before this.
    pub until: UnixMillis,
}

impl StatisticsQuery {
    /// What is asked for, with what was left out.
    ///
    /// # Errors
    /// In words, with the parameter: the times are out of order, or lie too far apart for one answer.
    pub fn check(&self, now: UnixMillis) -> Result<StatisticsSpan, String> {
        let granularity = self.granularity.map_or(Granularity::Hour, Granularity::from);
        let millis = |at: Timestamp| UnixMillis(u64::try_from(at.as_millisecond()).unwrap_or(0));
        // The present period is in the answer.
        let until = self.until.map_or_else(|| now.plus(1), millis);
        let usual = match granularity {
            Granularity::Minute => 60,
            Granularity::Hour => 24,
            Granularity::Day => 30,
        };
        let length = granularity.length();
        let from = self.from.map_or_else(|| until.minus(usual * length), millis);
        if until <= from {
            return Err("until must be later than from".to_owned());
        }
        let from = Period::of(granularity, from).start;
        if until.since(from).div_ceil(length) > STATISTICS_MAX_PERIODS as u64 {
            return Err(format!("from and until must not lie more than {STATISTICS_MAX_PERIODS} periods apart"));
        }
        Ok(StatisticsSpan { granularity, from, until })
    }
}

/// Deliveries by the steps that they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunnelView {
    /// Given to the device's channel.
    pub sent: i64,
    /// The device has it, or a vendor says so.
    pub delivered: i64,
    /// Shown to a person.
    pub displayed: i64,
    /// Opened by a person.
    pub opened: i64,
    /// `opened` of `delivered`, 0 to 1; missing while nothing is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_rate: Option<f64>,
}

impl From<Funnel> for FunnelView {
    fn from(funnel: Funnel) -> Self {
        let Funnel { sent, delivered, displayed, opened } = funnel;
        Self { sent, delivered, displayed, opened, open_rate: rate(opened, delivered) }
    }
}

/// A part of a whole; none of nothing. Counts are far below 2^32 each, where a share would lose digits.
fn rate(part: i64, whole: i64) -> Option<f64> {
    let number = |count: i64| u32::try_from(count).ok().map(f64::from);
    let whole = number(whole).filter(|whole| *whole > 0.0)?;
    Some(number(part)? / whole)
}

/// What became of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FiguresView {
    /// Over all channels.
    pub funnel: FunnelView,
    /// How many deliveries ended in which stage. What ended twice (expired, then delivered after all) is in its last stage.
    pub ended: BTreeMap<String, i64>,
    /// By channel.
    pub channels: BTreeMap<String, FunnelView>,
    /// By what the devices run. Deliveries to devices that nobody knew, and those of a broadcast's feed, are not in it.
    pub platforms: BTreeMap<String, FunnelView>,
    /// By the app's version on the devices: at most 32 of them, the rest is `other`; `unknown` is who does not say it.
    pub versions: BTreeMap<String, FunnelView>,
}

impl FiguresView {
    /// The figures of these numbers.
    #[must_use]
    pub fn new(tally: &Tally) -> Self {
        let mut view = Self { funnel: tally.funnel(None).into(), ..Self::default() };
        let balance = tally.balance(None);
        for (stage, number) in [
            (Stage::Delivered, balance.delivered),
            (Stage::HandedOff, balance.handed_off),
            (Stage::Expired, balance.expired),
            (Stage::Failed, balance.failed),
            (Stage::Recalled, balance.recalled),
            (Stage::Suppressed, balance.suppressed),
            (Stage::Cancelled, balance.cancelled),
        ] {
            if number != 0 {
                view.ended.insert(stage.name().to_owned(), number);
            }
        }
        for channel in tally.channels() {
            view.channels.insert(Channel::name(channel).to_owned(), tally.funnel(Some(channel)).into());
        }
        for (breakdown, funnel) in tally.breakdowns() {
            let (map, name) = match breakdown {
                Breakdown::Platform(platform) => (&mut view.platforms, platform.to_string()),
                Breakdown::Version(version) => (&mut view.versions, version.to_string()),
            };
            map.insert(name, funnel.into());
        }
        view
    }
}

/// How far the deliveries of a message came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageStatistics {
    /// Its id.
    #[schema(format = Uuid)]
    pub message_id: String,
    /// Where it is.
    pub stage: StageName,
    /// Devices that it is for, as far as they are enumerated.
    pub targeted: i64,
    /// `delivered` of `targeted`, 0 to 1; missing while nobody is targeted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach_rate: Option<f64>,
    /// Set when its numbers are approximate: see `GET /v1/messages/{id}`.
    pub approximate: bool,
    /// Its figures.
    #[serde(flatten)]
    pub figures: FiguresView,
}

impl MessageStatistics {
    /// The statistics of a message.
    #[must_use]
    pub fn new(message: &Message, tally: &Tally) -> Self {
        let balance = tally.balance(None);
        let stage = if message.is_complete(tally) { StageName::Completed } else { message.stage.into() };
        Self {
            message_id: message.id.to_string(),
            stage,
            targeted: balance.targeted,
            reach_rate: rate(balance.delivered, balance.targeted),
            approximate: message.feed_after.is_some(),
            figures: FiguresView::new(tally),
        }
    }
}

/// The figures of one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeriodView {
    /// When it begins.
    pub start: Timestamp,
    /// What happened in it.
    #[serde(flatten)]
    pub figures: FiguresView,
}

/// A part of an app's series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatisticsView {
    /// How long each period is.
    pub granularity: GranularityName,
    /// The first period's beginning.
    pub from: Timestamp,
    /// Periods begin before this.
    pub until: Timestamp,
    /// The sum of the periods.
    pub total: FiguresView,
    /// Those in which anything happened, in their order.
    pub periods: Vec<PeriodView>,
}

impl StatisticsView {
    /// The view of what was found in a span.
    #[must_use]
    pub fn new(span: StatisticsSpan, found: &[(Period, Tally)]) -> Self {
        let mut total = Tally::default();
        found.iter().for_each(|(_, tally)| total.merge(tally));
        let period = |(period, tally): &(Period, Tally)| PeriodView {
            start: to_timestamp(period.start),
            figures: FiguresView::new(tally),
        };
        Self {
            granularity: span.granularity.into(),
            from: to_timestamp(span.from),
            until: to_timestamp(span.until),
            total: FiguresView::new(&total),
            periods: found.iter().map(period).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use homing_domain::{Counter, Fact, Platform, Step, VersionLabel};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_123_456);

    fn query(granularity: GranularityName, from: Option<u64>, until: Option<u64>) -> StatisticsQuery {
        let at = |millis: u64| to_timestamp(UnixMillis(millis));
        StatisticsQuery { granularity: Some(granularity), from: from.map(at), until: until.map(at) }
    }

    #[test]
    fn what_is_left_out_is_the_usual_span() {
        let span = query(GranularityName::Minute, None, None).check(NOW).unwrap();
        assert_eq!((span.granularity, span.until), (Granularity::Minute, NOW.plus(1)));
        assert_eq!(span.from, Period::of(Granularity::Minute, NOW.minus(3_599_999)).start);
        let unset = StatisticsQuery { granularity: None, from: None, until: None };
        assert_eq!(unset.check(NOW).unwrap().granularity, Granularity::Hour);
    }

    #[test]
    fn a_span_has_an_order_and_a_limit() {
        assert!(
            query(GranularityName::Hour, Some(9_000_000), Some(9_000_000)).check(NOW).unwrap_err().contains("until")
        );
        let day = 24 * 3_600_000;
        let periods = |n: u64| query(GranularityName::Day, Some(day), Some(day + n * day)).check(NOW);
        assert!(periods(1_500).is_ok());
        assert!(periods(1_501).unwrap_err().contains("1500"));
    }

    #[test]
    fn figures_are_told_apart_and_summed() {
        let mut tally = Tally::of_feed(4);
        tally.add(Counter::Fact(Channel::Own, Fact::Opened), 1);
        tally.add(Counter::Of(Breakdown::Platform(Platform::Ios), Step::Delivered), 2);
        tally.add(Counter::Of(Breakdown::Version(VersionLabel::new("1.2")), Step::Delivered), 2);
        let span = query(GranularityName::Hour, None, None).check(NOW).unwrap();
        let hour = |n: u64| Period::of(Granularity::Hour, NOW.minus(n * 3_600_000));
        let view = StatisticsView::new(span, &[(hour(1), tally.clone()), (hour(0), tally)]);
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["granularity"], "hour");
        assert_eq!(
            (&json["total"]["funnel"]["delivered"], &json["total"]["ended"]["delivered"]),
            (&8.into(), &8.into())
        );
        assert_eq!(json["periods"][0]["funnel"]["open_rate"], 0.25);
        assert_eq!(json["periods"][1]["platforms"]["ios"]["delivered"], 2);
        assert_eq!(json["total"]["versions"]["1.2"]["delivered"], 4);
        assert_eq!(json["total"]["channels"]["own"]["sent"], 8);
        assert_eq!(rate(1, 0), None);
    }
}
