//! Pushes to single devices of eight vendors: alone, and beside broadcasts to a ninth that works, says "too fast" to
//! everything, or needs seconds for each answer.
//!
//! The ninth is asked equally often in all three, as its rate says; so what differs is what it answers. The four take turns, a
//! round of some seconds each, and each turn begins with another: what the machine does by itself meets all of them alike. How
//! much that is shows in the rounds alone, halved.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use hdrhistogram::Histogram;
use homing_contract::http::v1::AudienceRequest;
use homing_domain::Channel;
use homing_vendor_simulator::Faults;
use tokio::time::MissedTickBehavior;

use super::field::{App, Field};
use super::log::as_it_travels;
use crate::arguments::BenchArguments;
use crate::bench::crowd::LONGEST_MICROS;
use crate::bench::directed::DRAIN_WITHIN;
use crate::bench::report::{Report, count};
use crate::bench::target::{now_micros, started};

/// The vendor in trouble: one device a request.
const LOUD: Channel = Channel::Fcm;
/// Requests a second to it, in any state: as its broadcasts ask for, so that nothing piles up while it works.
const LOUD_PER_SECOND: u32 = 300;
/// Between two broadcasts to it, each to so many devices.
const BROADCAST_EVERY: Duration = Duration::from_secs(1);
const DEVICES_OF_LOUD: u32 = 250;
/// Pushes a second to the others at most: their wait is measured, not what the machine can do.
const RATE_MAX: u32 = 100;
/// Devices at each of the others.
const DEVICES_OF_OTHERS: u32 = 50;
/// What a vendor in trouble needs for an answer, in milliseconds.
const SLOW_MS: u64 = 5_000;
/// Turns that each state gets.
const TURNS: usize = 4;
/// Between two looks at the logs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the ninth vendor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    AtWork,
    Throttled,
    Slow,
}

impl State {
    const ALL: [Self; 4] = [Self::Idle, Self::AtWork, Self::Throttled, Self::Slow];

    const fn name(self) -> &'static str {
        match self {
            Self::Idle => "alone",
            Self::AtWork => "beside fcm at work",
            Self::Throttled => "beside fcm throttled",
            Self::Slow => "beside fcm slow (5 s)",
        }
    }

    fn faults(self) -> Faults {
        match self {
            Self::Idle | Self::AtWork => Faults::default(),
            Self::Throttled => Faults { throttle_share: 1.0, ..Faults::default() },
            Self::Slow => Faults { slow_ms: SLOW_MS, ..Faults::default() },
        }
    }
}

/// Measures.
pub(super) async fn measure(field: &mut Field, arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    let channels: Vec<Channel> = field.vendors.iter().map(|played| played.channel).collect();
    let app = field.app(&channels, Some((LOUD, LOUD_PER_SECOND))).await?;
    let mut devices = Vec::new();
    for channel in channels.into_iter().filter(|channel| *channel != LOUD) {
        devices.push(field.register(&app, channel, DEVICES_OF_OTHERS).await?);
    }
    field.register(&app, LOUD, DEVICES_OF_LOUD).await?;
    // One of each vendor after the other.
    let devices: Vec<String> = (0..DEVICES_OF_OTHERS as usize)
        .flat_map(|number| devices.iter().map(move |some| some[number].clone()))
        .collect();
    for device in devices.iter().take(8) {
        field.push(&app, AudienceRequest::devices([device.clone()])).await?;
    }
    field.target.quiet().await?;
    let mut rounds: Vec<(State, Round)> = Vec::new();
    for turn in 0..TURNS {
        for place in 0..State::ALL.len() {
            let state = State::ALL[(turn + place) % State::ALL.len()];
            rounds.push((state, round(field, &app, &devices, arguments, state).await?));
        }
    }
    let at_work = pooled(&rounds, State::AtWork, |_| true)?;
    for state in State::ALL {
        let times = pooled(&rounds, state, |_| true)?;
        add(report, state.name(), &times, (State::AtWork.name(), &at_work));
        let requests = rounds.iter().filter(|(of, _)| *of == state).map(|(_, round)| round.requests).sum::<u64>();
        let seconds = count(arguments.seconds) * count(TURNS as u64);
        report.add("dispatch", format!("{}: requests to fcm", state.name()), count(requests) / seconds, "/s");
    }
    let halves = [0, 1].map(|half| pooled(&rounds, State::Idle, move |turn| turn % 2 == half));
    let [first, second] = halves;
    add(report, "alone, every other round", &second?, ("the rounds between", &first?));
    Ok(())
}

