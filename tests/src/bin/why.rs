//! What people ask about in a run, each with its answer: `why SCENARIO [SECONDS] [SEED] [NOTE…]`.

use brownout_core::engine::{Row, Time};
use brownout_core::sim::Code;
use brownout_core::timeline::Timeline;
use brownout_core::why::Question;
use brownout_tests::tell;
use std::time::Instant;

/// What is asked about unless the command line says otherwise.
const ASKED: [&str; 14] = [
    "loses_leader",
    "steps_down",
    "leads",
    "pre_campaigns",
    "lease_lost",
    "renewal_fails",
    "acquired",
    "exited",
    "unhealthy",
    "caches_lost",
    "probe_kills",
    "node_not_ready",
    "pod_evicted",
    "stream_down",
];

fn main() {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| "lossy-member".into());
    let number = |word: Option<String>, default: u64| word.and_then(|word| word.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number(words.next(), 60), number(words.next(), 1));
    let mut asked: Vec<String> = words.collect();
    if asked.is_empty() {
        asked = ASKED.map(String::from).to_vec();
    }
    let mut run = Timeline::new(&name, seed).unwrap_or_else(|why| {
        eprintln!("{why}");
        std::process::exit(2);
    });
    let (mut heard, mut took, mut answers) = (0, 0.0f64, 0u32);
    for second in 1..=seconds {
        run.seek(Time::from_secs(second), u32::MAX);
        let rows: Vec<Row> = run.trace().rows().since(heard).copied().collect();
        heard = run.trace().rows().end();
        let mut told: Vec<(u16, u16, u32)> = Vec::new();
        for row in rows {
            let name = Code::name(row.code);
            let failed = (name == "user_request" && !(100..429).contains(&(row.a >> 16)))
                || (name == "service_request" && row.a >> 16 > 0)
                || !name.ends_with("_request");
            // One of a kind a second is enough.
            let key = (row.code, row.process, row.a);
            if !asked.iter().any(|it| it == name) || !failed || told.contains(&key) {
                continue;
            }
            told.push(key);
            let begun = Instant::now();
            let why = run.why(&Question::Event(row.id));
            took = took.max(begun.elapsed().as_secs_f64());
            answers += 1;
            println!("{:.3} {name} of {}:", row.at.ns() as f64 / 1e9, tell::who(run.directory(), row.process));
            print!("{}", tell::answer(run.directory(), &why));
        }
    }
    println!("{answers} answers, the longest took {:.1} ms", took * 1e3);
}
