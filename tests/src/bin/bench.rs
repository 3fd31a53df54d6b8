//! Prints how fast things go. `bench [name]...`; without a name all of them.

use brownout_core::engine::Span;
use brownout_tests::bench_raft::raft_cell;
use brownout_tests::bench_sim;
use std::time::Instant;

/// Every benchmark by its name. Each prints its own lines.
const BENCHES: &[(&str, fn())] = &[("queue", queue), ("standard", standard), ("travel", travel), ("raft", raft)];

/// Runs of one figure: their median is printed.
const RUNS: usize = 5;
/// Rounds of works that are compared.
const ROUNDS: usize = 9;

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

/// Several works in turns, so that a busy moment of the machine meets all alike: the fastest time of each in
/// microseconds, and the median over the rounds of each one's time by the first one's.
fn in_turns<const N: usize>(rounds: usize, works: [&dyn Fn(); N]) -> [(u64, f64); N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (work, times) in works.iter().zip(&mut times) {
            let start = Instant::now();
            work();
            times.push(start.elapsed().as_secs_f64());
        }
    }
    std::array::from_fn(|n| {
        let mut ratios: Vec<f64> = times[n].iter().zip(&times[0]).map(|(time, first)| time / first).collect();
        ratios.sort_by(f64::total_cmp);
        let fastest = times[n].iter().copied().fold(f64::INFINITY, f64::min);
        ((fastest * 1e6) as u64, ratios[rounds / 2])
    })
}

/// The standard scenario bare, with its trace, and with everything that is on by default, beside a bare loop over as
/// many events.
fn standard() {
    let simulated = Span::from_secs(300);
    let events = bench_sim::standard(true, simulated);
    let works: [&dyn Fn(); 4] = [
        &|| _ = bench_sim::standard(false, simulated),
        &|| _ = bench_sim::standard(true, simulated),
        &|| _ = bench_sim::recorded(simulated),
        &|| _ = bench_sim::bare(events),
    ];
    let [off, on, recorded, bare] = in_turns(ROUNDS, works);
    let speed = |us: u64| 300e6 / us as f64;
    println!(
        "standard: {:.0} simulated s per wall s, {:.2} million events a second; with trace {:.0}; with trace, checkpoints and series {:.0}; bare loop {:.0}",
        speed(off.0),
        events as f64 / off.0 as f64,
        speed(on.0),
        speed(recorded.0),
        speed(bare.0)
    );
    println!(
        "standard: the trace costs {:.0} %; trace, checkpoints and series {:.0} %; {:.0} times the bare loop",
        100.0 * (on.1 - 1.0),
        100.0 * (recorded.1 - 1.0),
        1.0 / bare.1
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
