//! Timers: a delayed item of the queue `due`, or beyond SQS's 15 minutes a one-off schedule that sends the item there.
//!
//! Costs one request either way (`SQS.SendMessageBatch` or `Scheduler.CreateSchedule`). A schedule has a precision of 60 s, so
//! it fires a minute early and the schedule stage waits the rest out; it deletes itself.

use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use homing_contract::queue;
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_domain::{DueTick, Millis, UnixMillis};
use homing_ports::{Clock as _, Error, Fault, Outgoing, QueueName, Queues as _, Result, Timers};

use crate::AwsStore;
use crate::error::in_port;

/// How much earlier than its time a schedule fires, in milliseconds: EventBridge Scheduler's precision.
const SCHEDULE_LEAD: Millis = 60_000;
const OPERATION: &str = "set the timer";

/// `at(2026-11-23T10:00:00)`, in UTC, down to the whole second.
fn expression(at: UnixMillis) -> Result<String> {
    let broken = |error| Error::with_source(Fault::Broken, OPERATION, error);
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    let text = DateTime::from_secs(seconds).fmt(Format::DateTime).map_err(broken)?;
    Ok(format!("at({})", text.trim_end_matches('Z')))
}

/// The same tick has the same name, so that a repeat makes no second schedule.
fn name(tick: &DueTick) -> String {
    format!("due-{}-{}", tick.message, tick.at.0)
}

impl AwsStore {
    async fn create_schedule(&self, tick: &DueTick) -> Result<()> {
        let broken = |error| Error::with_source(Fault::Broken, OPERATION, error);
        let settings = &self.shared.settings;
        let group = self.setting(&settings.schedule_group, "HOMING_SCHEDULE_GROUP", OPERATION)?;
        let role = self.setting(&settings.schedule_role_arn, "HOMING_SCHEDULE_ROLE_ARN", OPERATION)?;
        let queue = self.setting(&settings.due_queue_arn, "HOMING_DUE_QUEUE_ARN", OPERATION)?;
        let target = Target::builder()
            .arn(queue)
            .role_arn(role)
            .input(String::from_utf8_lossy(&queue::encode(tick)))
            .build()
            .map_err(broken)?;
        let exact = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().map_err(broken)?;
        let asked = self
            .shared
            .scheduler
            .create_schedule()
            .name(name(tick))
            .group_name(group)
            .schedule_expression(expression(UnixMillis(tick.at.0.saturating_sub(SCHEDULE_LEAD)))?)
            .schedule_expression_timezone("UTC")
            .flexible_time_window(exact)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target);
        match asked.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conflict_exception()) => Ok(()),
            Err(error) => Err(in_port(OPERATION, error)),
        }
    }
}

impl Timers for AwsStore {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        let delay = tick.at.since(self.now());
        let in_queue = self.shared.settings.timer_in_queue_max.unwrap_or(QUEUE_DELAY_MAX).min(QUEUE_DELAY_MAX);
        if delay > in_queue {
            return self.create_schedule(&tick).await;
        }
        self.send(QueueName::Due, vec![Outgoing { delay, ..Outgoing::now(queue::encode(&tick)) }]).await
    }
}

#[cfg(test)]
mod tests {
    use homing_domain::MessageId;

    use super::*;

    #[test]
    fn a_schedule_is_named_and_timed_as_aws_takes_it() {
        let tick = DueTick { message: MessageId::from_bytes([255; 16]), at: UnixMillis(u64::MAX >> 8) };
        let name = name(&tick);
        assert!(name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{name}");
        assert_eq!(expression(UnixMillis(1_700_000_000_999)).unwrap(), "at(2023-11-14T22:13:20)");
    }
}
