//! Plays random runs on every core and prints one line for each that breaks a rule: `soak 1..10001`.
//!
//! What real Kubernetes does not promise either is counted apart: see `hazard`.

use brownout_core::invariant::Verdict;
use brownout_core::journal::Run;
use brownout_tests::{hazard, random};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// What came of the runs.
#[derive(Default)]
struct Tally {
    green: AtomicU64,
    /// Broke a rule that may be broken after what was done.
    allowed: AtomicU64,
    broken: AtomicU64,
    /// How often each rule was checked.
    checks: [AtomicU64; Verdict::ALL.len()],
}

fn main() {
    let Some((from, to)) = seeds(std::env::args().nth(1).as_deref().unwrap_or("1..1001")) else {
        eprintln!("soak: seeds are given as FROM..TO, two whole numbers with FROM less than TO");
        std::process::exit(2);
    };
    // A panic is one line, as any other failure.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, tally, began) = (AtomicU64::new(from), Tally::default(), Instant::now());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= to {
                        break;
                    }
                    play(seed, &tally);
                }
            });
        }
    });
    let (green, allowed, broken) = (tally.green.into_inner(), tally.allowed.into_inner(), tally.broken.into_inner());
    let took = began.elapsed().as_secs_f64();
    eprintln!(
        "{} runs in {took:.0} s, {:.1} a second: {green} green, {allowed} broke what nobody promises after what was \
         done in them, {broken} broke a rule",
        to - from,
        (to - from) as f64 / took
    );
    for (verdict, checks) in Verdict::ALL.into_iter().zip(&tally.checks) {
        eprintln!("  {:22} checked {} times", verdict.name(), checks.load(Relaxed));
    }
    std::process::exit(i32::from(broken > 0));
}

fn seeds(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some((from, to))
}

/// Plays a run; if it breaks a rule, prints what replays it.
fn play(seed: u64, tally: &Tally) {
    let Ok(timeline) = catch_unwind(AssertUnwindSafe(|| random::run(seed))) else {
        tally.broken.fetch_add(1, Relaxed);
        return println!("seed {seed}: panicked; replay: cargo xtask soak {seed}..{}", seed + 1);
    };
    let (run, sim) = (Run::of(&timeline), timeline.sim());
    let (mut wrong, mut allowed) = (String::new(), false);
    for verdict in Verdict::ALL {
        let finding = sim.observer().finding(verdict);
        tally.checks[verdict as usize].fetch_add(finding.checks.into(), Relaxed);
        let Some((at, numbers)) = finding.first else { continue };
        if hazard::allows(&run, sim.knobs(), verdict, numbers).is_some() {
            allowed = true;
            continue;
        }
        let violation = brownout_core::invariant::Violation { verdict, numbers };
        let _ = write!(wrong, " {violation} at {} us, {} times;", at.ns() / 1000, finding.broken);
    }
    if sim.observer().forgetful() > 0 {
        wrong.push_str(" a member forgot what was on its disk;");
    }
    if wrong.is_empty() {
        let count = if allowed { &tally.allowed } else { &tally.green };
        count.fetch_add(1, Relaxed);
        return;
    }
    tally.broken.fetch_add(1, Relaxed);
    let journal = serde_json::to_string(&run).expect("a run is data");
    println!(
        "seed {seed}:{wrong} replay: cargo xtask soak {seed}..{}; its beginning: {}; all of it: {journal}",
        seed + 1,
        link(&run)
    );
}

/// The page's address of a run's beginning. Commands have no place in an address.
fn link(run: &Run) -> String {
    let mut link = format!("?scenario={}&seed={}", run.scenario, run.seed);
    if let Some(cluster) = run.cluster {
        let etcd = if cluster.external { "external" } else { "stacked" };
        let _ = write!(
            link,
            "&members={}&api={}&etcd={etcd}&nodes={}",
            cluster.members, cluster.api_servers, cluster.nodes
        );
    }
    link
}
