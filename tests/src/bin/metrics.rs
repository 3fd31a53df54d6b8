//! Writes the metrics of a moment of a scenario: `metrics SCENARIO [--at SECONDS] [--seed N] [--target NAME] [--openmetrics]`.

use brownout_core::engine::{Span, Time};
use brownout_core::metrics::text::{Format, targets, write};
use brownout_core::timeline::Timeline;

/// How many events are executed at a time.
const BUDGET: u32 = 1_000_000;
/// The latest moment: a day.
const LATEST_S: u64 = 86_400;

struct Arguments {
    scenario: String,
    at: u64,
    seed: u64,
    target: String,
    format: Format,
}

fn main() {
    match arguments().and_then(|arguments| exposition(&arguments)) {
        Ok(text) => print!("{text}"),
        Err(why) => {
            eprintln!("metrics: {why}");
            std::process::exit(2);
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    let mut given = std::env::args().skip(1);
    let mut found =
        Arguments { scenario: String::new(), at: 60, seed: 1, target: "all".into(), format: Format::Prometheus };
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no whole number"));
        match argument.as_str() {
            "--at" => found.at = number(value()?)?,
            "--seed" => found.seed = number(value()?)?,
            "--target" => found.target = value()?,
            "--openmetrics" => found.format = Format::OpenMetrics,
            _ if argument.starts_with('-') => {
                return Err(format!("{argument} is unknown; there are --at, --seed, --target and --openmetrics"));
            }
            _ if found.scenario.is_empty() => found.scenario = argument,
            _ => return Err(format!("{argument} is one scenario too many")),
        }
    }
    if found.at > LATEST_S {
        return Err(format!("--at {} is outside 0..={LATEST_S} (seconds)", found.at));
    }
    Ok(found)
}

fn exposition(arguments: &Arguments) -> Result<String, String> {
    let mut run = Timeline::new(&arguments.scenario, arguments.seed).map_err(|why| why.to_string())?;
    let at = Time::ZERO + Span::from_secs(arguments.at);
    while !run.seek(at, BUDGET) {}
    let mut chosen = targets(run.sim());
    if arguments.target != "all" {
        let names: Vec<String> = chosen.iter().map(|target| target.name.clone()).collect();
        chosen.retain(|target| target.name == arguments.target);
        if chosen.is_empty() {
            return Err(format!("target {} is unknown; there are all, {}", arguments.target, names.join(", ")));
        }
    }
    Ok(write(&chosen, arguments.format))
}
