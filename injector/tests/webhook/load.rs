//! Sends reviews at a steady rate, like an API server, while certificates rotate and other clients send large or slow
//! reviews.

mod clients;
mod figures;

use std::env;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{ApiServer, Injector, Setup};
use clients::Target;
use figures::Figures;

/// The number of connections with steady reviews. An API server keeps a few connections to each webhook.
const CONNECTIONS: u32 = 8;

/// The maximum resident memory, in KiB. The chart's limit is 128 MiB, which leaves room for a few more large reviews.
const PEAK: u64 = 96 << 10;
/// The maximum growth of the resident memory from the first half of a one-minute run to the second half, in KiB. The
/// allocator causes some growth; a leak of 300 bytes in each of 30,000 reviews would exceed this limit.
const GROWTH: u64 = 8 << 10;
/// The maximum growth in short runs, in KiB. Two large reviews may coincide for the first time in the second half.
const GROWTH_OF_SECONDS: u64 = 40 << 10;

/// The load that the clients generate.
#[derive(Debug, Clone, Copy)]
struct Load {
    /// The number of reviews per second.
    rate: u32,
    time: Duration,
}

impl Load {
    /// Parses `GLEANER_LOAD`, which `make load` sets, in the form `RATE,SECONDS`. If it is not set, returns a load that a debug
    /// build on a busy machine can handle.
    fn from_environment() -> Self {
        let asked = env::var("GLEANER_LOAD").unwrap_or_else(|_| "100,5".to_owned());
        let (rate, seconds) = asked.split_once(',').expect("GLEANER_LOAD=RATE,SECONDS");
        Self {
            rate: rate.parse().expect("a rate"),
            time: Duration::from_secs(seconds.parse().expect("seconds")),
        }
    }

    /// Returns the interval between two reviews on one connection.
    fn interval(self) -> Duration {
        Duration::from_secs(1) * CONNECTIONS / self.rate
    }
}

/// Returns a setup as in production, except that the certificates are valid only for seconds.
fn setup(api_server: &ApiServer) -> Setup {
    let setup = Setup::managed(api_server)
        .flag("--certificate-validity=3s")
        .flag("--authority-validity=12s")
        .flag("--authority-settle=500ms");
    match cfg!(debug_assertions) {
        true => setup.flag("--decision-timeout=60s"),
        false => setup,
    }
}

#[tokio::test]
async fn all_reviews_at_a_steady_rate_succeed_while_certificates_change_and_other_clients_misbehave()
 {
    let load = Load::from_environment();
    let api_server = ApiServer::start().await;
    let injector = setup(&api_server).ready().await;
    let target = Target::new(&injector, &api_server);
    let figures = play(load, &injector, &target);
    println!("{}", figures.describe(load.rate, load.time));
    // A failed review makes its client panic, so check only the number of reviews. If it is less than a tenth of the scheduled
    // number, the injector was stuck.
    let scheduled = f64::from(load.rate) * load.time.as_secs_f64();
    let made = figures.steady.len();
    assert!(made as f64 >= scheduled / 10.0, "{made} of {scheduled}");
    assert!(!figures.large.is_empty());
    // About one certificate every two seconds is expected, and fewer if the machine is busy.
    let least = 2.max(load.time.as_secs() as usize / 10);
    let certificates = figures.certificates.len();
    assert!(certificates >= least, "{certificates} certificates");
    let [early, late, peak] = figures.memory;
    assert!(peak < PEAK, "{peak} KiB");
    let growth = match load.time.as_secs() {
        ..30 => GROWTH_OF_SECONDS,
        _ => GROWTH,
    };
    assert!(late <= early + growth, "{early} KiB, then {late} KiB");
}

/// A guard that stops the other clients even if a steady client panics. Otherwise, the test would never finish.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the load until it is complete, and returns the measurements.
fn play(load: Load, injector: &Injector, target: &Target) -> Figures {
    let done = AtomicBool::new(false);
    let begin = Barrier::new(CONNECTIONS as usize + 1);
    let mut figures = Figures::default();
    thread::scope(|scope| {
        let steady: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let begin = &begin;
                scope.spawn(move || {
                    begin.wait();
                    // The clients start at different times, so that their reviews are evenly distributed.
                    let first = Instant::now() + load.interval() * number / CONNECTIONS;
                    target.send_steadily(first, load.interval(), load.time)
                })
            })
            .collect();
        let large = [(); 2].map(|()| scope.spawn(|| target.send_large(&done)));
        let slow = scope.spawn(|| target.send_slowly(&done));
        begin.wait();
        // Memory use should be constant after the first sixth of the time (ten seconds of a minute).
        let started = Instant::now();
        let highest = |from: Duration, to: Duration| {
            thread::sleep(from.saturating_sub(started.elapsed()));
            let mut highest = injector.memory("VmRSS");
            while started.elapsed() < to {
                thread::sleep(Duration::from_millis(50));
                highest = highest.max(injector.memory("VmRSS"));
            }
            highest
        };
        let early = highest(load.time / 6, load.time / 2);
        let late = highest(load.time / 2, load.time);
        let ended = EndOnDrop(&done);
        for client in steady {
            figures.add_steady(client.join().expect("no failed review"));
        }
        drop(ended);
        for client in large {
            let latencies = client.join().expect("all large reviews must succeed");
            figures.large.extend(latencies);
        }
        figures.cut_off = slow.join().expect("slow clients must be able to connect");
        figures.memory = [early, late, injector.memory("VmHWM")];
    });
    figures
}
