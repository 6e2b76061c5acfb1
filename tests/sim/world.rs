//! One world: its actors, its agenda, and the loop that moves it from one step to the next.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use homing_domain::{AppId, Millis, UnixMillis};
use homing_tests::weak::{Coverage, Executor, Faults, Owner, Random, State, Stepped, Weak};

use crate::agenda::{Agenda, Event};
use crate::device::Device;
use crate::errand::Errand;
use crate::gateway::{Done, Gateway};
use crate::mutant::Mutant;
use crate::plan::Plan;
use crate::publisher::Request;
use crate::stages::Worker;
use crate::wire::Wires;

/// What tasks of a world report when a port call is answered.
pub(crate) type Answers = Rc<RefCell<VecDeque<Answer>>>;

/// An answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a gateway, in one life of it.
    Gateway(usize, Owner, Box<Done>),
    /// A request was answered, with 202 or with an error.
    Published(usize, bool),
    /// An operator's job is done, or has to be done again.
    Errand(usize, bool),
    /// Something must not have happened.
    Violated(String),
}

/// How leases are renewed: often while things happen, seldom once the world rests.
#[derive(Debug)]
pub(crate) struct LeasePace {
    pub(crate) every: Cell<Millis>,
    pub(crate) valid_for: Cell<Millis>,
}

/// A world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) weak: Weak,
    pub(crate) executor: Executor,
    pub(crate) random: Random,
    pub(crate) plan: Plan,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) agenda: Agenda,
    pub(crate) answers: Answers,
    pub(crate) wires: Wires,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) devices: Vec<Device>,
    pub(crate) requests: Vec<Request>,
    pub(crate) errands: Vec<Errand>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) app: AppId,
    pub(crate) pace: Rc<LeasePace>,
    pub(crate) is_resting: bool,
    /// Since when there are no faults any more, for good.
    pub(crate) rests_since: Option<UnixMillis>,
    pub(crate) operations: u32,
    pub(crate) bursts: u32,
    /// Steps of any kind so far.
    pub(crate) steps: u64,
    pub(crate) next_owner: Owner,
}

/// A world that takes more steps than this is going round in circles.
const STEPS_MAX: u64 = 3_000_000;

impl World {
    /// The present.
    pub(crate) fn now(&self) -> UnixMillis {
        self.weak.lock().now
    }

