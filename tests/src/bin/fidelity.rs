//! Prints how close the simulation comes to what was measured on real systems.

use brownout_tests::fidelity::{self, Line, cut, etcd, kubernetes, tcp, written};
use std::path::Path;
use std::process::ExitCode;

/// The reports there are.
const REPORTS: &str = "tcp, etcd, cut, kubernetes, all, write (MODEL.md and the page's file), tcp-speed";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fidelity: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let name = arguments.first().map_or("", String::as_str);
    let seeds = match arguments.get(1) {
        Some(text) => text.parse::<u64>().map_err(|error| format!("seeds = {text} is not a number: {error}"))?.max(1),
        None => 9,
    };
    // A part of a situation's name, or a file of cells in the reference's format, in place of the repository's.
    let only = arguments.get(2).map_or("", String::as_str);
    match name {
        "tcp" => fidelity::report("TCP", &tcp::lines(seeds)),
        "etcd" => fidelity::report("etcd", &etcd_lines(seeds, only)?),
        "cut" => fidelity::report("cut", &cut::lines(seeds)),
        "kubernetes" => fidelity::report("kubernetes", &kubernetes_lines(seeds, only)?),
        "all" => all(seeds),
        "write" => write(seeds)?,
        "tcp-speed" => speed(),
        other => {
            let given = if other.is_empty() { "nothing" } else { other };
            return Err(format!(
                "no report \"{given}\"; there is: {REPORTS} [seeds] [part of a name, or a file of cells]"
            ));
        }
    }
    Ok(())
}

fn file(only: &str) -> Option<Result<String, String>> {
    let read = || std::fs::read_to_string(only).map_err(|error| format!("{only} cannot be read: {error}"));
    only.ends_with(".json").then(read)
}
fn parsed<T: serde::de::DeserializeOwned>(text: &str, only: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("{only} is not in the format of tests/reference: {error}"))
}
fn etcd_lines(seeds: u64, only: &str) -> Result<Vec<Line>, String> {
    match file(only) {
        Some(text) => Ok(etcd::lines(&parsed::<Vec<etcd::Cell>>(&text?, only)?, seeds, "")),
        None => {
            let cells = etcd::reference();
            some(etcd::lines(&cells, seeds, only), only, cells.iter().map(etcd::Cell::setting))
        }
    }
}
fn kubernetes_lines(seeds: u64, only: &str) -> Result<Vec<Line>, String> {
    match file(only) {
        Some(text) => Ok(kubernetes::lines(&parsed::<Vec<kubernetes::Run>>(&text?, only)?, seeds, "")),
        None => {
            let names = kubernetes::reference();
            some(kubernetes::lines(&names, seeds, only), only, names.iter().map(|run| run.name.as_str()))
        }
    }
}
fn some<'a>(lines: Vec<Line>, only: &str, names: impl Iterator<Item = &'a str>) -> Result<Vec<Line>, String> {
    if !lines.is_empty() {
        return Ok(lines);
    }
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    Err(format!("no situation's name contains \"{only}\"; there are: {}", names.join(", ")))
}

type Reports = [(&'static str, Vec<Line>); 4];

fn reports(seeds: u64) -> Reports {
    [
        ("TCP", tcp::lines(seeds)),
        ("etcd", etcd::lines(&etcd::reference(), seeds, "")),
        ("etcd after a cut", cut::lines(seeds)),
        ("Kubernetes", kubernetes::lines(&kubernetes::reference(), seeds, "")),
    ]
}
fn all(seeds: u64) {
    let reports = reports(seeds);
    for (name, lines) in &reports {
        fidelity::report(name, lines);
    }
    println!("\nall: {}", fidelity::Score::of(reports.iter().flat_map(|(_, lines)| lines)));
}
fn write(seeds: u64) -> Result<(), String> {
    let reports = reports(seeds);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("MODEL.md");
    let document = std::fs::read_to_string(&path).map_err(|error| format!("MODEL.md cannot be read: {error}"))?;
    let borrowed: Vec<(&str, &[Line])> = reports.iter().map(|(name, lines)| (*name, lines.as_slice())).collect();
    let document = written::between(&document, &written::model(seeds, &borrowed))?;
    std::fs::write(&path, document).map_err(|error| format!("MODEL.md cannot be written: {error}"))?;
    let page = written::page(&reports[1].1, &reports[3].1);
    std::fs::write(root.join("www/reference.json"), page).map_err(|error| format!("www/reference.json: {error}"))?;
    for (name, lines) in &reports {
        println!("{name}: {}", fidelity::Score::of(lines.iter()));
    }
    Ok(())
}
fn speed() {
    let start = std::time::Instant::now();
    let operations = tcp::ping_pong(4_000_000);
    let seconds = start.elapsed().as_secs_f64();
    println!("{operations} segments in {seconds:.2} s: {:.1} million per second", operations as f64 / seconds / 1e6);
}