/// What one round came to.
struct Round {
    others: Measured,
    /// To the ninth vendor.
    requests: u64,
}

async fn round(
    field: &mut Field,
    app: &App,
    devices: &[String],
    arguments: &BenchArguments,
    state: State,
) -> Result<Round> {
    field.vendor(LOUD)?.process.put_faults(LOUD.name(), state.faults()).await?;
    let before = field.counts(LOUD).await?;
    let sent = {
        let field = &*field;
        tokio::select! {
            sent = send_to_others(field, app, devices, arguments) => sent?,
            failed = broadcasts(field, app), if state != State::Idle => failed?,
        }
    };
    let others = wait_for(field, &sent).await?;
    let requests = field.counts(LOUD).await?.requests - before.requests;
    field.vendor(LOUD)?.process.put_faults(LOUD.name(), Faults::default()).await?;
    field.target.quiet().await?;
    Ok(Round { others, requests })
}

/// The rounds of one state together, or some of them.
fn pooled(rounds: &[(State, Round)], state: State, is_meant: impl Fn(usize) -> bool) -> Result<Measured> {
    let mut all = Measured { sent: 0, missing: 0, times: Histogram::new_with_max(LONGEST_MICROS, 3)? };
    let of_state = rounds.iter().filter(|(of, _)| *of == state).map(|(_, round)| &round.others).enumerate();
    for (_, some) in of_state.filter(|(turn, _)| is_meant(*turn)) {
        all.sent += some.sent;
        all.missing += some.missing;
        all.times.add(&some.times)?;
    }
    Ok(all)
}

fn add(report: &mut Report, name: &str, times: &Measured, (other_name, other): (&str, &Measured)) {
    report.add("dispatch", format!("{name}: pushes to the others"), count(times.sent), "");
    if times.missing > 0 {
        report.add("dispatch", format!("{name}: not taken in time"), count(times.missing), "");
    }
    report.add_times("dispatch", &format!("{name}: 202 → vendor"), &times.times);
    let p99 = |measured: &Measured| count(measured.times.value_at_quantile(0.99).max(1));
    report.add("dispatch", format!("{name}: p99 as a multiple of {other_name}"), p99(times) / p99(other), "×");
}

/// How long pushes took.
struct Measured {
    sent: u64,
    missing: u64,
    times: Histogram<u64>,
}

/// When each message was accepted, by its id as it travels: microseconds since 1970.
type Accepted = HashMap<String, u64>;

async fn send_to_others(field: &Field, app: &App, devices: &[String], arguments: &BenchArguments) -> Result<Accepted> {
    let rate = arguments.rate.min(RATE_MAX);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let total = u64::from(rate) * arguments.seconds;
    let clock = stream::unfold(ticks, |mut ticks| async {
        ticks.tick().await;
        Some(((), ticks))
    });
    let devices = devices.iter().cycle();
    let pushes = clock.zip(stream::iter(devices)).take(usize::try_from(total)?).map(|((), device)| async move {
        let message = field.push(app, AudienceRequest::devices([device.clone()])).await?;
        anyhow::Ok((as_it_travels(&message), now_micros()))
    });
    let answers: Vec<_> = pushes.buffer_unordered(arguments.in_flight as usize).collect().await;
    answers.into_iter().collect()
}

/// Until somebody stops waiting for it.
async fn broadcasts(field: &Field, app: &App) -> Result<Accepted> {
    let mut ticks = tokio::time::interval(BROADCAST_EVERY);
    loop {
        ticks.tick().await;
        field.push(app, AudienceRequest::expression(format!("model == {LOUD}"))).await?;
    }
}

/// Waits until the vendors have taken what was accepted.
async fn wait_for(field: &mut Field, accepted: &Accepted) -> Result<Measured> {
    let mut times = Histogram::new_with_max(LONGEST_MICROS, 3)?;
    let began = started();
    loop {
        for played in field.vendors.iter_mut().filter(|played| played.channel != LOUD) {
            for line in played.log.lines()? {
                if let Some(at) = accepted.get(&line.message) {
                    times.saturating_record((line.at * 1_000).saturating_sub(*at));
                }
            }
        }
        let sent = accepted.len() as u64;
        let missing = sent.saturating_sub(times.len());
        if missing == 0 || began.elapsed() > DRAIN_WITHIN {
            return Ok(Measured { sent, missing, times });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
