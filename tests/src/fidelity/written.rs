//! What the comparison writes down: the scores in MODEL.md, and what the page shows beside a run.

use super::{Line, Score, Unit, shown};
use serde::Serialize;
use std::fmt::Write;

/// A statistic as the page shows it.
#[derive(Serialize)]
struct Stat {
    place: String,
    name: String,
    unit: &'static str,
    /// The least and the most that was measured; none: never.
    low: Option<f64>,
    high: Option<f64>,
    /// The median of the model's seeds; none: never.
    model: Option<f64>,
    inside: bool,
}

/// What was measured in a scenario's situation.
#[derive(Serialize)]
struct Situation {
    scenario: &'static str,
    /// What was measured.
    system: &'static str,
    /// The name of the situation in the reference.
    setting: &'static str,
    stats: Vec<Stat>,
}

/// Which situation a scenario is in, and by what it is told.
const SITUATIONS: [(&str, &str, &str); 6] = [
    ("lossy-member", "kubernetes", "stacked3-neither-p0.3"),
    ("lossy-member", "etcd", "loss030_follower"),
    ("member-cut", "kubernetes", "stacked3-neither-p1.0"),
    ("lossy-everywhere", "etcd", "loss030_all"),
    ("leader-crash", "etcd", "crash_leader"),
    ("quorum-lost", "kubernetes", "stacked3-all-p1.0"),
];
/// The statistics that the page shows, in its order.
const HEADLINES: [&str; 24] = [
    "elections won",
    "first election",
    "first loss of leader",
    "without leader",
    "put during in 10 s",
    "put during p50",
    "linearizable during in 10 s",
    "serializable during in 10 s",
    "watch during p50",
    "longest commit stall",
    "put fast again",
    "PATCH first error",
    "PATCH 30-110 ok",
    "quorum GET first error",
    "quorum GET 30-110 ok",
    "cached GET first error",
    "cached GET 30-110 ok",
    "readyz first fails",
    "readyz failing",
    "quorum GET again",
    "PATCH again",
    "kcm first exit",
    "kcm first change",
    "kcm renews again",
];

fn rounded(value: f64) -> Option<f64> {
    value.is_finite().then(|| (value * 1_000.0).round() / 1_000.0)
}

/// The file that the page shows beside a run.
///
/// # Panics
/// If it cannot be written as JSON, which it can.
pub fn page(etcd: &[Line], kubernetes: &[Line]) -> String {
    let situations: Vec<Situation> = SITUATIONS
        .into_iter()
        .map(|(scenario, system, setting)| {
            let (lines, system) = match system {
                "etcd" => (etcd, "etcd 3.4.23"),
                _ => (kubernetes, "Kubernetes 1.20.2, etcd 3.4.23"),
            };
            let own =
                |name: &'static str| lines.iter().filter(move |line| line.setting == setting && line.name == name);
            // What the model has no value of is not shown: it would look as if it had never happened.
            let known = HEADLINES.into_iter().flat_map(own).filter(|line| !line.median().is_nan());
            let stats = known.map(|line| {
                let (low, high) = line.range();
                Stat {
                    place: line.place.clone(),
                    name: line.name.clone(),
                    unit: match line.unit {
                        Unit::Ms => "ms",
                        Unit::Seconds => "s",
                        Unit::Share => "share",
                        Unit::Count => "count",
                    },
                    low: rounded(low),
                    high: rounded(high),
                    model: rounded(line.median()),
                    inside: line.inside(),
                }
            });
            Situation { scenario, system, setting, stats: stats.collect() }
        })
        .collect();
    serde_json::to_string_pretty(&situations).expect("it can be written") + "\n"
}

fn percent(part: f64, all: usize) -> String {
    format!("{:.0} %", part * 100.0 / all.max(1) as f64)
}
fn row(text: &mut String, name: &str, score: &Score) {
    let _ = writeln!(
        text,
        "| {name} | {} | {} | {} | {} |",
        score.lines,
        percent(score.inside as f64, score.lines),
        percent(score.ceiling, score.lines),
        percent(score.overlaps as f64, score.lines)
    );
}

/// The tables of MODEL.md.
pub fn model(seeds: u64, reports: &[(&str, &[Line])]) -> String {
    let head = "| inside | a perfect model | overlap |\n|---|---|---|---|---|\n";
    let mut text =
        format!("Medians of {seeds} seeds. From the fault on, unless it says otherwise.\n\n| | statistics {head}");
    let predicted = |lines: &[Line]| Score::of(lines.iter().filter(|line| !line.input));
    for (name, lines) in reports {
        row(&mut text, &format!("**{name}**"), &predicted(lines));
        if lines.iter().any(|line| line.input) {
            row(&mut text, &format!("{name}, before the fault"), &Score::of(lines.iter().filter(|line| line.input)));
        }
    }
    let all: Vec<&Line> = reports.iter().flat_map(|(_, lines)| lines.iter()).collect();
    row(&mut text, "all, with what was before", &Score::of(all.iter().copied()));
    for (name, lines) in reports {
        let _ = write!(text, "\n{name}, by situation:\n\n| situation | statistics {head}");
        let mut settings: Vec<&str> = lines.iter().map(|line| line.setting.as_str()).collect();
        settings.dedup();
        for setting in
            settings.into_iter().filter(|setting| lines.iter().any(|line| line.setting == *setting && !line.input))
        {
            row(&mut text, setting, &Score::of(lines.iter().filter(|line| line.setting == setting && !line.input)));
        }
    }
    let mut far: Vec<&Line> =
        all.into_iter().filter(|line| !line.inside() && !line.overlaps() && !line.input).collect();
    far.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    text.push_str("\nFarthest off:\n\n| situation | where | statistic | measured | model |\n|---|---|---|---|---|\n");
    for line in far.iter().take(25) {
        let (low, high) = line.range();
        let (sign, median) = (line.unit.sign().trim(), shown(line.median()));
        let measured = if low == high { shown(low) } else { format!("{} to {}", shown(low), shown(high)) };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {measured} {sign} | {median} {sign} |",
            line.setting, line.place, line.name
        );
    }
    text
}

/// How many times too much or too little.
fn distance(line: &Line) -> f64 {
    let ratio = line.ratio();
    if ratio.is_finite() && ratio > 0.0 { ratio.max(1.0 / ratio).ln() } else { f64::MAX }
}

/// A document with the text between two marks replaced.
///
/// # Errors
/// If the marks are missing.
pub fn between(document: &str, text: &str) -> Result<String, String> {
    let (from, to) = ("<!-- fidelity: from here", "<!-- fidelity: to here -->");
    let start = document.find(from).ok_or("the document lacks the mark of the beginning")?;
    let line = start + document[start..].find('\n').ok_or("the mark has no line of its own")? + 1;
    let end = document.find(to).ok_or("the document lacks the mark of the end")?;
    Ok(format!("{}\n{text}\n{}", &document[..line], &document[end..]))
}
