//! The fields of a cron expression, and the times that have them.

use jiff::civil::{Date, DateTime, Time, date};

use super::{CRON_MAX_BYTES, CronError};

/// Days that are looked through for the next occurrence: the 29th of February is at most eight years away (1896, 1904; 2096,
/// 2104).
const DAYS_MAX: usize = 9 * 366;
/// A day from which on, to check it, an expression must come.
const ANY_DAY: Date = date(2096, 3, 1);
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// What a field may hold.
struct Field {
    /// As messages call it.
    name: &'static str,
    first: u8,
    last: u8,
    /// Names of its values, from `first` on.
    names: &'static [&'static str],
    /// `?` is `*` here.
    is_day: bool,
    /// `L` is the last here.
    has_last: bool,
}

impl Field {
    const fn plain(name: &'static str, first: u8, last: u8) -> Self {
        Self { name, first, last, names: &[], is_day: false, has_last: false }
    }
}

const SECONDS: Field = Field::plain("seconds", 0, 59);
const MINUTES: Field = Field::plain("minutes", 0, 59);
const HOURS: Field = Field::plain("hours", 0, 23);
const DAYS: Field = Field { is_day: true, has_last: true, ..Field::plain("day of month", 1, 31) };
const MONTH: Field = Field { names: &MONTHS, ..Field::plain("month", 1, 12) };
/// 7 is Sunday too, so that ranges may end with it.
const WEEKDAY: Field = Field { is_day: true, names: &WEEKDAYS, ..Field::plain("day of week", 0, 7) };

/// The values of one field.
#[derive(Clone, Copy, Debug, Default)]
struct Values {
    /// One bit for each.
    bits: u64,
    /// Written with `*`, with or without a step.
    has_star: bool,
    /// Exactly `*`: says nothing about the day.
    is_any: bool,
    /// And the last there is.
    has_last: bool,
}

impl Values {
    fn has(self, value: i8) -> bool {
        self.bits >> value.unsigned_abs() & 1 == 1
    }

    fn first_from(self, value: i8) -> Option<i8> {
        let rest = self.bits & u64::MAX.checked_shl(u32::from(value.unsigned_abs())).unwrap_or(0);
        (rest != 0).then(|| i8::try_from(rest.trailing_zeros()).ok()).flatten()
    }

    fn first(self) -> i8 {
        self.first_from(0).unwrap_or(0)
    }
}

/// A cron expression that comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    seconds: Values,
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    weekdays: Values,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, CronError> {
        if text.len() > CRON_MAX_BYTES {
            return Err(CronError::new(format!("must be at most {CRON_MAX_BYTES} bytes")));
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let (second, rest) = match *fields.as_slice() {
            [second, ref rest @ ..] if rest.len() == 5 => (second, rest),
            ref rest if rest.len() == 5 => ("0", rest),
            _ => {
                let message = format!(
                    "must have 5 fields (minutes, hours, day of month, month, day of week), or 6 with seconds first, and has {}",
                    fields.len()
                );
                return Err(CronError::new(message));
            }
        };
        let mut weekdays = values(&WEEKDAY, rest[4])?;
        weekdays.bits |= weekdays.bits >> 7 & 1;
        let pattern = Self {
            seconds: values(&SECONDS, second)?,
            minutes: values(&MINUTES, rest[0])?,
            hours: values(&HOURS, rest[1])?,
            days: values(&DAYS, rest[2])?,
            months: values(&MONTH, rest[3])?,
            weekdays,
        };
        if pattern.first_from(ANY_DAY.at(0, 0, 0, 0)).is_none() {
            return Err(CronError::new("never comes: no such day is in such a month"));
        }
        Ok(pattern)
    }

    /// Whether it names times of day, instead of repeating itself within the day.
    pub(super) const fn is_time_of_day(&self) -> bool {
        !(self.seconds.has_star || self.minutes.has_star || self.hours.has_star)
    }

    /// The first time that it names, from this one on.
    pub(super) fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let (mut day, mut time) = (from.date(), from.time());
        for _ in 0..DAYS_MAX {
            if self.has_day(day)
                && let Some(time) = self.first_time_from(time)
            {
                return Some(day.to_datetime(time));
            }
            day = day.tomorrow().ok()?;
            time = Time::midnight();
        }
        None
    }

    /// As cron has it: of the days of the month and of the week, one that says nothing is out of question, and of two that
    /// say something either will do.
    fn has_day(&self, day: Date) -> bool {
        let of_month = self.days.has(day.day()) || self.days.has_last && day == day.last_of_month();
        let of_week = self.weekdays.has(day.weekday().to_sunday_zero_offset());
        let is_either = !self.days.is_any && !self.weekdays.is_any;
        self.months.has(day.month()) && if is_either { of_month || of_week } else { of_month && of_week }
    }

    fn first_time_from(&self, from: Time) -> Option<Time> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        let (hours, minutes, seconds) = (self.hours, self.minutes, self.seconds);
        let parts = if let Some(second) = seconds.first_from(second).filter(|_| hours.has(hour) && minutes.has(minute))
        {
            (hour, minute, second)
        } else if let Some(minute) = minutes.first_from(minute + 1).filter(|_| hours.has(hour)) {
            (hour, minute, seconds.first())
        } else {
            (hours.first_from(hour + 1)?, minutes.first(), seconds.first())
        };
        Time::new(parts.0, parts.1, parts.2, 0).ok()
    }
}

