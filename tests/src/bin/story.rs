//! A run as a list of what happened: `story SCENARIO [SECONDS] [SEED]` prints every notable note, and what it took.

use brownout_core::actor::role::{Directory, Timer};
use brownout_core::actor::wire::Class;
use brownout_core::engine::{Time, Trace};
use brownout_core::scenario::{ALL, Scenario};
use brownout_core::sim::Code;
use brownout_core::timeline::Timeline;
use brownout_tests::tell::who;
use std::time::Instant;

fn main() {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| "quiet".into());
    let number = |word: Option<String>, default: u64| word.and_then(|word| word.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number(words.next(), 60), number(words.next(), 1));
    let nodes = words.next().and_then(|word| word.parse().ok());
    let Some(scenario) = Scenario::named(&name) else {
        let names: Vec<_> = ALL.iter().map(|scenario| scenario.name).collect();
        eprintln!("scenario = {name} is not known; there are: {}", names.join(", "));
        std::process::exit(2);
    };
    let directory = Directory { nodes: nodes.unwrap_or(scenario.directory.nodes), ..scenario.directory };
    if let Err(why) = directory.checked() {
        eprintln!("{why}");
        std::process::exit(2);
    }
    let begun = Instant::now();
    let mut run = Timeline::on(scenario, directory, seed, Trace::new(1 << 18));
    let mut heard = 0;
    for second in 1..=seconds {
        run.seek(Time::from_secs(second), u32::MAX);
        for row in run.trace().notes().since(heard) {
            let who = who(directory, row.process);
            println!("{:>10.3}  {who:<12} {} a={} b={}", row.at.ns() as f64 / 1e9, Code::name(row.code), row.a, row.b);
        }
        heard = run.trace().notes().end();
    }
    let (wall, sim) = (begun.elapsed().as_secs_f64(), run.sim());
    println!(
        "{seconds} s took {wall:.2} s: {:.0} times real time, {:.0} events a simulated second, {} events, digest {:016x}",
        seconds as f64 / wall,
        sim.steps() as f64 / seconds as f64,
        sim.steps(),
        sim.history()
    );
    count(&run, directory);
    println!("{} bytes by its own count, {} checkpoints of {}", sim.bytes(), run.checkpoints(), run.checkpoint_bytes());
}

/// What the newest rows of the trace are, most frequent first: where a run's events go.
fn count(run: &Timeline, directory: Directory) {
    let rows = run.trace().rows();
    let mut counts = std::collections::BTreeMap::new();
    let (mut first, mut last) = (Time::from_secs(1 << 30), Time::ZERO);
    for row in rows.since(0) {
        (first, last) = (first.min(row.at), last.max(row.at));
        let who = who(directory, row.process);
        let who = who.split('-').next().unwrap_or_default().to_string();
        let what = match Code::name(row.code) {
            "timer" => format!("timer {}", Timer::NAMES[row.a as usize]),
            "message" => format!("message {}", Class::NAMES[(row.a & 0xff) as usize]),
            "kernel" | "arrive" => "tcp".to_string(),
            name => name.to_string(),
        };
        *counts.entry((what, who)).or_insert(0u64) += 1;
    }
    let seconds = last.since(first).ns() as f64 / 1e9;
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((what, who), count) in counts.iter().take(24) {
        println!("{:>9.1} a second  {what} {who}", *count as f64 / seconds);
    }
}
