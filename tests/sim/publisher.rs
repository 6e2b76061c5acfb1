//! Publishers: they repeat a request under the same key until it is answered.

use bytes::Bytes;
use homing_contract::http::v1::ValidPush;
use homing_domain::{
    Audience, AudienceJob, Control, Cursor, Exclusion, Message, MessageId, Millis, Options, Schedule, Stage, UnixMillis,
};
use homing_intake::{Acceptance, accept};
use homing_ports::{Accepted, Clock, Messages, Outgoing, QueueName, Queues};
use homing_tests::weak::{Owner, Weak};

use crate::agenda::Event;
use crate::mutant::Mutant;
use crate::world::{Answer, World};

/// What a publisher wants to send.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) audience: Audience,
    pub(crate) exclude: Exclusion,
    pub(crate) options: Options,
    pub(crate) payload: Bytes,
    pub(crate) schedule: Schedule,
    pub(crate) release_at: Option<UnixMillis>,
}

impl Draft {
    /// At once, to all of the audience.
    pub(crate) fn new(audience: Audience, options: Options, payload: Bytes) -> Self {
        let (exclude, schedule) = (Exclusion::default(), Schedule::Now);
        Self { audience, exclude, options, payload, schedule, release_at: None }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) owner: Owner,
    pub(crate) id: MessageId,
    pub(crate) draft: Draft,
    pub(crate) is_answered: bool,
    /// Its publisher dies after the first try and never asks again.
    pub(crate) gives_up: bool,
    pub(crate) tries: u32,
}

impl World {
    /// A new request.
    pub(crate) fn request(&mut self, draft: Draft, delay: Millis) {
        let gives_up = self.random.per_mille(60);
        let index = self.requests.len();
        let id = homing_credentials::message_id(&self.app, &key(index));
        self.requests.push(Request { owner: 0, id, draft, is_answered: false, gives_up, tries: 0 });
        self.after(delay, Event::Publish(index));
    }

    /// Sends a request, again if it was not answered.
    pub(crate) fn publish(&mut self, index: usize) {
        let owner = self.new_owner();
        let request = &mut self.requests[index];
        if request.is_answered || request.gives_up && request.tries > 0 {
            return;
        }
        request.tries += 1;
        request.owner = owner;
        let request = request.clone();
        let (weak, answers, app) = (self.weak.clone(), self.answers.clone(), self.app.clone());
        let skips_job = self.is(Mutant::AnswerBeforeJob);
        self.hit("publisher", if request.tries > 1 { "repeats" } else { "asks" });
        self.trace(|| format!("request {index} {} try {}: {:?}", request.id, request.tries, request.draft));
        self.executor.spawn(owner, true, async move {
            let draft = request.draft;
            let push = ValidPush {
                audience: draft.audience,
                exclude: draft.exclude,
                payload: draft.payload,
                localizations: Vec::new(),
                overrides: Vec::new(),
                options: draft.options,
                schedule: draft.schedule,
                release_at: draft.release_at,
                validate_only: false,
            };
            let key = key(index);
            let acceptance =
                Acceptance { app: &app, push, body_sha256: [7; 32], idempotency_key: Some(&key), sent_at: weak.now() };
            let is_accepted = if skips_job {
                accept_without_waiting(&weak, acceptance, request.id).await
            } else {
                accept(&weak, &weak, weak.now(), acceptance).await.is_ok()
            };
            answers.borrow_mut().push_back(Answer::Published(index, is_accepted));
        });
    }

    /// A request was answered.
    pub(crate) fn published(&mut self, index: usize, is_accepted: bool) {
        if !is_accepted {
            self.hit("publisher", "is refused for now");
            let delay = self.random.between(100, 3_000);
            return self.after(delay, Event::Publish(index));
        }
        self.hit("publisher", "is answered 202");
        let id = self.requests[index].id;
        self.trace(|| format!("request {index} {id} is answered 202"));
        // The answer may be lost on its way: the publisher asks again.
        if !self.is_resting && self.random.per_mille(80) {
            self.hit("publisher", "misses its answer");
            let delay = self.random.between(100, 3_000);
            return self.after(delay, Event::Publish(index));
        }
        self.requests[index].is_answered = true;
        let mut state = self.state();
        let is_safe = match state.messages.rows.get(&id).map(|message| message.stage) {
            // One that was amended to go at once has its job from whoever amended it.
            Some(Stage::Accepted) => state.check.jobs.contains(&id) || state.check.timers.contains(&id),
            Some(Stage::Scheduled) => state.check.timers.contains(&id),
            Some(_) => true,
            None => false,
        };
        if !is_safe {
            state.check.violated(format!("{id} is answered 202, but its row, its job or its timer is not durable"));
        }
    }
}

/// The wrong order: the answer does not wait for the job.
async fn accept_without_waiting(weak: &Weak, acceptance: Acceptance<'_>, id: MessageId) -> bool {
    let now = weak.now();
    let message = Message {
        id,
        app: acceptance.app.clone(),
        audience: acceptance.push.audience,
        payload: acceptance.push.payload,
        expires_at: now.plus(u64::from(acceptance.push.options.ttl_seconds) * 1_000),
        options: acceptance.push.options,
        body_sha256: acceptance.body_sha256,
        accepted_at: now,
        release_at: None,
        stage: Stage::Accepted,
        releasing_at: None,
        released_at: None,
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    };
    match weak.accept(message).await {
        Ok(Accepted::New) => {
            let body =
                homing_contract::queue::encode(&AudienceJob { message: id, segment: None, cursor: Cursor::Start });
            drop(weak.send(QueueName::Audience, vec![Outgoing::now(body)]).await);
            true
        }
        Ok(Accepted::Existing(_)) => true,
        Err(_) => false,
    }
}

fn key(index: usize) -> String {
    format!("request-{index}")
}
