//! Every constant of the model with its value and where it comes from, read from the source: the code is the table, and
//! CONSTANTS.md is a copy of it that people can read.
//!
//! A constant's doc comment says what it is and then, in this order, its unit if it is a bare number, the real flag
//! behind it if there is one, and its kind with a source or a reason:
//!
//! ```text
//! /// How many ... Unit: events. Flag: --some-flag. Sourced: etcd server/embed/config.go#DefaultSomething.
//! /// How long ... Measured: where, and what came out.
//! /// How many ... Unit: events. Chosen: why this and not another.
//! /// What it marks. Code: a bit, an index, a list: no constant of the model.
//! ```

use crate::value::{self, Value};
use brownout_core::knob::{Knob, KnobSpec, Unit};
use brownout_core::metrics::alerts::Unit as AlertUnit;
use brownout_core::metrics::{Alert, Lamp};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What citations begin with: the name here, the repository, and the version that was read.
const SOURCES: &[(&str, &str, &str)] = &[
    ("etcd", "github.com/etcd-io/etcd", "v3.7.1"),
    ("raft", "github.com/etcd-io/raft", "v3.7.0"),
    ("bbolt", "github.com/etcd-io/bbolt", "v1.5.0"),
    ("kubernetes", "github.com/kubernetes/kubernetes", "v1.36.2"),
    ("apiserver", "github.com/kubernetes/apiserver", "v0.36.2, as in Kubernetes v1.36.2"),
    ("client-go", "github.com/kubernetes/client-go", "v0.36.2, as in Kubernetes v1.36.2"),
    ("component-base", "github.com/kubernetes/component-base", "v0.36.2, as in Kubernetes v1.36.2"),
    ("kubectl", "github.com/kubernetes/kubectl", "v0.36.2, as in Kubernetes v1.36.2"),
    ("website", "github.com/kubernetes/website", "main, the documentation of Kubernetes"),
    ("legacy-cloud-providers", "github.com/kubernetes/legacy-cloud-providers", "v0.30.2, the last that has it"),
    ("ingress-gce", "github.com/kubernetes/ingress-gce", "master of August 2026"),
    ("grpc-go", "github.com/grpc/grpc-go", "v1.83.1"),
    ("client_golang", "github.com/prometheus/client_golang", "v1.23.2, as in etcd v3.7.1"),
    ("kubernetes-mixin", "github.com/kubernetes-monitoring/kubernetes-mixin", "aa38e2bfa7ea"),
    ("haproxy", "github.com/haproxy/haproxy", "v3.5-dev5"),
    ("go", "github.com/golang/go", "go1.19 and later"),
    ("linux", "github.com/torvalds/linux", "6.x; include/net/tcp.h as of 003e07a1e48e"),
    ("RFC", "www.rfc-editor.org", "number#section"),
];

/// Components in the order of the table, with the folders and files of each. The first that fits counts.
const COMPONENTS: &[(&str, &[&str])] = &[
    ("Checks during every run", &["sim/verdicts", "invariant.rs"]),
    ("Network and TCP", &["net/"]),
    ("Hosts, sockets, disks and processes", &["actor/", "sim/", "fault.rs", "knob.rs"]),
    ("etcd", &["etcd/"]),
    ("Clients of etcd and of the API", &["client/"]),
    ("API server, load balancer and static pods", &["api/", "balancer/", "prober/"]),
    ("kube-controller-manager", &["control/"]),
    ("kube-scheduler", &["scheduler/"]),
    ("Kubelets, kube-proxy and objects", &["kubelet/", "proxy/", "object/"]),
    ("Users and the operator", &["load/", "operator/"]),
    ("Metrics and alerts", &["metrics/"]),
    ("Milestones", &["milestones/"]),
    ("Beginnings and comparisons", &["scenario/", "compare/"]),
    (
        "The record: time, travel and why",
        &["engine/", "history.rs", "journal.rs", "timeline/", "why/", "frame", "inspect.rs"],
    ),
];

