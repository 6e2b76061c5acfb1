//! Timers that go off early, twice, or never.

use homing_contract::queue::encode;
use homing_domain::DueTick;
use homing_ports::{Outgoing, QueueName, Result, Timers};

use super::Weak;

impl Timers for Weak {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        self.call("set a timer", move |state| {
            state.check.timers.insert(tick.message);
            let faults = state.faults;
            if state.strikes(faults.timer_lost, "timer is lost") {
                return Ok(());
            }
            let copies = if state.strikes(faults.timer_repeat, "timer goes off twice") { 2 } else { 1 };
            for _ in 0..copies {
                let early = if state.strikes(faults.timer_early, "timer goes off early") {
                    state.random.below(faults.timer_early_by)
                } else {
                    0
                };
                let delay = tick.at.since(state.now).saturating_sub(early);
                state.send_one(QueueName::Due, &Outgoing { body: encode(&tick), delay, group: None });
            }
            Ok(())
        })
        .await
    }
}
