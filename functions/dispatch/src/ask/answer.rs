//! What a vendor's answers mean for each device, by the app's policy.

use std::collections::BTreeMap;
use std::ops::Range;

use homing_channels::{Answers, CarryError, Class, EncodeError, Failure, Outcome};
use homing_directory::VENDOR_CLEANING_STOPPED as CLEANING_STOPPED;
use homing_domain::{BusEvent, ChannelPolicy, Millis, UnixMillis, VendorAnswer, VendorPush};
use homing_telemetry::{CleaningStopped, CredentialRefused, QuotaSpent};

use super::lines::Line;

/// A credential that is refused is not asked with again for so long: somebody has to look at it first, and most vendors block
/// whoever keeps trying.
pub(super) const REFUSED_CREDENTIAL_WAIT: Millis = 600_000;
/// A quota that is spent, and the vendor does not say until when: a window is a minute or a day.
pub(super) const QUOTA_WAIT: Millis = 600_000;
/// Of so many devices at least, [`WHOLE_BATCH_PERCENT`] with what may be ours ([`Outcome::may_be_ours`]): the fault is in the app's settings.
pub(super) const WHOLE_BATCH_MIN: usize = 10;
/// See [`WHOLE_BATCH_MIN`].
const WHOLE_BATCH_PERCENT: usize = 90;

/// What became of one device.
#[derive(Clone, Debug)]
struct Verdict {
    answer: VendorAnswer,
    /// For the metrics.
    outcome: &'static str,
    /// Whether its token would be fine if all others had the same fault.
    is_ours_if_all: bool,
}

impl Verdict {
    const fn new(outcome: &'static str, answer: VendorAnswer) -> Self {
        Self { answer, outcome, is_ours_if_all: false }
    }
}

/// Judges the devices of one push.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    policy: &'a ChannelPolicy,
    attempt: u32,
    /// Whether it is asked to find out if an outage is over.
    is_probe: bool,
    /// Whether the vendor may be asked again although it may have it.
    may_repeat: bool,
    jitter: u32,
    since: UnixMillis,
    verdicts: Vec<Option<Verdict>>,
    paused_until: Option<UnixMillis>,
    refused_credential: Option<String>,
    misconfigured: Option<String>,
    spared: usize,
}

impl<'a> Judge<'a> {
    /// `since` = when the vendor was asked: what it says of tokens holds as of then.
    pub(super) fn new(
        push: &VendorPush,
        policy: &'a ChannelPolicy,
        drops_repeats: bool,
        jitter: u32,
        since: UnixMillis,
    ) -> Self {
        Self {
            policy,
            attempt: push.attempt,
            is_probe: false,
            may_repeat: drops_repeats || policy.repeats_unanswered,
            jitter,
            since,
            verdicts: vec![None; push.to.len()],
            paused_until: None,
            refused_credential: None,
            misconfigured: None,
            spared: 0,
        }
    }

    /// It is asked only to find out whether an outage is over.
    pub(super) const fn probes(mut self, is_probe: bool) -> Self {
        self.is_probe = is_probe;
        self
    }

    /// From this device on, those that nothing is said of yet are not asked for now.
    pub(super) fn busy_from(&mut self, first: usize, wait: Millis) {
        for verdict in self.verdicts.iter_mut().skip(first).filter(|verdict| verdict.is_none()) {
            *verdict = Some(Verdict::new("busy", VendorAnswer::Busy(wait)));
        }
    }

    /// Nobody can be asked for with what the app has stored.
    pub(super) fn credential_unusable(&mut self, why: &str) {
        let outcome = Outcome::of(Class::AuthError, why);
        self.take(0..self.verdicts.len(), Ok(Answers::all(&outcome, self.verdicts.len())));
    }

    /// The message cannot be read, and never will be.
    pub(super) fn undecodable(&mut self, why: &str) {
        tracing::error!(why, "a message cannot be brought by any vendor");
        self.fill(0..self.verdicts.len(), &Verdict::new(Class::BadRequest.name(), VendorAnswer::Refused));
    }