/// Where a constant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A public source says so.
    Sourced,
    /// From a measurement that is described.
    Measured,
    /// Ours, with the reason.
    Chosen,
    /// No constant of the model: a bit, an index, a list.
    Code,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Sourced, Self::Measured, Self::Chosen, Self::Code];
    const fn name(self) -> &'static str {
        match self {
            Self::Sourced => "sourced",
            Self::Measured => "measured",
            Self::Chosen => "chosen",
            Self::Code => "code",
        }
    }
    const fn mark(self) -> &'static str {
        match self {
            Self::Sourced => "Sourced: ",
            Self::Measured => "Measured: ",
            Self::Chosen => "Chosen: ",
            Self::Code => "Code: ",
        }
    }
}

/// What a doc comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doc {
    /// What the constant is.
    pub what: String,
    /// What its number counts.
    pub unit: Option<String>,
    /// The real flag or field behind it.
    pub flag: Option<String>,
    /// Where it comes from.
    pub kind: Kind,
    /// The source or the reason.
    pub reason: String,
}

/// Splits a sentence that begins with `mark` off the end of a text.
fn cut(text: &mut String, mark: &str) -> Option<String> {
    let at = text.match_indices(mark).map(|(at, _)| at).find(|at| *at == 0 || text[..*at].ends_with(". "))?;
    let rest = text.split_off(at)[mark.len()..].trim().trim_end_matches('.').to_string();
    text.truncate(text.trim_end().len());
    Some(rest)
}

/// Reads a doc comment.
///
/// # Errors
/// What is wrong with it.
pub fn doc(text: &str) -> Result<Doc, String> {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| text.contains(kind.mark())).collect();
    let [kind] = kinds[..] else {
        return Err(format!("says {} of Sourced:, Measured:, Chosen:, Code:", kinds.len()));
    };
    let mut what = text.to_string();
    let reason = cut(&mut what, kind.mark()).ok_or_else(|| format!("{}begins no sentence", kind.mark()))?;
    let flag = cut(&mut what, "Flag: ");
    let unit = cut(&mut what, "Unit: ");
    if what.is_empty() {
        return Err("does not say what it is".into());
    }
    let words = reason.split_whitespace().count();
    match kind {
        Kind::Sourced => cited(&reason)?,
        Kind::Measured | Kind::Chosen if words < 2 => return Err(format!("{}needs a reason", kind.mark())),
        Kind::Code if words == 0 => return Err("Code: needs a word for what it is".into()),
        _ => {}
    }
    Ok(Doc { what, unit, flag, kind, reason })
}

/// Checks that a text begins with a citation, `name path#symbol`, and that whatever looks like one is one.
fn cited(reason: &str) -> Result<(), String> {
    let words: Vec<&str> = reason.split_whitespace().collect();
    if words.get(1).is_none_or(|word| !word.contains('#')) {
        return Err(format!("Sourced: must begin with `name path#symbol`, not {reason:?}"));
    }
    for (n, word) in words.iter().enumerate().filter(|(_, word)| word.contains('#')) {
        let (path, symbol) = word.trim_end_matches([',', ';', ':', '.']).split_once('#').unwrap_or_default();
        let name = n.checked_sub(1).map_or("", |before| words[before]);
        if path.is_empty() || symbol.is_empty() {
            return Err(format!("{word:?} is no path#symbol"));
        }
        if !SOURCES.iter().any(|(known, ..)| *known == name) {
            return Err(format!("{name:?} before {word:?} is none of the sources"));
        }
    }
    Ok(())
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Its file below `core/src`.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its type, as it is written.
    pub of: String,
    /// Its value, as it is written.
    pub expression: String,
    /// What its doc comment says.
    pub doc: Doc,
}

/// The constants of `core`, and one line for each that is not documented as it should be.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// In the order of files and lines.
    pub constants: Vec<Constant>,
    /// What is wrong, as `file:line: what`.
    pub complaints: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The file that is the table.