fn values(field: &Field, text: &str) -> Result<Values, CronError> {
    let mut values = Values { is_any: text == "*" || (field.is_day && text == "?"), ..Values::default() };
    for item in text.split(',') {
        if field.has_last && item.eq_ignore_ascii_case("L") {
            values.has_last = true;
            continue;
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step_of(field, item, step)?)),
            None => (item, None),
        };
        let (first, last) = if range == "*" || (field.is_day && range == "?") {
            values.has_star = true;
            (field.first, if field.names.len() == WEEKDAYS.len() { 6 } else { field.last })
        } else if let Some((first, last)) = range.split_once('-') {
            range_of(field, item, first, last)?
        } else if step.is_some() {
            let advice = format!("say where `{item}` ends: `{range}-{}/…`", field.last);
            return Err(wrong(field, &advice));
        } else {
            let value = value(field, item, range)?;
            (value, value)
        };
        (first..=last).step_by(step.unwrap_or(1)).for_each(|value| values.bits |= 1 << value);
    }
    Ok(values)
}

fn range_of(field: &Field, item: &str, first: &str, last: &str) -> Result<(u8, u8), CronError> {
    let is_sunday = field.names.len() == WEEKDAYS.len() && last.eq_ignore_ascii_case(WEEKDAYS[0]);
    let (first, last) = (value(field, item, first)?, if is_sunday { 7 } else { value(field, item, last)? });
    if first > last {
        return Err(wrong(field, &format!("`{item}` runs backwards: write it as two ranges")));
    }
    Ok((first, last))
}

fn step_of(field: &Field, item: &str, step: &str) -> Result<usize, CronError> {
    let number = step.parse::<u8>().ok().filter(|step| (1..=field.last).contains(step));
    number.map(usize::from).ok_or_else(|| wrong(field, &format!("the step of `{item}` must be 1 to {}", field.last)))
}

fn value(field: &Field, item: &str, text: &str) -> Result<u8, CronError> {
    if let Some(index) = field.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(field.first + u8::try_from(index).unwrap_or(0));
    }
    // Rust also reads "+5".
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.filter(|number| (field.first..=field.last).contains(number)).ok_or_else(|| {
        let named = field.names.first().map_or_else(String::new, |name| format!(" or a name like {name}"));
        wrong(field, &format!("`{item}` must be {} to {}{named}", field.first, field.last))
    })
}

fn wrong(field: &Field, message: &str) -> CronError {
    CronError::new(format!("{}: {message}", field.name))
}
