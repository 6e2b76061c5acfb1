//! Names of the resources that a process may use. The templates set them as environment variables; a function gets only
//! those that it needs, and its permissions name the same resources.

use homing_domain::Millis;
use homing_ports::QueueName;

/// Which resources there are. What is `None` was not given to this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// Table of mailboxes (`HOMING_TABLE_MAILBOXES`).
    pub mailboxes: Option<String>,
    /// Table of messages and the pages of their audiences (`HOMING_TABLE_MESSAGES`).
    pub messages: Option<String>,
    /// Table of delivery rows and numbers (`HOMING_TABLE_LEDGER`).
    pub ledger: Option<String>,
    /// Table of apps, devices, users, settings, leases, upstream messages, and what vendors' channels need
    /// (`HOMING_TABLE_DIRECTORY`).
    pub directory: Option<String>,
    /// URLs of the work queues, in the order of [`QueueName::ALL`] (`HOMING_QUEUE_…`).
    pub queues: [Option<String>; QueueName::ALL.len()],
    /// URLs of their dead-letter queues, in the same order (`HOMING_DEAD_…`).
    pub dead: [Option<String>; QueueName::ALL.len()],
    /// Start of the names of the gateways' own queues; 16 hex digits of the server id follow
    /// (`HOMING_GATEWAY_QUEUE_PREFIX`).
    pub gateway_queue_prefix: Option<String>,
    /// Name of the event bus (`HOMING_EVENT_BUS`).
    pub event_bus: Option<String>,
    /// Name of the group of schedules (`HOMING_SCHEDULE_GROUP`).
    pub schedule_group: Option<String>,
    /// Role that a schedule takes to send its tick (`HOMING_SCHEDULE_ROLE_ARN`).
    pub schedule_role_arn: Option<String>,
    /// ARN of the queue that ticks go to (`HOMING_DUE_QUEUE_ARN`).
    pub due_queue_arn: Option<String>,
    /// A timer that is nearer waits in the queue itself; a later one is EventBridge Scheduler's. `None` = the longest that
    /// SQS can, 15 minutes. No resource, hence not read by [`AwsSettings::from_lookup`].
    pub timer_in_queue_max: Option<Millis>,
}

impl AwsSettings {
    /// Every name that [`AwsSettings::from_lookup`] asks for.
    #[must_use]
    pub fn names() -> Vec<String> {
        let names = std::cell::RefCell::new(Vec::new());
        let _: Self = Self::from_lookup(|name| {
            names.borrow_mut().push(name.to_owned());
            None
        });
        names.into_inner()
    }

    /// Reads the settings by name, as from the environment. An empty value counts as missing.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let of_queue = |kind: &str, queue: QueueName| get(&format!("HOMING_{kind}_{}", queue.name().to_uppercase()));
        Self {
            mailboxes: get("HOMING_TABLE_MAILBOXES"),
            messages: get("HOMING_TABLE_MESSAGES"),
            ledger: get("HOMING_TABLE_LEDGER"),
            directory: get("HOMING_TABLE_DIRECTORY"),
            queues: QueueName::ALL.map(|queue| of_queue("QUEUE", queue)),
            dead: QueueName::ALL.map(|queue| of_queue("DEAD", queue)),
            gateway_queue_prefix: get("HOMING_GATEWAY_QUEUE_PREFIX"),
            event_bus: get("HOMING_EVENT_BUS"),
            schedule_group: get("HOMING_SCHEDULE_GROUP"),
            schedule_role_arn: get("HOMING_SCHEDULE_ROLE_ARN"),
            due_queue_arn: get("HOMING_DUE_QUEUE_ARN"),
            timer_in_queue_max: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_an_empty_value_is_none() {
        let all = AwsSettings::from_lookup(|name| Some(format!("<{name}>")));
        assert_eq!(all.ledger.as_deref(), Some("<HOMING_TABLE_LEDGER>"));
        assert_eq!(all.queues[QueueName::Dispatch as usize].as_deref(), Some("<HOMING_QUEUE_DISPATCH>"));
        assert_eq!(all.dead[QueueName::Intake as usize].as_deref(), Some("<HOMING_DEAD_INTAKE>"));
        assert_eq!(AwsSettings::from_lookup(|_| Some(String::new())), AwsSettings::default());
        assert_eq!(AwsSettings::names().len(), 9 + 2 * QueueName::ALL.len());
    }
}