pub fn file() -> PathBuf {
    root().join("CONSTANTS.md")
}

/// The part of a file that is not its tests. A module of tests stands at its end; what is only there for the tests
/// elsewhere belongs to the rest.
pub fn product(text: &str) -> &str {
    let begins = |rest: &str| {
        let mut after = rest.lines().skip(1).skip_while(|line| line.starts_with("#["));
        after.next().is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    let end = text.match_indices("#[cfg(test)]").find(|(at, _)| begins(&text[*at..]));
    end.map_or(text, |(at, _)| &text[..at])
}

/// Every Rust file below a folder.
///
/// # Panics
/// If a folder cannot be read.
pub fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// If a line declares a constant: its name.
fn declared(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = code.strip_prefix("pub").map_or(code, |rest| {
        let rest = rest.split_once(')').filter(|_| rest.starts_with('(')).map_or(rest, |(_, rest)| rest);
        rest.trim_start()
    });
    let rest = code.strip_prefix("const ")?;
    let name = rest.split(':').next().filter(|name| rest.len() > name.len())?;
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (name.chars().all(upper) && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

/// A declaration's type and expression, from its first line on.
fn declaration(lines: &[&str]) -> Option<(String, String)> {
    let (mut depth, mut text, mut quoted) = (0_i32, String::new(), false);
    for line in lines {
        // A comment is no part of it; a string with two slashes would be, but none has.
        let code = if line.contains('"') { line } else { line.split("//").next().unwrap_or(line) };
        for c in code.trim().chars() {
            match c {
                '"' => quoted = !quoted,
                '(' | '[' | '{' if !quoted => depth += 1,
                ')' | ']' | '}' if !quoted => depth -= 1,
                ';' if !quoted && depth == 0 => {
                    let (head, expression) = text.split_once(" = ")?;
                    let of = head.split_once(':')?.1.trim();
                    return Some((of.to_string(), expression.trim().to_string()));
                }
                _ => {}
            }
            text.push(c);
        }
        text.push(' ');
    }
    None
}

impl Table {
    /// Reads the source.
    ///
    /// # Panics
    /// If there is none.
    pub fn read() -> Self {
        let base = root().join("core/src");
        let mut found = Vec::new();
        files(&base, &mut found);
        found.sort();
        let mut table = Self::default();
        for path in found {
            let file = path.strip_prefix(&base).expect("it is below").display().to_string();
            if !file.ends_with("tests.rs") && !file.ends_with("bench.rs") {
                table.add(&file, &fs::read_to_string(&path).expect("it can be read"));
            }
        }
        table.check();
        table
    }
    /// Adds a file's constants.
    fn add(&mut self, file: &str, text: &str) {
        let lines: Vec<&str> = product(text).lines().collect();
        for (n, line) in lines.iter().enumerate() {
            let Some(name) = declared(line) else { continue };
            let before = lines[..n].iter().rev().map(|line| line.trim());
            let mut said: Vec<&str> = before
                .skip_while(|line| line.starts_with("#["))
                .take_while(|line| line.starts_with("///"))
                .map(|line| line.trim_start_matches("///").trim())
                .collect();
            said.reverse();
            let place = format!("{file}:{}: {name}", n + 1);
            let Some((of, expression)) = declaration(&lines[n..]) else {
                self.complaints.push(format!("{place} has no end"));
                continue;
            };
            match doc(&said.join(" ")) {
                Ok(doc) => {
                    let (file, name) = (file.to_string(), name.to_string());
                    self.constants.push(Constant { file, name, of, expression, doc });
                }
                Err(why) => self.complaints.push(format!("{place} {why}")),
            }
        }
    }
    /// What only the whole table shows.
    fn check(&mut self) {
        let mut wrong = Vec::new();
        for it in &self.constants {
            let place = format!("{}: {}", it.file, it.name);
            if component(&it.file).is_none() {
                wrong.push(format!("{place} belongs to no component"));
            }
            let bare = matches!(self.value(it), Some(Value::Number(_)));
            if bare && it.doc.kind != Kind::Code && unit(it).is_empty() {
                wrong.push(format!("{place} is a number without a Unit:"));
            }
        }
        let specs = Knob::ALL.iter().map(|knob| (knob.spec().name, knob.spec().source));
        let lamps = Lamp::ALL.iter().map(|lamp| (lamp.spec().name, lamp.spec().source));
        for (name, source) in specs.chain(lamps) {
            if let Err(why) = doc(&format!("{name}. {source}")) {
                wrong.push(format!("{name} {why}"));
            }
        }
        self.complaints.extend(wrong);
    }
    /// A constant's value, if it is as simple as most are.
    fn value(&self, of: &Constant) -> Option<Value> {
        self.worked_out(of, 0)
    }
    /// The same, by so many names. Names are looked up by their last part and may mislead into a circle.
    fn worked_out(&self, of: &Constant, names: u32) -> Option<Value> {
        if names > 3 {
            return None;
        }
        let named = |path: &[String]| {
            let name = path.last()?;
            let here = self.constants.iter().filter(|it| it.file == of.file && it.name == *name);
            let module = path.len().checked_sub(2).map(|n| path[n].as_str());
            let there = self.constants.iter().filter(|it| {
                it.name == *name && module.is_some_and(|module| it.file.contains(&format!("{module}.rs")))
            });
            let it = here.chain(there).find(|it| it.expression != of.expression)?;
            self.worked_out(it, names + 1)
        };
        value::value(&of.expression, &named)
    }
    /// A constant's value as people read it.
    fn shown(&self, of: &Constant) -> String {
        let plain = self.value(of).map(|it| value::human(&it, &unit(of))).filter(|text| !text.is_empty());
        plain.unwrap_or_else(|| {
            let list = of.of.starts_with(['[', '&']) || of.expression.len() > 60;
            if list && of.doc.kind == Kind::Code { String::new() } else { format!("`{}`", of.expression) }
        })
    }
    /// How many constants there are of each kind, dials, alerts and lamps not counted.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for it in &self.constants {
            *counts.entry(it.doc.kind.name()).or_default() += 1;
        }
        counts
    }
    /// The table as it stands in CONSTANTS.md.
    pub fn text(&self) -> String {
        let mut text = String::from(HEAD);
        text.push_str("| name | repository | version |\n|---|---|---|\n");
        for (name, repository, version) in SOURCES {
            let _ = writeln!(text, "| {name} | {repository} | {version} |");
        }
        text.push_str(DIALS);
        for knob in Knob::ALL {
            let spec = knob.spec();
            let (from, to) = (dial(spec, spec.min), dial(spec, spec.max));
            let range = match spec.unit {
                Unit::Switch | Unit::Place => dial(spec, spec.default),
                _ => format!("{} ({from} to {to})", dial(spec, spec.default)),
            };
            let flag = Some(spec.flag).filter(|flag| flag.starts_with('-'));
            row(&mut text, spec.help, &format!("`{}`", spec.name), &range, flag, spec.source);
        }
        for (title, _) in COMPONENTS {
            let of = |it: &&Constant| component(&it.file) == Some(title) && it.doc.kind != Kind::Code;
            let mut rows = self.constants.iter().filter(of).peekable();
            if rows.peek().is_none() {
                continue;
            }
            let _ = write!(text, "\n## {title}\n\n{COLUMNS}");
            for it in rows {
                let source = format!("{}{}", it.doc.kind.mark(), it.doc.reason);
                let place = format!("`{}` `{}`", it.file, it.name);
                row(&mut text, &it.doc.what, &place, &self.shown(it), it.doc.flag.as_deref(), &source);
            }
            if *title == "Metrics and alerts" {
                signs(&mut text);
            }
        }
        text.push_str(CODES);
        for it in self.constants.iter().filter(|it| it.doc.kind == Kind::Code) {
            let what = cell(&format!("{} ({})", it.doc.what.trim_end_matches('.'), it.doc.reason));
            let _ = writeln!(text, "| `{}` `{}` | {} | {what} |", it.file, it.name, cell(&self.shown(it)));
        }
        text
    }
}

const HEAD: &str = "# Every constant

Written by `cargo xtask model` from the code, which is the table: what stands there is what the simulator does. A test fails when this
page says something else. What several constants do together, and what is left out, says [MODEL.md](MODEL.md).

*Sourced*: a public source says so, cited by a name from the list below, a path and a symbol in it. *Measured*: taken from a measurement.
*Chosen*: ours, with the reason. *Simplified* says what the real one does besides.

## What was read

";
const DIALS: &str = "
## Dials

What a learner can move, with its default and its limits.

| what it is | dial | value | flag | kind | source or reason |
|---|---|---|---|---|---|
";
const COLUMNS: &str = "| what it is | constant | value | flag | kind | source or reason |\n|---|---|---|---|---|---|\n";
const CODES: &str = "
## Marks, lists and sizes

These are no constants of the model: another number would change nothing but how it is written down.

| constant | value | what it is |
|---|---|---|
";

/// Alerts and early warnings, which are rows of tables in the code.
fn signs(text: &mut String) {
    for alert in Alert::ALL {
        let spec = alert.spec();
        let hold = value::span(i128::from(spec.hold.ns()));
        let threshold = match spec.unit {
            AlertUnit::Count => format!("{}", spec.threshold),
            AlertUnit::MilliPercent => format!("{} %", thousandths(spec.threshold)),
            AlertUnit::Us => value::span(i128::from(spec.threshold) * 1_000),
            AlertUnit::MilliPerSecond => format!("{} a second", thousandths(spec.threshold)),
            AlertUnit::MilliBurn => format!("{} times the budget's rate", thousandths(spec.threshold)),
        };
        let source = format!("Sourced: {}#{}", mixin(spec.name), symbol(spec.name));
        row(
            text,
            spec.help,
            &format!("{}, {}", spec.name, spec.severity.name()),
            &format!("{threshold} for {hold}"),
            None,
            &source,
        );
    }
    for lamp in Lamp::ALL {
        let spec = lamp.spec();
        let from = match spec.unit {
            "us" => value::span(i128::from(spec.threshold) * 1_000),
            _ => format!("{}", spec.threshold),
        };
        row(text, spec.help, &format!("lamp `{}`", spec.name), &format!("from {from}"), None, spec.source);
    }
}

fn thousandths(number: u64) -> String {
    let text = format!("{}.{:03}", number / 1_000, number % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The file that has an alert.
fn mixin(alert: &str) -> &'static str {
    match alert {
        it if it.starts_with("etcd") => "etcd contrib/mixin/alerts/alerts.libsonnet",
        "KubeletDown" => "kubernetes-mixin alerts/kubelet.libsonnet",
        it if it.ends_with("Down") => "kubernetes-mixin lib/absent_alert.libsonnet",
        it if it.ends_with("InstanceUnreachable") => "kubernetes-mixin lib/instance_unreachable_alert.libsonnet",
        it if it.starts_with("KubeAPI") => "kubernetes-mixin alerts/kube_apiserver.libsonnet",
        "KubeClientErrors" => "kubernetes-mixin alerts/system_alerts.libsonnet",
        it if it.starts_with("KubeNode") => "kubernetes-mixin alerts/kubelet.libsonnet",
        _ => "kubernetes-mixin alerts/apps_alerts.libsonnet",
    }
}

/// What it is called there: the two templates put a component's name before the rest.
fn symbol(alert: &str) -> &str {
    match alert {
        "KubeletDown" => alert,
        it if it.starts_with("Kube") && it.ends_with("Down") => "Down",
        it if it.ends_with("InstanceUnreachable") => "InstanceUnreachable",
        it => it,
    }
}

/// A dial's number as people read it.
fn dial(spec: KnobSpec, number: u32) -> String {
    let n = i128::from(number);
    match spec.unit {
        Unit::Ppm => format!("{} %", thousandths(u64::from(number) / 10)),
        Unit::Us => value::span(n * 1_000),
        Unit::Ms => value::span(n * 1_000_000),
        Unit::Mbps => format!("{} Mbit/s", value::grouped(n)),
        Unit::MilliPerSecond => format!("{} a second", thousandths(number.into())),
        Unit::MilliPerHour => format!("{} an hour", thousandths(number.into())),
        Unit::Switch => if number == 0 { "off" } else { "on" }.to_string(),
        Unit::Place => brownout_core::knob::Place::ALL[number as usize].name().to_string(),
    }
}

fn component(file: &str) -> Option<&'static str> {
    let of = |(_, places): &&(&str, &[&str])| places.iter().any(|place| file.starts_with(place));
    COMPONENTS.iter().find(of).map(|(title, _)| *title)
}

/// What a constant's number counts: its doc says it, or its name.
fn unit(of: &Constant) -> String {
    if let Some(unit) = &of.doc.unit {
        return unit.clone();
    }
    let ends = [("_BYTES", "bytes"), ("_PCT", "%"), ("_S", "s"), ("_QPS", "requests a second")];
    let found = ends.iter().find(|(end, _)| of.name.ends_with(end)).map_or("", |(_, unit)| unit);
    if of.name == "BYTES" { "bytes".into() } else { found.into() }
}

/// A text as a cell can hold it: without links and bars.
fn cell(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

fn row(text: &mut String, what: &str, place: &str, value: &str, flag: Option<&str>, source: &str) {
    let quoted = |flag: &str| if flag.contains(' ') || flag.is_empty() { flag.into() } else { format!("`{flag}`") };
    let flags: Vec<String> = flag.unwrap_or_default().split(" and ").map(quoted).collect();
    let (kind, reason) = source.split_once(": ").unwrap_or(("", source));
    let (what, flag) = (what.trim_end_matches('.'), flags.join(" and "));
    let _ = writeln!(
        text,
        "| {} | {place} | {} | {flag} | {} | {} |",
        cell(what),
        cell(value),
        kind.to_lowercase(),
        cell(reason)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_is_read() {
        let it = doc("How long. It waits. Unit: tries. Flag: --a and --b. Sourced: etcd a/b.go#C.d: why; raft x.go#Y.");
        let it = it.expect("a doc");
        assert_eq!((it.what.as_str(), it.kind), ("How long. It waits.", Kind::Sourced));
        assert_eq!((it.unit.as_deref(), it.flag.as_deref()), (Some("tries"), Some("--a and --b")));
        assert_eq!(it.reason, "etcd a/b.go#C.d: why; raft x.go#Y");
    }

    #[test]
    fn what_is_missing_is_said() {
        let wrong = |text: &str| doc(text).expect_err("it is wrong");
        assert!(wrong("How long.").contains("says 0 of"));
        assert!(wrong("How long. Chosen: so it is. Measured: then and there.").contains("says 2 of"));
        assert!(wrong("How long. Chosen: yes.").contains("needs a reason"));
        assert!(wrong("Chosen: because it is so.").contains("what it is"));
        assert!(wrong("How long. Sourced: etcd a/b.go.").contains("path#symbol"));
        assert!(wrong("How long. Sourced: nobody a/b.go#C.").contains("none of the sources"));
        assert!(wrong("How long. Sourced: etcd a/b.go#.").contains("no path#symbol"));
    }

    #[test]
    fn declarations_are_found() {
        assert_eq!(declared("    pub(super) const MOST_OF: u8 = 3;"), Some("MOST_OF"));
        assert_eq!(declared("pub const fn of(self) -> u8 {"), None);
        assert_eq!(declared("const A: [u8; 2] = ["), Some("A"));
        let of = declaration(&["const A: [u8; 2] = [", "    1, // one", "    2,", "];"]);
        assert_eq!(of, Some(("[u8; 2]".into(), "[ 1, 2, ]".into())));
    }
}
