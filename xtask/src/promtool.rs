//! Holds the metrics against the real promtool.

use crate::run::{self, Project};
use anyhow::{Context, Result, bail};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

/// Runs whose metrics are checked: scenario, moment in seconds.
const MOMENTS: [(&str, &str); 2] = [("quiet", "60"), ("leader-crash", "60")];
/// Names that promtool objects to, and that the real component has nevertheless: gauges that are named as counters, and
/// counters that are not.
const REAL_NAMES: [&str; 7] = [
    "etcd_server_health_success",
    "etcd_server_health_failures",
    "etcd_debugging_mvcc_watcher_total",
    "etcd_debugging_mvcc_slow_watcher_total",
    "etcd_server_proposals_committed_total",
    "etcd_server_proposals_applied_total",
    "etcd_debugging_mvcc_keys_total",
];

/// promtool, or one sentence that says how to get it.
fn promtool() -> Result<PathBuf> {
    if let Some(found) = run::which("promtool") {
        return Ok(found);
    }
    if run::apt_install(&["prometheus"], "the test of the metrics needs promtool")?
        && let Some(found) = run::which("/usr/bin/promtool")
    {
        return Ok(found);
    }
    bail!("The test of the metrics needs promtool: install Prometheus (Debian's package is `prometheus`).")
}

/// Every moment's metrics must parse, and nothing but the real components' own habits may be objected to. `metrics` is there:
/// the native tests compile it.
pub fn check(project: &Project) -> Result<()> {
    let promtool = promtool()?;
    let metrics = project.target.join("test-fast").join(format!("metrics{}", std::env::consts::EXE_SUFFIX));
    for (scenario, at) in MOMENTS {
        let mut command = project.command(&metrics);
        let text = run::capture(command.args([scenario, "--at", at]), "`metrics` failed; its output is above.")?;
        let objections = objections(project, &promtool, &text)?;
        println!("{scenario} at {at} s: {} lines", text.lines().count());
        if !objections.is_empty() {
            bail!("promtool objects to the metrics of {scenario} at {at} s: {}", objections.join("; "));
        }
    }
    Ok(())
}

/// What promtool says, less what it says of real names.
fn objections(project: &Project, promtool: &std::path::Path, text: &str) -> Result<Vec<String>> {
    let mut command = project.command(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("promtool cannot be started")?;
    let mut input = child.stdin.take().context("promtool takes no input")?;
    let owned = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(owned.as_bytes()));
    let output = child.wait_with_output()?;
    let written = writer.join();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let known = |line: &&str| REAL_NAMES.iter().any(|name| line.starts_with(&format!("{name} ")));
    let left: Vec<String> = said.lines().filter(|line| !line.is_empty() && !known(line)).map(str::to_owned).collect();
    // 0: all is well. 3: it parses, but for names.
    let parses = matches!(output.status.code(), Some(0 | 3)) && matches!(written, Ok(Ok(())));
    if !parses && left.is_empty() {
        bail!("promtool ended with {}", output.status);
    }
    Ok(left)
}