    /// The state of the ports.
    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.weak.lock()
    }

    /// The ports, as stages want them.
    pub(crate) fn ports(&self) -> Arc<Weak> {
        Arc::new(self.weak.clone())
    }

    /// Counts something met.
    pub(crate) fn hit(&self, kind: &'static str, name: &'static str) {
        self.weak.lock().coverage.hit(kind, name);
    }

    /// A line of the trace.
    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        self.weak.lock().trace(line);
    }

    /// A broken promise.
    pub(crate) fn violated(&self, what: String) {
        self.weak.lock().check.violated(what);
    }

    /// Whether this fault is built in.
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// A number of its own for a new group of tasks.
    pub(crate) fn new_owner(&mut self) -> Owner {
        self.next_owner += 1;
        self.next_owner
    }

    /// Lets something happen later.
    pub(crate) fn after(&mut self, delay: Millis, event: Event) {
        let at = self.now().plus(delay);
        self.at(at, event);
    }

    /// Lets something happen at a time.
    pub(crate) fn at(&mut self, at: UnixMillis, event: Event) {
        let tie = self.random.next_u64();
        self.agenda.add(at, tie, event);
    }

    /// Moves on until `until`, or until something is found to be wrong.
    pub(crate) fn run_until(&mut self, until: UnixMillis) {
        while self.step(until) {
            if self.steps > STEPS_MAX {
                self.violated(format!("no rest after {STEPS_MAX} steps"));
                return;
            }
        }
    }

    /// One step. False = `until` is reached, or something is wrong.
    fn step(&mut self, until: UnixMillis) -> bool {
        self.steps += 1;
        if !self.state().check.violations.is_empty() {
            return false;
        }
        match self.executor.step() {
            Stepped::Ran => {
                self.take_answers();
                self.let_vendors_bring();
            }
            Stepped::Crashed(owner) => {
                self.take_answers();
                self.crashed(owner);
            }
            Stepped::Idle => return self.next_moment(until),
        }
        true
    }

    fn next_moment(&mut self, until: UnixMillis) -> bool {
        let timer = self.state().timers.next_at();
        let event = self.agenda.next_at();
        let Some(next) = [timer, event].into_iter().flatten().min().filter(|next| *next <= until) else {
            let mut state = self.state();
            state.now = state.now.max(until);
            return false;
        };
        {
            let mut state = self.state();
            state.now = state.now.max(next);
        }
        if timer == Some(next) {
            let waker = self.state().timers.pop();
            if let Some(waker) = waker {
                waker.wake();
            }
        } else if let Some(event) = self.agenda.pop() {
            self.happen(event);
            self.take_answers();
        }
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(wire, end, bytes) => self.arrive(wire, end, &bytes),
            Event::Over(wire, end) => self.over(wire, end),
            Event::LinkTimer(gateway, owner, link) => self.link_timer(gateway, owner, link),
            Event::Flush(gateway, owner) => self.flush(gateway, owner),
            Event::Count(gateway, owner) => self.send_counts(gateway, owner),
            Event::VendorBrings(device, message) => self.vendor_brings(device, message),
            Event::StartGateway(gateway) => self.start_gateway(gateway),
            Event::StopGateway(gateway, incarnation) => self.finish_drain(gateway, incarnation),
            Event::Connect(device, life) => self.connect(device, life),
            Event::DeviceTimer(device, life, wire) => self.device_timer(device, life, wire),
            Event::Committed(device, life, number) => self.committed(device, life, number),
            Event::AppCalled(device, life, message, seq) => self.app_called(device, life, message, seq),
            Event::AppDone(device, life, message) => self.app_done(device, life, message),
            Event::StartDevice(device) => self.start_device(device),
            Event::Publish(request) => self.publish(request),
            Event::Errand(errand) => self.run_errand(errand),
            Event::StartWorker(worker) => self.start_worker(worker),
            Event::Operate => self.operate(),
        }
    }

    fn take_answers(&mut self) {
        loop {
            let Some(answer) = self.answers.borrow_mut().pop_front() else { return };
            match answer {
                Answer::Gateway(gateway, owner, done) => self.gateway_answer(gateway, owner, *done),
                Answer::Published(request, is_accepted) => self.published(request, is_accepted),
                Answer::Errand(errand, is_done) => self.errand_answer(errand, is_done),
                Answer::Violated(what) => self.violated(what),
            }
        }
    }

    /// A worker, an intake or an operator's job died at a pause.
    fn crashed(&mut self, owner: Owner) {
        self.trace(|| format!("crash of task group {owner}"));
        if let Some(worker) = self.workers.iter().position(|worker| worker.owner == owner) {
            self.executor.kill(owner);
            let delay = self.random.between(1, 2_000);
            self.after(delay, Event::StartWorker(worker));
        } else if let Some(request) = self.requests.iter().position(|request| request.owner == owner) {
            let delay = self.random.between(10, 3_000);
            self.after(delay, Event::Publish(request));
        } else if let Some(errand) = self.errands.iter().position(|errand| errand.owner == owner) {
            let delay = self.random.between(10, 3_000);
            self.after(delay, Event::Errand(errand));
        }
    }

    /// Faults end; what runs goes on, and everything that is down comes back.
    pub(crate) fn calm_down(&mut self) {
        self.is_resting = true;
        self.state().faults = Faults::NONE;
        self.trace(|| "faults are off".to_owned());
    }

    /// What was met.
    pub(crate) fn coverage(&self) -> Coverage {
        self.state().coverage.clone()
    }
}
