//! Every test there is, one step after the other.

use crate::run::{self, Project};
use crate::{browser, promtool, serve, wasm, web};
use anyhow::{Result, bail};
use std::fs;
use std::process::Command;
use std::time::Instant;

/// One kind of test.
struct Step {
    name: &'static str,
    /// Whether it also runs with `--quick`.
    quick: bool,
    /// The step whose output it tests. If that one failed, there is nothing to test.
    needs: Option<&'static str>,
    run: fn(&Project, bool) -> Result<()>,
}

#[rustfmt::skip] // A table.
const STEPS: [Step; 11] = [
    Step { name: "format", quick: true, needs: None, run: format },
    Step { name: "lints", quick: true, needs: None, run: lints },
    Step { name: "native", quick: true, needs: None, run: native_tests },
    Step { name: "xtask", quick: false, needs: None, run: xtask_tests },
    Step { name: "metrics", quick: false, needs: None, run: metrics },
    Step { name: "wasm", quick: false, needs: None, run: |project, _| wasm::build(project) },
    Step { name: "node", quick: false, needs: Some("wasm"), run: node_tests },
    Step { name: "types", quick: true, needs: Some("wasm"), run: types },
    Step { name: "bundle", quick: false, needs: Some("wasm"), run: |project, _| web::bundle(project) },
    Step { name: "size", quick: false, needs: Some("bundle"), run: |project, _| web::size(project) },
    Step { name: "browser", quick: false, needs: Some("bundle"), run: browser_tests },
];

/// Runs the steps, all of them whatever fails, and prints what came of each.
pub fn all(project: &Project, quick: bool, only: &[String]) -> Result<()> {
    let steps = choose(quick, only)?;
    let started = Instant::now();
    let mut failures: Vec<(&str, String)> = Vec::new();
    for step in &steps {
        println!("\n== {}", step.name);
        let begun = Instant::now();
        let failed_before = |name| failures.iter().any(|(failed, _)| *failed == name);
        let outcome = match step.needs.filter(|needed| failed_before(*needed)) {
            Some(needed) => Err(anyhow::anyhow!("not run, because `{needed}` failed")),
            None => (step.run)(project, quick),
        };
        let seconds = begun.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => println!("ok      {:<8} {seconds:>6.1} s", step.name),
            Err(error) => {
                let error = run::explain(&error);
                println!("FAILED  {:<8} {seconds:>6.1} s  {error}", step.name);
                failures.push((step.name, error));
            }
        }
    }
    conclude(steps.len(), &failures, started)
}

/// The steps to run. An unknown name is an error that lists the known ones.
fn choose(quick: bool, only: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = only.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("There is no step `{unknown}`. The steps are: {}.", known.join(", "));
    }
    let named = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(|step| step.quick || !quick).filter(named).collect())
}

fn conclude(steps: usize, failures: &[(&str, String)], started: Instant) -> Result<()> {
    println!("\nall steps took {:.1} s", started.elapsed().as_secs_f32());
    for (name, error) in failures {
        println!("failed: {name}: {error}");
    }
    println!("{} passed, {} failed", steps - failures.len(), failures.len());
    // The line above is the message; an error here would only repeat it.
    if !failures.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}

/// A part of Rust that small installations lack.
fn component(project: &Project, command: &str, name: &str) -> Result<()> {
    let there = || run::succeeds(project.command("cargo").args([command, "--version"]));
    if there() {
        return Ok(());
    }
    println!("adding {name} with rustup");
    run::succeeds(project.command("rustup").args(["component", "add", name]));
    if there() {
        return Ok(());
    }
    bail!("`cargo {command}` is not installed and rustup could not add it: install {name}.")
}

fn format(project: &Project, _: bool) -> Result<()> {
    component(project, "fmt", "rustfmt")?;
    // `cargo fmt` knows no --locked.
    let mut cargo = project.command("cargo");
    run::run(cargo.args(["fmt", "--all", "--check"]), "Some code is not formatted; run `cargo fmt --all`.")
}

