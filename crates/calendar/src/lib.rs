//! When a wall clock shows a time: cron expressions, local times, quiet hours.
//!
//! Everything that needs the time zone database is here, as pure functions: the present comes in as an argument. One rule
//! for the two days a year on which clocks are changed: a time has come **when a clock first shows it or a later one**. So a
//! time that comes twice (clocks go back) means the first, and one that is left out (clocks go forward) means the moment at
//! which they go forward. RFC 5545 agrees on the first, and would send the second as much later as the clocks moved.
//! What a cron expression repeats within the day has a rule of its own: see [`next_occurrence`].
//!
//! **Must not know**: stores, queues, messages, HTTP, a clock.

mod cron;
mod quiet_hours;
mod wall_time;
mod zone;

pub use cron::{CRON_MAX_BYTES, CronError, check_cron, next_occurrence};
pub use quiet_hours::quiet_until;
pub use wall_time::{earliest_on_earth, instant_in, latest_on_earth};
pub use zone::{UnknownZone, check_zone};
