//! The licences of everything by others that ends up in dist/.

use crate::run::{self, Project};
use crate::wasm::TARGET;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// One package by others.
struct Package {
    name: String,
    version: String,
    licence: String,
    text: String,
}

/// Writes the file that goes out with the page: the npm packages of the bundle, then the crates of the engine.
pub fn write(project: &Project, bundle: &Path, output: &Path) -> Result<()> {
    let mut packages = bundled(bundle)?;
    packages.extend(crates(project)?);
    let mut text = String::from("What others wrote and this page contains, with the terms it comes under.\n");
    for Package { name, version, licence, text: terms } in &packages {
        if terms.is_empty() && licence.is_empty() {
            bail!("{name} {version} states no licence; it must not be shipped.");
        }
        write!(text, "\n{}\n{name} {version}: {licence}\n\n{}\n", "-".repeat(80), terms.trim())?;
    }
    fs::write(output, text).with_context(|| format!("cannot write {}", output.display()))
}

/// The npm packages that the bundler took something from, as its report lists them.
fn bundled(report: &Path) -> Result<Vec<Package>> {
    let report: Value = serde_json::from_slice(&fs::read(report)?)?;
    let listed = report["packages"].as_array().context("the bundler's report lists no packages")?;
    let field = |package: &Value, name: &str| package[name].as_str().unwrap_or_default().to_owned();
    Ok(listed
        .iter()
        .map(|package| Package {
            name: field(package, "name"),
            version: field(package, "version"),
            licence: field(package, "licence"),
            text: field(package, "text"),
        })
        .collect())
}

/// The crates that are compiled into the engine, and the standard library.
fn crates(project: &Project) -> Result<Vec<Package>> {
    let compiled_in = compiled_in(project)?;
    let mut cargo = project.cargo("metadata");
    let metadata = run::capture(
        cargo.args(["--format-version", "1", "--filter-platform", TARGET]),
        "`cargo metadata` failed; see above.",
    )?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut packages = vec![Package {
        name: "The Rust standard library".into(),
        version: String::new(),
        licence: "MIT OR Apache-2.0".into(),
        text: "Copyright (c) The Rust Project Contributors, https://github.com/rust-lang/rust".into(),
    }];
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        // Ours have no source: they come from the workspace.
        if package["source"].is_null() || !compiled_in.contains(&format!("{name} v{version}")) {
            continue;
        }
        let manifest = text("manifest_path");
        let folder = Path::new(&manifest).parent().context("a crate lies in no folder")?;
        packages.push(Package { name, version, licence: text("license"), text: terms(folder)? });
    }
    Ok(packages)
}

/// Names and versions as cargo prints them. Macros run in the compiler and leave no code of theirs.
fn compiled_in(project: &Project) -> Result<BTreeSet<String>> {
    let mut cargo = project.cargo("tree");
    cargo.args(["--package", "brownout-wasm", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    cargo.args(["--target", TARGET, "--format", "{p}"]);
    let tree = run::capture(&mut cargo, "`cargo tree` failed; see above.")?;
    let first_words = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(tree.lines().map(first_words).collect())
}

/// The licence files of a package. Where MIT may be chosen, MIT is: the others say the same at greater length.
fn terms(folder: &Path) -> Result<String> {
    let mut files: Vec<_> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    let name = |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    files.retain(|file| {
        let starts = ["LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|start| name(file).starts_with(start));
        starts && file.is_file()
    });
    files.sort();
    if let Some(mit) = files.iter().find(|file| name(file).ends_with("-MIT")) {
        files = vec![mit.clone()];
    }
    let texts: Result<Vec<_>, _> = files.iter().map(fs::read_to_string).collect();
    Ok(texts?.join("\n"))
}
