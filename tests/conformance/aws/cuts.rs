//! Killed between any two calls: each operation is cut after its first request, its second, and so on; then another process
//! does it again, and all that can be read must be as if nothing had happened. The same for each answer that gets lost.

mod operations;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use homing_domain::Millis;
use homing_tests::emulator::{Emulator, Installation, plain_http};
use tokio::sync::Notify;

use super::BEGIN;
use super::faults::{FaultyHttp, Strike, Strikes};
use super::retrying::Retrying;

/// After this long another process has taken up what the dead one had received, in milliseconds.
const TAKEN_UP_AFTER: Millis = 31_000;
/// More requests than any operation here makes.
const REQUESTS_MAX: usize = 100;

/// Strikes one request, or that one and all after it.
#[derive(Debug)]
struct At {
    seen: AtomicUsize,
    which: usize,
    strike: Strike,
    killed: Notify,
}

impl At {
    fn new(which: usize, strike: Strike) -> Arc<Self> {
        Arc::new(Self { seen: AtomicUsize::new(0), which, strike, killed: Notify::new() })
    }

    async fn killed(&self) {
        self.killed.notified().await;
    }

    fn requests(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Strikes for At {
    fn next(&self, _: &str) -> Strike {
        let at = self.seen.fetch_add(1, Ordering::SeqCst);
        if at < self.which || (at > self.which && self.strike != Strike::Killed) {
            return Strike::Pass;
        }
        if self.strike == Strike::Killed {
            self.killed.notify_one();
        }
        self.strike
    }
}

struct World {
    emulator: Emulator,
    accounts: AtomicUsize,
}

impl World {
    /// An installation of its own, with a store over it that works.
    async fn installation(&self) -> (Installation, Retrying) {
        let account = self.accounts.fetch_add(1, Ordering::SeqCst) as u64 + 1;
        let installation = Installation::create_in(&self.emulator, account).await;
        let store = Retrying(installation.store(self.emulator.clock()));
        (installation, store)
    }

    fn struck(&self, installation: &Installation, at: &Arc<At>) -> Retrying {
        let http = FaultyHttp::over(plain_http(), Arc::<At>::clone(at));
        Retrying(installation.store_over(http, self.emulator.clock()))
    }
}

/// Does `act` uncut; then with each of its requests struck. What `state` reads afterwards must be the same each time.
async fn survives_every_cut(
    prepare: impl AsyncFn(&Retrying),
    act: impl AsyncFn(&Retrying),
    state: impl AsyncFn(&Retrying) -> String,
) {
    let world = World { emulator: Emulator::start(BEGIN).await, accounts: AtomicUsize::new(0) };
    let (installation, store) = world.installation().await;
    prepare(&store).await;
    let untouched = At::new(REQUESTS_MAX, Strike::Pass);
    act(&world.struck(&installation, &untouched)).await;
    let expected = state(&store).await;
    let requests = untouched.requests();
    assert!((1..REQUESTS_MAX).contains(&requests), "{requests} requests");

    for which in 0..requests {
        for strike in [Strike::Killed, Strike::AnswerLost] {
            let (installation, store) = world.installation().await;
            prepare(&store).await;
            let at = At::new(which, strike);
            let dying = world.struck(&installation, &at);
            tokio::select! {
                () = act(&dying) => {}
                () = at.killed() => {}
            }
            world.emulator.advance(TAKEN_UP_AFTER).await;
            act(&store).await;
            assert_eq!(state(&store).await, expected, "{strike:?} at request {} of {requests}", which + 1);
        }
    }
}