    /// Takes in what came of the request for these devices.
    pub(super) fn take(&mut self, devices: Range<usize>, answer: Result<Answers, Failure>) {
        match answer {
            Ok(answers) => self.answered(devices, &answers),
            Err(Failure::NoAccess(answers)) if matches!(answers.class, Class::Retry | Class::RetryLater) => {
                tracing::info!(code = answers.code, "a vendor gives no access for now");
                // Nobody was asked for these devices, so that was no try: all jobs fail by one request for access, and an outage
                // of it is not to use up the tries of every message.
                let wait = self.wait(answers.retry_after);
                self.fill(devices, &Verdict::new(answers.class.name(), VendorAnswer::Busy(wait)));
            }
            Err(Failure::NoAccess(answers)) => {
                // What a vendor says of its tokens when it gives no access is not about devices.
                self.answered(devices, &Answers { targets: Vec::new(), ..*answers });
            }
            Err(Failure::Carry(CarryError::Unsent(why))) => {
                tracing::info!(why, "a vendor was not reached");
                let verdict = Verdict::new("unsent", self.next_try(None, VendorAnswer::Refused));
                self.fill(devices, &verdict);
            }
            Err(Failure::Carry(CarryError::Unknown(why))) => {
                tracing::info!(why, "a vendor did not answer");
                let silent = VendorAnswer::Unknown;
                let answer = if self.may_repeat { self.next_try(None, silent) } else { silent };
                self.fill(devices, &Verdict::new("unknown", answer));
            }
            Err(Failure::Encode(EncodeError::Misused(why))) => {
                let outcome = Outcome::of(Class::AuthError, why);
                self.answered(devices, &Answers::all(&outcome, 0));
            }
            Err(Failure::Encode(error @ (EncodeError::Refused(_) | EncodeError::Unsupported(_)))) => {
                tracing::warn!(%error, "a message cannot be put into a vendor's words");
                self.fill(devices, &Verdict::new(Class::BadRequest.name(), VendorAnswer::Refused));
            }
        }
    }

    fn answered(&mut self, devices: Range<usize>, answers: &Answers) {
        let whole = Outcome::of(answers.class, answers.code.clone());
        if answers.class == Class::Quota {
            let until = answers.not_before.unwrap_or_else(|| self.since.plus(QUOTA_WAIT));
            self.paused_until = self.paused_until.max(Some(until));
        }
        for (at, device) in devices.enumerate() {
            let verdict = self.verdict(answers, answers.targets.get(at).unwrap_or(&whole));
            self.verdicts[device] = Some(verdict);
        }
    }

    fn verdict(&mut self, answers: &Answers, outcome: &Outcome) -> Verdict {
        let answer = match outcome.class {
            Class::Accepted => VendorAnswer::Accepted,
            Class::InvalidToken if outcome.cleans => VendorAnswer::InvalidToken(outcome.as_of.unwrap_or(self.since)),
            // Out of the vendor's hours, which may be longer than all tries together.
            Class::RetryLater | Class::Retry if answers.not_before.is_some_and(|at| at > self.since) => {
                VendorAnswer::Busy(answers.not_before.map_or(QUOTA_WAIT, |at| at.since(self.since)))
            }
            Class::RetryLater | Class::Retry => self.next_try(answers.retry_after, VendorAnswer::Refused),
            // The whole app's quota: nobody is asked until it turns, so this is no try.
            Class::Quota if answers.class == Class::Quota => {
                VendorAnswer::Busy(self.paused_until.map_or(QUOTA_WAIT, |until| until.since(self.since)))
            }
            Class::Quota => self.next_try(Some(QUOTA_WAIT), VendorAnswer::Refused),
            Class::AuthError => {
                self.refused_credential.get_or_insert_with(|| outcome.code.clone());
                self.next_try(Some(REFUSED_CREDENTIAL_WAIT), VendorAnswer::Refused)
            }
            // A whole that is partial and says nothing of this device has taken what it does not complain of.
            Class::Partial => VendorAnswer::Accepted,
            Class::InvalidToken | Class::BadRequest | Class::Dropped => VendorAnswer::Refused,
        };
        let is_ours_if_all = matches!(answer, VendorAnswer::InvalidToken(_)) && outcome.may_be_ours;
        if outcome.needs_operator {
            self.misconfigured.get_or_insert_with(|| outcome.code.clone());
        }
        Verdict { answer, outcome: outcome.class.name(), is_ours_if_all }
    }

    /// Another try after the policy's wait, or what the vendor says if that is longer; after the last one, this.
    fn next_try(&self, at_least: Option<Millis>, given_up: VendorAnswer) -> VendorAnswer {
        let wait = self.wait(at_least);
        // Whoever probes an outage for all others does not pay for it.
        if self.is_probe {
            return VendorAnswer::Busy(wait);
        }
        if self.attempt.saturating_add(1) >= self.policy.attempts_max {
            return given_up;
        }
        VendorAnswer::Later(wait)
    }

