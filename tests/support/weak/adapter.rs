//! The adapter's state, and the one way in which every port call goes through it.

use std::sync::{Arc, Mutex, MutexGuard};

use homing_domain::{BusEvent, Millis, UnixMillis};
use homing_ports::{Clock, Entropy, Error, Fault, Result};

use super::audiences::AudienceState;
use super::devices::DeviceState;
use super::feeds::FeedState;
use super::gateways::GatewayState;
use super::ledger::LedgerState;
use super::mailboxes::MailboxState;
use super::messages::MessageState;
use super::notices::NoticeState;
use super::settings::SettingsState;
use super::time::Pause;
use super::tokens::TokenState;
use super::upstreams::UpstreamState;
use super::vendors::VendorState;
use super::{Check, Coverage, Faults, QueueState, Random, Timers, Weakness};

/// Everything that the ports hold, with the time and the dice.
#[derive(Debug)]
pub struct State {
    /// The present.
    pub now: UnixMillis,
    /// The dice.
    pub random: Random,
    /// How weak it is at present.
    pub faults: Faults,
    /// Which promise it breaks, for mutants.
    pub weakness: Weakness,
    /// Who sleeps.
    pub timers: Timers,
    /// What was met.
    pub coverage: Coverage,
    /// What must hold at each step.
    pub check: Check,
    /// What happened, when a run is replayed.
    pub trace: Option<Vec<String>>,
    /// Message rows and shards.
    pub messages: MessageState,
    /// Mailboxes.
    pub mailboxes: MailboxState,
    /// Work queues.
    pub queues: QueueState,
    /// Delivery rows and numbers.
    pub ledger: LedgerState,
    /// The directory.
    pub devices: DeviceState,
    /// Uploaded lists.
    pub audiences: AudienceState,
    /// Inboxes of gateways.
    pub notices: NoticeState,
    /// Leases.
    pub gateways: GatewayState,
    /// Settings and apps.
    pub settings: SettingsState,
    /// Messages from devices.
    pub upstreams: UpstreamState,
    /// Feeds.
    pub feeds: FeedState,
    /// What vendors were asked.
    pub vendors: VendorState,
    /// Whose vendors' tokens are.
    pub tokens: TokenState,
    /// What the event bus was told.
    pub told: Vec<BusEvent>,
}

impl State {
    /// Writes a line of the trace, if there is one.
    pub fn trace(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9} {}", self.now.0.saturating_sub(Weak::START.0), line()));
        }
    }

    /// Whether a fault with this chance happens now; counts it.
    pub(super) fn strikes(&mut self, chance: u32, name: &'static str) -> bool {
        let strikes = self.random.per_mille(chance);
        if strikes {
            self.coverage.hit("fault", name);
        }
        strikes
    }

    fn latency(&mut self) -> Millis {
        let faults = self.faults;
        if self.strikes(faults.slow, "slow call") { self.random.below(faults.slow_for) } else { self.random.below(4) }
    }
}

/// The adapter of all ports. Clones share one state.
#[derive(Clone, Debug)]
pub struct Weak {
    state: Arc<Mutex<State>>,
}

impl Weak {
    /// When every run begins: a round number that is easy to read in a trace.
    pub const START: UnixMillis = UnixMillis(1_800_000_000_000);

    /// An empty world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            now: Self::START,
            random: Random::new(seed),
            faults: Faults::NONE,
            weakness: Weakness::None,
            timers: Timers::default(),
            coverage: Coverage::default(),
            check: Check::default(),
            trace: None,
            messages: MessageState::default(),
            mailboxes: MailboxState::default(),
            queues: QueueState::default(),
            ledger: LedgerState::default(),
            devices: DeviceState::default(),
            audiences: AudienceState::default(),
            notices: NoticeState::default(),
            gateways: GatewayState::default(),
            settings: SettingsState::default(),
            upstreams: UpstreamState::default(),
            feeds: FeedState::default(),
            vendors: VendorState::default(),
            tokens: TokenState::default(),
            told: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The state, for the world that drives the run and for its checks.
    ///
    /// # Panics
    /// When a thread panicked while it held it.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("one thread")
    }

    /// Lets virtual time pass.
    pub fn sleep(&self, span: Millis) -> impl Future<Output = ()> + Send + use<> {
        Pause::new(Arc::clone(&self.state), span)
    }

    /// A port call whose answer always arrives; it may be slow all the same.
    pub(super) async fn call_surely<T: Send>(&self, effect: impl FnOnce(&mut State) -> Result<T> + Send) -> Result<T> {
        let before = self.lock().latency();
        self.sleep(before).await;
        effect(&mut self.lock())
    }

    /// One port call: a pause, perhaps a failure, the effect, perhaps a failure all the same, a pause.
    pub(super) async fn call<T: Send>(
        &self,
        operation: &'static str,
        effect: impl FnOnce(&mut State) -> Result<T> + Send,
    ) -> Result<T> {
        let before = self.lock().latency();
        self.sleep(before).await;
        let (answer, after) = {
            let mut state = self.lock();
            let answer = state.attempt(operation, effect);
            if answer.is_err() {
                state.trace(|| format!("  {operation} fails"));
            }
            (answer, state.latency())
        };
        self.sleep(after).await;
        answer
    }
}

impl State {
    /// The effect with its faults, without the pauses.
    pub(super) fn attempt<T>(
        &mut self,
        operation: &'static str,
        effect: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let faults = self.faults;
        if self.strikes(faults.fail_before, "call fails before its effect") {
            return Err(Error::new(Fault::Retry, operation));
        }
        let answer = effect(self);
        if answer.is_ok() && self.strikes(faults.fail_after, "call fails after its effect") {
            return Err(Error::new(Fault::Retry, operation));
        }
        answer
    }
}

impl Clock for Weak {
    fn now(&self) -> UnixMillis {
        self.lock().now
    }
}

impl Entropy for Weak {
    fn random_16(&self) -> [u8; 16] {
        self.lock().random.bytes_16()
    }
}
