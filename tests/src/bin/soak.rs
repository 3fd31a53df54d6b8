//! Plays random runs on every core and prints one line for each that breaks a rule: `soak 1..10000`.

use brownout_core::journal::Run;
use brownout_tests::random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    let Some((from, to)) = seeds(std::env::args().nth(1).as_deref().unwrap_or("1..1000")) else {
        eprintln!("soak: seeds are given as FROM..TO, two whole numbers with FROM less than TO");
        std::process::exit(2);
    };
    let (next, broken) = (AtomicU64::new(from), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= to {
                        break;
                    }
                    if let Some(line) = verdict(seed) {
                        broken.fetch_add(1, Ordering::Relaxed);
                        println!("{line}");
                    }
                }
            });
        }
    });
    let broken = broken.into_inner();
    println!("{} runs, {broken} broke a rule", to - from);
    std::process::exit(i32::from(broken > 0));
}

fn seeds(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some((from, to))
}

/// What is wrong with a run, with what replays it.
fn verdict(seed: u64) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| random::run(seed))) {
        Err(_) => Some(format!("seed {seed}: panicked; replay with `cargo xtask soak {seed}..{}`", seed + 1)),
        Ok(run) => {
            let (at, violation) = run.sim().observer().first_violation()?;
            let journal = serde_json::to_string(&Run::of(&run)).expect("a run is data");
            Some(format!("seed {seed}: {violation:?} at {at:?}; replay {journal}"))
        }
    }
}
