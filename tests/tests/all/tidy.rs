//! Rules of the house that a compiler doesn't know.

use brownout_tests::constants::{self, Table, product};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let base = root().join(folder);
    constants::files(&base, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no sources below {folder}");
    let name = |path: &Path| path.strip_prefix(&base).expect("it is below").display().to_string();
    found.iter().map(|path| (name(path), fs::read_to_string(path).expect("it can be read"))).collect()
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.ends_with("bench.rs")
}

/// Which modules a module may name. `role.rs` and `wire.rs` are lists and may name everything.
const LAYERS: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("net", &["engine"]),
    ("object", &["engine"]),
    ("knob.rs", &["engine"]),
    ("actor", &["engine", "net", "object", "knob", "operator"]),
    ("client", &["engine", "net", "object", "knob", "actor", "etcd", "api"]),
    ("etcd", &["engine", "net", "object", "knob", "actor"]),
    ("api", &["engine", "net", "object", "knob", "actor", "etcd", "client"]),
    ("balancer", &["engine", "net", "object", "knob", "actor", "api", "client"]),
    ("prober", &["engine", "net", "object", "knob", "actor", "etcd", "api", "client"]),
    ("control", &["engine", "net", "object", "knob", "actor", "etcd", "api", "client", "scheduler"]),
    ("scheduler", &["engine", "net", "object", "knob", "actor", "api", "client"]),
    ("kubelet", &["engine", "net", "object", "knob", "actor", "api", "client"]),
    ("proxy", &["engine", "net", "object", "knob", "actor", "api", "client"]),
    ("load", &["engine", "net", "object", "knob", "actor", "etcd", "api", "client"]),
    ("operator", &["engine", "net", "object", "knob", "actor", "api", "client"]),
    ("fault.rs", &["engine", "net"]),
];

#[test]
fn layers_point_one_way() {
    let mut wrong = Vec::new();
    for (name, text) in sources("core/src") {
        let Some((layer, allowed)) = LAYERS.iter().find(|(layer, _)| name.starts_with(layer)) else { continue };
        if matches!(name.as_str(), "actor/role.rs" | "actor/wire.rs") || is_test(&name) {
            continue;
        }
        let own = layer.trim_end_matches(".rs");
        for (n, line) in product(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            for used in code.split("crate::").skip(1) {
                let module: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !module.is_empty() && module != own && !allowed.contains(&module.as_str()) {
                    wrong.push(format!("{name}:{}: {own} may not know {module}", n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_engine_has_no_floats_no_unwraps_and_no_unsafe() {
    let mut wrong = Vec::new();
    for (name, text) in sources("core/src") {
        if is_test(&name) {
            continue;
        }
        for (n, line) in product(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let banned =
                [".unwrap()", "unsafe ", "HashMap", "HashSet", "std::", "sort_unstable", "todo!", "unimplemented!"];
            for word in banned.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("{name}:{}: {word}", n + 1));
            }
            if !name.starts_with("frame") && (code.contains("f32") || code.contains("f64")) {
                wrong.push(format!("{name}:{}: a float", n + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_constant_says_where_it_comes_from() {
    let table = Table::read();
    assert!(table.constants.len() > 500, "only {} constants were found", table.constants.len());
    assert!(table.complaints.is_empty(), "{}", table.complaints.join("\n"));
}

#[test]
fn every_constant_has_its_row() {
    let table = Table::read();
    let now = table.text();
    if std::env::var_os("BLESS").is_some() {
        println!("{:?}", table.counts());
        return fs::write(constants::file(), now).expect("CONSTANTS.md can be written");
    }
    let file = fs::read_to_string(constants::file()).expect("CONSTANTS.md is there");
    let differs = file.lines().zip(now.lines()).find(|(old, new)| old != new);
    let (old, new) = differs.unwrap_or(("too many or too few lines", "another number of them"));
    assert!(file == now, "CONSTANTS.md has\n{old}\nwhere the code says\n{new}\n(`cargo xtask model` writes it)");
}

/// A length of time in the middle of code is a constant without a name and a source.
#[test]
fn spans_have_names() {
    let mut wrong = Vec::new();
    for (name, text) in sources("core/src") {
        if is_test(&name) {
            continue;
        }
        let mut constant = false;
        for (n, line) in product(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            constant |= code.contains("const ") && !code.contains("const fn ");
            let number = |unit: &str| {
                let call = format!("Span::from_{unit}(");
                code.split(&call)
                    .skip(1)
                    .any(|it| it.starts_with(|c: char| c.is_ascii_digit()) && !it.starts_with("0)"))
            };
            if !constant && ["secs", "ms", "us", "ns"].into_iter().any(number) {
                wrong.push(format!("{name}:{}: {}", n + 1, line.trim()));
            }
            constant &= !code.trim_end().ends_with(';');
        }
    }
    assert!(wrong.is_empty(), "give it a name, and say where it comes from:\n{}", wrong.join("\n"));
}

#[test]
fn files_are_short_enough_to_hold_in_the_head() {
    let long: Vec<String> = sources("core/src")
        .into_iter()
        .filter(|(name, text)| !is_test(name) && product(text).lines().count() > 700)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "ask why: {long:?}");
}
