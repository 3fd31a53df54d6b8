//! Prints how fast things go. `bench [name]...`; without a name all of them.

use brownout_core::engine::Span;
use brownout_tests::bench_raft::raft_cell;
use brownout_tests::bench_sim;
use std::time::Instant;

/// Every benchmark by its name. Each prints its own lines.
const BENCHES: &[(&str, fn())] = &[("queue", queue), ("standard", standard), ("travel", travel), ("raft", raft)];

/// Runs of one figure: their median is printed.
const RUNS: usize = 5;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
    if let Some(name) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        eprintln!("bench: {name:?} is not known; there are: {}", known.join(", "));
        std::process::exit(2);
    }
    for (name, bench) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            bench();
        }
    }
}

/// The median of the wall times of a few runs, in microseconds, and the result of the last.
fn median_us<T>(mut run: impl FnMut() -> T) -> (u64, T) {
    let mut results: Vec<(u64, T)> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let result = run();
            (start.elapsed().as_micros() as u64, result)
        })
        .collect();
    let last = results.pop().expect("there is a run");
    let mut times: Vec<u64> = results.iter().map(|(us, _)| *us).chain([last.0]).collect();
    times.sort();
    (times[RUNS / 2].max(1), last.1)
}

/// Millions a second.
fn rate(name: &str, work: impl FnMut() -> u64) -> f64 {
    let (us, units) = median_us(work);
    let rate = units as f64 / us as f64;
    println!("{name}: {rate:.2} million a second, {:.0} ns each", 1000.0 / rate);
    rate
}

/// The queue alone, by kind of queue and size of event.
fn queue() {
    println!("an event of ours takes {} bytes", bench_sim::event_bytes());
    for name in bench_sim::QUEUES {
        rate(&format!("queue {name}"), || bench_sim::queue(name, 3_000_000));
    }
}

/// The standard scenario, its trace on and off, beside a bare loop over as many events.
fn standard() {
    let simulated = Span::from_secs(300);
    let (us, events) = median_us(|| bench_sim::standard(true, simulated));
    let (off, _) = median_us(|| bench_sim::standard(false, simulated));
    let (bare, _) = median_us(|| bench_sim::bare(events));
    println!(
        "standard: {:.0} simulated s per wall s, {:.2} million events a second; without trace {:.0}; bare loop {:.0}",
        300e6 / us as f64,
        events as f64 / us as f64,
        300e6 / off as f64,
        300e6 / bare as f64
    );
    let (recorded, _) = median_us(|| bench_sim::recorded(simulated));
    println!(
        "standard: trace costs {:.0} %; trace, checkpoints and series {:.0} %; {:.1} times the bare loop",
        100.0 * (us as f64 / off as f64 - 1.0),
        100.0 * (recorded as f64 / off as f64 - 1.0),
        us as f64 / bare as f64
    );
}

/// Checkpoints, frames and journeys of half an hour's run.
fn travel() {
    let simulated = Span::from_secs(1_800);
    let mut run = bench_sim::travelled(simulated);
    println!("half an hour has {} checkpoints of {} MB in all", run.checkpoints(), run.checkpoint_bytes() >> 20);
    for (name, count) in [("checkpoint", 2_000), ("frame", 20_000)] {
        let (us, n) = match name {
            "checkpoint" => median_us(|| bench_sim::checkpoints(&run, count)),
            _ => median_us(|| bench_sim::frames(&run, count)),
        };
        println!("{name}: {:.1} us", us as f64 / n as f64);
    }
    let mut times: Vec<u128> = (0..101)
        .map(|n| {
            let begun = Instant::now();
            bench_sim::rewind(&mut run, simulated, n);
            begun.elapsed().as_micros()
        })
        .collect();
    times.sort();
    println!("seek to a random moment: {} us at the median, {} us at the 95th percentile", times[50], times[95]);
    let begun = Instant::now();
    let steps = bench_sim::backwards(&mut run, 600);
    println!("play backwards: {} us a frame", begun.elapsed().as_micros() / u128::from(steps));
}

/// One simulated hour of the Raft cell.
fn raft() {
    let hour = Span::from_secs(3_600);
    for members in [3, 5] {
        let (us, cell) = median_us(|| raft_cell(members, hour, 1));
        let (bare, _) = median_us(|| bench_sim::bare(cell.events));
        println!(
            "raft {members} members: {} simulated s per wall s, {} ns per event, {} events, {} commits, digest {:016x}; bare loop {}",
            hour.us() / us,
            us * 1_000 / cell.events,
            cell.events,
            cell.commits,
            cell.digest,
            hour.us() / bare
        );
    }
}