fn lints(project: &Project, _: bool) -> Result<()> {
    component(project, "clippy", "clippy")?;
    let mut cargo = project.cargo("clippy");
    // In the tests' profile, so that macros and build scripts are compiled once for both.
    cargo.args(["--quiet", "--workspace", "--all-targets", "--profile", "test-fast", "--", "--deny", "warnings"]);
    run::run(&mut cargo, "The compiler or clippy objects; see above.")
}

fn native_tests(project: &Project, quick: bool) -> Result<()> {
    let few: &[_] = if quick { &[("BROWNOUT_QUICK", "1")] } else { &[] };
    native(project, few)
}

/// All Rust tests of the product, optimised, in the given environment.
pub fn native(project: &Project, environment: &[(&str, &str)]) -> Result<()> {
    let mut cargo = native_cargo(project);
    cargo.arg("--no-fail-fast").envs(environment.iter().copied());
    run::run(&mut cargo, "Native tests failed; each names its replay line above.")
}

fn native_cargo(project: &Project) -> Command {
    let mut cargo = project.cargo("test");
    // xtask has its own step: optimised, its dependencies would take longer than all tests.
    cargo.args(["--workspace", "--exclude", "xtask", "--profile", "test-fast"]);
    cargo
}

/// Writes the table of constants: the test that compares it, told to accept.
pub fn model(project: &Project) -> Result<()> {
    let mut cargo = project.cargo("test");
    cargo.args(["--quiet", "--package", "brownout-tests", "--profile", "test-fast", "--test", "all", "--"]);
    cargo.args(["tidy::every_constant_has_its_row", "--exact", "--nocapture"]);
    run::run(cargo.env("BLESS", "1"), "The table was not written; see above.")
}

/// The native tests bring their binaries along; compiled by itself, `metrics` would be with other features, and all again.
fn metrics(project: &Project, _: bool) -> Result<()> {
    run::run(native_cargo(project).args(["--quiet", "--no-run"]), "The tests do not compile; see above.")?;
    promtool::check(project)
}

fn xtask_tests(project: &Project, _: bool) -> Result<()> {
    let mut cargo = project.cargo("test");
    run::run(cargo.args(["--package", "xtask", "--profile", "xtask"]), "The tests of xtask failed; see above.")
}

fn node_tests(project: &Project, _: bool) -> Result<()> {
    let folder = project.root.join("tests/node");
    let mut files: Vec<_> = fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() {
        bail!("There are no tests in tests/node.");
    }
    let mut node = project.command("node");
    run::run(node.args(["--test", "--test-reporter=spec"]).args(files), "Tests under Node failed; see above.")
}

fn types(project: &Project, _: bool) -> Result<()> {
    wasm::build_if_older(project)?;
    web::types(project)
}

fn browser_tests(project: &Project, _: bool) -> Result<()> {
    let chromium = browser::chromium()?;
    // Whoever has no Firefox tests all the same, but hears of it, and again where the list has scrolled by.
    let (firefox, untested) = match browser::firefox() {
        Ok(found) => (Some(found), None),
        Err(error) => (None, Some(format!("No test runs in Firefox: {}", run::explain(&error)))),
    };
    let say_untested = || untested.iter().for_each(|sentence| println!("skipped {sentence}"));
    say_untested();
    let port = serve::in_background(project)?;
    let outcome = web::browser_tests(project, &web::Browsers { chromium, firefox }, port);
    say_untested();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(quick: bool, only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        choose(quick, &only).expect("all are known").iter().map(|step| step.name).collect()
    }

    #[test]
    fn quick_leaves_out_what_takes_long() {
        assert_eq!(names(true, &[]), ["format", "lints", "native", "types"]);
        assert_eq!(names(false, &[]).len(), STEPS.len());
        assert_eq!(names(false, &["size", "node"]), ["node", "size"]);
    }

    #[test]
    fn a_step_comes_after_what_it_needs() {
        for (at, step) in STEPS.iter().enumerate() {
            let before = |name| STEPS[..at].iter().any(|earlier| earlier.name == name);
            assert!(step.needs.is_none_or(before), "{} comes too early", step.name);
        }
    }

    #[test]
    fn an_unknown_step_is_answered_with_the_known_ones() {
        let error = choose(false, &["brwser".into()]).err().expect("it is unknown").to_string();
        assert!(error.contains("`brwser`") && error.contains("browser"), "{error}");
    }
}
