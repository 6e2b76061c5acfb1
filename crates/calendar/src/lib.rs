//! When a wall clock shows a time: cron expressions, local times, quiet hours.
//!
//! Everything that needs the time zone database is here, as pure functions: the present comes in as an argument. A gap in
//! a day (clocks go forward) moves a time that does not exist to the moment after it; a time that comes twice (clocks go
//! back) means the first (RFC 5545 §3.3.5).
//!
//! **Must not know**: stores, queues, messages, HTTP, a clock.

mod cron;
mod quiet_hours;
mod wall_time;
mod zone;

pub use cron::{CronError, check_cron, next_occurrence};
pub use quiet_hours::quiet_until;
pub use wall_time::{earliest_on_earth, instant_in, latest_on_earth};
pub use zone::{UnknownZone, check_zone};