    fn wait(&self, at_least: Option<Millis>) -> Millis {
        self.policy.wait(self.attempt, self.jitter).max(at_least.unwrap_or(0))
    }

    fn fill(&mut self, devices: Range<usize>, verdict: &Verdict) {
        self.verdicts[devices].fill(Some(verdict.clone()));
    }

    /// Whether the vendor took the message for any device.
    pub(super) fn has_taken(&self) -> bool {
        self.verdicts.iter().flatten().any(|verdict| verdict.answer == VendorAnswer::Accepted)
    }

    /// Leaves tokens alone whose fault may be in the app's settings: where the credential is not known to reach any device
    /// (`reaches`), and where (nearly) all of a batch have it.
    pub(super) fn spare_what_may_be_ours(&mut self, reaches: bool) {
        if !reaches {
            for verdict in self.verdicts.iter_mut().flatten().filter(|verdict| verdict.is_ours_if_all) {
                verdict.answer = VendorAnswer::Refused;
            }
        }
        let asked = self.verdicts.iter().flatten().filter(|verdict| verdict.outcome != "busy").count();
        let ours = self.verdicts.iter().flatten().filter(|verdict| verdict.is_ours_if_all).count();
        if asked < WHOLE_BATCH_MIN || ours * 100 < asked * WHOLE_BATCH_PERCENT {
            return;
        }
        self.spared = ours;
        for verdict in self.verdicts.iter_mut().flatten().filter(|verdict| verdict.is_ours_if_all) {
            verdict.answer = VendorAnswer::Refused;
        }
    }

    /// Until when nobody asks for the app.
    pub(super) const fn paused_until(&self) -> Option<UnixMillis> {
        self.paused_until
    }

    /// What somebody should be told, each once in a while.
    pub(super) fn alerts(&self, line: &Line, now: UnixMillis) -> Vec<BusEvent> {
        let (app, channel) = (&line.app, line.channel);
        let mut alerts = Vec::new();
        let mut tell = |name, detail| alerts.push(BusEvent::Alert { app: Some(app.clone()), name, detail, at: now });
        if let Some(code) = &self.refused_credential
            && line.may_alert(CREDENTIAL_REFUSED, now)
        {
            CredentialRefused { app, channel, code }.emit();
            tell(CREDENTIAL_REFUSED, format!("{channel} refuses the credential of {app}: {code}"));
        }
        if let Some(code) = &self.misconfigured
            && line.may_alert(MISCONFIGURED, now)
        {
            tracing::warn!(%app, %channel, code, "a vendor refuses messages for a setting of the app");
            tell(MISCONFIGURED, format!("{channel} refuses messages of {app} for a setting of the app there: {code}"));
        }
        if self.spared > 0 && line.may_alert(CLEANING_STOPPED, now) {
            CleaningStopped { app, channel, dead: self.spared, seen: self.verdicts.len() }.emit();
            let detail =
                "says of nearly all devices of a batch that their tokens are not this app's: nothing is forgotten";
            tell(CLEANING_STOPPED, format!("{channel} {detail}; look at the credential of {app}"));
        }
        if let Some(until) = self.paused_until
            && line.may_alert(QUOTA_SPENT, now)
        {
            let pause = until.since(now);
            QuotaSpent { app, channel, pause }.emit();
            tell(QUOTA_SPENT, format!("the quota of {app} at {channel} is spent: nobody asks for {pause} ms"));
        }
        alerts
    }

    /// How many devices had which outcome.
    pub(super) fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let mut outcomes = BTreeMap::<_, u64>::new();
        for verdict in self.verdicts.iter().flatten() {
            *outcomes.entry(verdict.outcome).or_default() += 1;
        }
        outcomes.into_iter().collect()
    }

    /// In the order of the devices.
    pub(super) fn into_answers(self) -> Vec<VendorAnswer> {
        let busy = VendorAnswer::Busy(super::PLACES_WAIT);
        self.verdicts.into_iter().map(|verdict| verdict.map_or(busy, |verdict| verdict.answer)).collect()
    }
}

/// Names of alerts: stable, see [`BusEvent::Alert`].
const CREDENTIAL_REFUSED: &str = "vendor_credential_refused";
const MISCONFIGURED: &str = "vendor_misconfigured";
const QUOTA_SPENT: &str = "vendor_quota_spent";
