//! The engine as wasm: a compiler for it, the build, its JavaScript and its optimisation.

use crate::run::{self, Project};
use crate::web;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

pub const TARGET: &str = "wasm32-unknown-unknown";
/// The stem of every generated file.
const NAME: &str = "brownout";
/// Debian's own Rust with the library's sources: the way out where rustup cannot download.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// The oldest compiler that the workspace accepts.
const RUST_VERSION_MIN: &str = env!("CARGO_PKG_RUST_VERSION");

/// A way to compile for wasm.
enum Compiler {
    /// The cargo at hand has the target.
    AtHand,
    /// Debian's, which compiles the standard library along with the engine.
    Debian { linker: PathBuf },
}

/// Builds the engine once, and from it `www/pkg` for the page and `target/wasm-node` for Node.
/// Both hold the same optimised module.
pub fn build(project: &Project) -> Result<()> {
    web::install_packages(project)?;
    let compiled = compile(project, "wasm", &[])?;
    let page = project.www().join("pkg");
    let node = project.root.join("target/wasm-node");
    for old in [&page, &node] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove the old {}", old.display()))?;
        }
    }
    bindings(&compiled, &page, |bindgen| bindgen.web(true))?;
    // The page gets the memory from `init`. Under Node the module loads itself, so it exports `__wasm`.
    bindings(&compiled, &node, |bindgen| Ok(bindgen.nodejs_module(true)?.export_wasm(true)))?;
    for output in [&page, &node] {
        optimise(project, &output.join(format!("{NAME}_bg.wasm")))?;
    }
    // The page imports the module's file for its address; the bundler answers with a string.
    let declaration =
        "/** The module's address, relative to the script. */\ndeclare const url: string;\nexport default url;\n";
    fs::write(page.join(format!("{NAME}_bg.wasm.d.ts")), declaration)?;
    Ok(())
}

/// Builds only if the page's types are missing or may be out of date.
pub fn build_if_older(project: &Project) -> Result<()> {
    let time = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let built = time(&project.www().join(format!("pkg/{NAME}.d.ts")));
    let sources = fs::read_dir(project.root.join("wasm/src"))?.flatten();
    let changed = sources.filter_map(|source| time(&source.path())).max();
    if built.is_some() && built > changed { Ok(()) } else { build(project) }
}

/// Builds the engine with the benchmarks' work in it, for Node alone: `target/wasm-bench`.
pub fn build_bench(project: &Project) -> Result<()> {
    web::install_packages(project)?;
    let compiled = compile(project, "wasm-bench-build", &["--features", "bench"])?;
    let output = project.root.join("target/wasm-bench");
    bindings(&compiled, &output, |bindgen| Ok(bindgen.nodejs_module(true)?.export_wasm(true)))?;
    optimise(project, &output.join(format!("{NAME}_bg.wasm")))
}

fn compile(project: &Project, folder: &str, features: &[&str]) -> Result<PathBuf> {
    let compiler = compiler(project)?;
    let target = project.target.join(folder);
    let mut cargo = project.cargo("build");
    if let Compiler::Debian { linker } = &compiler {
        cargo = project.cargo_at("/usr/bin/cargo", "build");
        cargo.arg("-Zbuild-std=std,panic_abort");
        // Unstable flags of a stable compiler: nothing else hands out the library for this target.
        cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(project));
    // A folder of its own, so that native builds and this one do not throw each other's work away.
    cargo.args(["--release", "--package", "brownout-wasm", "--target", TARGET]).arg("--target-dir").arg(&target);
    cargo.args(features);
    run::run(&mut cargo, "The engine does not compile for wasm; the compiler's message is above.")?;
    Ok(target.join(TARGET).join("release/brownout_wasm.wasm"))
}

/// Panics name source files. Without this the module would tell where on whose machine it was built,
/// and differ from machine to machine.
fn flags(project: &Project) -> OsString {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from);
    let crates = cargo_home.or_else(|| home.map(|home| home.join(".cargo")));
    let crates = crates.map(|home| (home.join("registry/src"), "crates"));
    let mut flags = OsString::new();
    for (from, to) in [(project.root.clone(), "brownout")].into_iter().chain(crates) {
        // Between flags, cargo wants this character.
        flags.push(if flags.is_empty() { "" } else { "\u{1f}" });
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push(format!("={to}"));
    }
    flags
}

