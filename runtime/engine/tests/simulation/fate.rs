//! The world around the engine: its time, the moments at which the machine fails, and receivers that answer as they
//! please. All of it follows from the seed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use futures_util::future::BoxFuture;
use mortise_engine::{Courier, Crossing, Env, Issue, Parcel, Refusal, Simulated};
use parking_lot::Mutex;
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Time, failures of the machine, and the receivers of what leaves the house.
pub(crate) struct Fate {
    time: Simulated,
    state: Mutex<State>,
    /// One parcel on its way at a time, or which of two is written down first would be up to the threads.
    road: Semaphore,
}

struct State {
    dice: Rng,
    /// Crossings to go until the machine fails.
    until: Option<u32>,
    failed: Option<Crossing>,
    /// A parcel was handed over, and what became of it is not written down.
    on_the_road: bool,
    /// Receivers take everything.
    calm: bool,
    received: Received,
}

/// What receivers know.
#[derive(Default)]
pub(crate) struct Received {
    /// What was handed over, by its id: the first parcel.
    pub(crate) parcels: BTreeMap<Uuid, Handed>,
    /// Ids of those that were taken.
    pub(crate) taken: BTreeSet<Uuid>,
}

/// A parcel as it was handed over.
pub(crate) struct Handed {
    pub(crate) target: String,
    pub(crate) payload: Json,
    pub(crate) times: usize,
}

/// What a receiver does with a parcel.
enum Mood {
    Takes,
    /// It is taken, but the answer is lost.
    TakesSilently,
    Refuses(Refusal),
}

impl Fate {
    pub(crate) fn new(now: DateTime<Utc>, seed: u64) -> Fate {
        Fate {
            time: Simulated::new(now, seed),
            state: Mutex::new(State {
                dice: Rng::with_seed(seed ^ 0x5EED),
                until: None,
                failed: None,
                on_the_road: false,
                calm: false,
                received: Received::default(),
            }),
            road: Semaphore::new(1),
        }
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.time.advance(by);
    }

    /// Has the machine fail after so many crossings.
    pub(crate) fn fail_after(&self, crossings: u32) {
        self.state.lock().until = Some(crossings);
    }

    /// The machine does not fail any more.
    pub(crate) fn spare(&self) {
        self.state.lock().until = None;
    }

    /// Where the machine failed, unless it runs.
    pub(crate) fn failed(&self) -> Option<Crossing> {
        self.state.lock().failed
    }

    /// The machine is switched on again.
    pub(crate) fn revive(&self) {
        let mut state = self.state.lock();
        (state.failed, state.until) = (None, None);
    }

    /// From now on receivers take everything.
    pub(crate) fn calm(&self) {
        self.state.lock().calm = true;
    }

    pub(crate) fn received<R>(&self, look: impl FnOnce(&Received) -> R) -> R {
        look(&self.state.lock().received)
    }

    fn hand_over(&self, parcel: &Parcel) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let mood = if state.calm { Mood::Takes } else { mood(&mut state.dice) };
        let first = || Handed { target: parcel.target.clone(), payload: parcel.payload.clone(), times: 0 };
        let known = state.received.parcels.entry(parcel.id).or_insert_with(first);
        known.times += 1;
        let same = known.payload == parcel.payload && known.target == parcel.target;
        assert!(same, "{} came again with something else: {}", parcel.id, parcel.payload);
        match mood {
            Mood::Refuses(refusal) => Err(refusal),
            Mood::Takes => {
                state.received.taken.insert(parcel.id);
                Ok(())
            }
            Mood::TakesSilently => {
                state.received.taken.insert(parcel.id);
                Err(Refusal::passing(Issue::new("delivery.timeout")))
            }
        }
    }
}

fn mood(dice: &mut Rng) -> Mood {
    let status = |code: &str| Issue::new("delivery.status").with("status", code);
    match dice.u32(..100) {
        0..60 => Mood::Takes,
        60..70 => Mood::TakesSilently,
        70..82 => Mood::Refuses(Refusal::passing(status("500"))),
        82..90 => Mood::Refuses(Refusal::passing(Issue::new("delivery.timeout"))),
        90..95 => Mood::Refuses(Refusal {
            retry_after: Some(TimeDelta::minutes(20)),
            ..Refusal::passing(status("429"))
        }),
        _ => Mood::Refuses(Refusal::lasting(status("404"))),
    }
}

impl Env for Fate {
    fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    fn id(&self) -> Uuid {
        self.time.id()
    }

    fn passes(&self, crossing: Crossing) -> bool {
        let mut state = self.state.lock();
        match state.until {
            Some(0) => (state.failed, state.until) = (Some(crossing), None),
            Some(left) => state.until = Some(left - 1),
            None => {}
        }
        let passes = state.failed.is_none();
        if state.on_the_road && (!passes || crossing == Crossing::AfterCommit) {
            state.on_the_road = false;
            self.road.add_permits(1);
        }
        passes
    }
}

impl Courier for Fate {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let turn = self.road.acquire().await.expect("the road is never closed");
            if self.failed().is_some() {
                // A machine that has failed sends nothing.
                return Err(Refusal::passing(Issue::new("delivery.timeout")));
            }
            let outcome = self.hand_over(parcel);
            turn.forget();
            self.state.lock().on_the_road = true;
            outcome
        })
    }
}
