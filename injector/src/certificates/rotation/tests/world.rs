//! Simulates replicas, API servers and a clock with random events, and checks that no API server ever receives a certificate that
//! it does not trust.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// The maximum time, in seconds, until an API server sees a change to the configuration.
const LAG: i64 = 12;
/// The maximum interval, in seconds, between two checks by a replica.
const POLL: i64 = 20;
/// A time span, in seconds, within which a certificate or CA may become due for renewal but cannot expire.
const LONG: i64 = 6 * 3600;
const REPLICAS: usize = 3;

struct World {
    policy: Policy,
    now: i64,
    secret: Option<Content>,
    /// All bundles that the configuration has contained, with the time in seconds at which each was written.
    bundles: Vec<(i64, String)>,
    replicas: Vec<Replica>,
    /// Cached results of signature checks, by CA and certificate. Each check takes about a millisecond.
    signed: RefCell<HashMap<[Vec<u8>; 2], bool>>,
}

#[derive(Default)]
struct Replica {
    started: i64,
    looked: i64,
    trusted: Option<(String, i64)>,
    known: Vec<Certificate>,
    served: Option<Certificate>,
}

impl World {
    fn new() -> Self {
        Self {
            policy: policy(),
            now: START,
            secret: None,
            bundles: vec![(START, String::new())],
            replicas: (0..REPLICAS).map(|_| Replica::default()).collect(),
            signed: RefCell::default(),
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_second(self.now).unwrap()
    }

    fn trusts(&self, authority: &Certificate, served: &Certificate) -> bool {
        let now = self.time();
        let key = [authority, served].map(|certificate| certificate.der.to_vec());
        authority.validity.holds(now)
            && served.validity.holds(now)
            && *self
                .signed
                .borrow_mut()
                .entry(key)
                .or_insert_with(|| served.is_of(authority, &self.policy.names, now))
    }

    fn bundle(&self) -> &str {
        &self.bundles.last().unwrap().1
    }

    /// Simulates one check by one replica.
    fn look(&mut self, index: usize) {
        let (now, time) = (self.now, self.time());
        self.replicas[index].looked = now;
        let settled = |replica: &Replica, content: &Content| {
            let (bundle, since) = replica.trusted.as_ref()?;
            (*bundle == content.bundle()).then(|| Duration::from_secs((now - since) as u64))
        };
        for _ in 0..4 {
            let (content, replica) = (self.secret.as_ref(), &self.replicas[index]);
            let trusted = content.and_then(|content| settled(replica, content));
            if let Some(step) = next(content, time, trusted, &self.policy) {
                let mut known = replica.known.clone();
                known.extend(Certificate::all(self.bundle().as_bytes()).unwrap());
                let taken = take(step, content, &known, time, &self.policy);
                self.secret = Some(taken.unwrap());
                continue;
            }
            let content = self.secret.clone().unwrap();
            let bundle = content.bundle();
            let right = self.bundle() == bundle;
            if !right {
                self.bundles.push((now, bundle.clone()));
            }
            let replica = &mut self.replicas[index];
            replica.known.clone_from(&content.authorities);
            if !right
                || replica
                    .trusted
                    .as_ref()
                    .is_none_or(|(held, _)| *held != bundle)
            {
                replica.trusted = Some((bundle, now));
            }
            let settled =
                settled(replica, &content).is_some_and(|settled| settled >= self.policy.settle);
            let replica = &self.replicas[index];
            let works = |served: &Certificate| {
                let of = |known| self.trusts(known, served);
                replica.known.iter().any(of)
            };
            if settled || !replica.served.as_ref().is_some_and(works) {
                self.replicas[index].served = Some(content.leaf);
            }
            return;
        }
        panic!("the rotation did not finish");
    }

    /// Advances the time to `second`, and runs the checks of all replicas. While `second` is more than six hours
    /// away, the replicas run only two checks in six hours, `POLL` seconds apart.
    fn until(&mut self, second: i64) {
        while self.now < second {
            let left = second - self.now;
            self.now += if left > LONG {
                LONG - POLL
            } else {
                left.min(POLL)
            };
            self.look_all();
            if left > LONG {
                self.now += POLL;
                self.look_all();
            }
        }
    }

    fn look_all(&mut self) {
        for index in 0..REPLICAS {
            self.look(index);
            self.check();
        }
    }

    /// Checks that every certificate that a replica serves is trusted by each version of the configuration that an API server may
    /// still use.
    fn check(&self) {
        let seen = self
            .bundles
            .iter()
            .rposition(|(since, _)| *since <= self.now - LAG);
        for (_, bundle) in &self.bundles[seen.unwrap_or(0)..] {
            let trusted = Certificate::all(bundle.as_bytes()).unwrap();
            for replica in &self.replicas {
                // A replica that has just started receives no reviews until its readiness probe succeeds and the Service is
                // updated, so its certificate is checked only after that time.
                let called = self.now > replica.started + LAG;
                for served in replica.served.iter().filter(|_| called) {
                    let of = |authority| self.trusts(authority, served);
                    let after = self.now - START;
                    assert!(
                        trusted.iter().any(of),
                        "after {after} s, with {} CAs",
                        trusted.len()
                    );
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Wait(i64),
    Look(usize),
    DeleteSecret,
    Restart(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_i64..30).prop_map(Event::Wait),
        2 => (1_i64..600).prop_map(Event::Wait),
        4 => (LONG..LONG * 12).prop_map(Event::Wait),
        3 => (0..REPLICAS).prop_map(Event::Look),
        1 => Just(Event::DeleteSecret),
        1 => (0..REPLICAS).prop_map(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_api_server_ever_gets_a_certificate_that_it_does_not_trust(
        events in prop::collection::vec(event(), 1..20)
    ) {
        let mut world = World::new();
        // In a new installation, no replica is ready, so no API server sends reviews.
        (0..REPLICAS).for_each(|index| world.look(index));
        world.now += LAG;
        for event in events {
            match event {
                Event::Wait(seconds) => world.until(world.now + seconds),
                Event::Look(index) => world.look(index),
                Event::DeleteSecret => world.secret = None,
                Event::Restart(index) => {
                    let (started, looked) = (world.now, world.now);
                    world.replicas[index] = Replica { started, looked, ..Replica::default() };
                    world.look(index);
                }
            }
            world.check();
        }
    }
}