fn compiler(project: &Project) -> Result<Compiler> {
    if has_target(project) {
        return Ok(Compiler::AtHand);
    }
    if let Some(debian) = debian(project) {
        return Ok(debian);
    }
    println!("adding the {TARGET} target with rustup");
    if run::succeeds(project.command("rustup").args(["target", "add", TARGET])) && has_target(project) {
        return Ok(Compiler::AtHand);
    }
    println!("rustup could not add it");
    let tried = run::apt_install(&DEBIAN_PACKAGES, "a Rust compiler that can build for wasm")?;
    match debian(project) {
        Some(debian) => Ok(debian),
        None if tried => bail!("Debian's {} cannot build for wasm: too old, or no linker.", DEBIAN_PACKAGES.join(", ")),
        None => bail!("The Rust compiler cannot build for wasm. Run `rustup target add {TARGET}`, then try again."),
    }
}

fn has_target(project: &Project) -> bool {
    let mut rustc = project.command("rustc");
    let Ok(output) = rustc.args(["--print", "target-libdir", "--target", TARGET]).output() else {
        return false;
    };
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    fs::read_dir(libraries)
        .is_ok_and(|files| files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

/// Debian's compiler, if all of it is installed already and new enough.
fn debian(project: &Project) -> Option<Compiler> {
    let sysroot = sysroot(project, "/usr/bin/rustc")?;
    let sources = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    let version = print(project.command("/usr/bin/rustc").arg("--version"))?;
    if !sources.is_file() || !Path::new("/usr/bin/cargo").is_file() || minor(&version)? < minor(RUST_VERSION_MIN)? {
        return None;
    }
    linker(project).map(|linker| Compiler::Debian { linker })
}

/// The 90 of "1.90" and of "rustc 1.90.0 (...)".
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

/// rustup's linker, else Debian's. Not `wasm-ld`: rustc starts it with `-flavor`, which only `lld` knows.
fn linker(project: &Project) -> Option<PathBuf> {
    let host = print(project.command("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "))?;
    let own = sysroot(project, "rustc")?.join("lib/rustlib").join(host).join("bin/rust-lld");
    if own.is_file() {
        return Some(own);
    }
    (14..40).rev().find_map(|version| run::which(&format!("lld-{version}"))).or_else(|| run::which("lld"))
}

fn sysroot(project: &Project, rustc: &str) -> Option<PathBuf> {
    print(project.command(rustc).args(["--print", "sysroot"])).map(PathBuf::from)
}

fn print(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Writes a module's JavaScript, its types and the module itself.
fn bindings(compiled: &Path, output: &Path, kind: impl FnOnce(&mut Bindgen) -> Result<&mut Bindgen>) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).out_name(NAME).typescript(true).omit_default_module_path(true);
    kind(&mut bindgen)?;
    bindgen.generate(output).with_context(|| format!("wasm-bindgen cannot read {}", compiled.display()))
}

/// Where the last result of optimising lies.
pub fn kept(project: &Project) -> PathBuf {
    project.target.join("wasm-opt")
}

/// Optimises a module where it lies and checks that it loads. The last result is kept: optimising takes
/// seconds, and most builds change nothing.
fn optimise(project: &Project, module: &Path) -> Result<()> {
    let kept = kept(project);
    let (before, after) = (kept.join("before.wasm"), kept.join("after.wasm"));
    let bytes = fs::read(module)?;
    if fs::read(&before).ok().as_ref() != Some(&bytes) || !after.is_file() {
        let _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept)?;
        let mut node = project.node("www/tools/optimise.mjs");
        run::run(node.arg(module).arg(&after), "The module could not be optimised; the reason is above.")?;
        fs::write(&before, bytes)?;
    }
    fs::copy(&after, module)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(minor("rustc 1.96.0 (abc 2026-01-01) (built from a source tarball)"), Some(96));
        assert!(minor(RUST_VERSION_MIN) < minor("rustc 1.100.0"));
    }
}
