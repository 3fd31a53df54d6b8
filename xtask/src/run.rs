//! Running other programs: where, with what, and a plain sentence when it goes wrong.

use anyhow::{Context, Error, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where things are.
#[derive(Clone)]
pub struct Project {
    /// The repository.
    pub root: PathBuf,
    /// What cargo builds, and what may be thrown away.
    pub target: PathBuf,
}

impl Project {
    /// Finds the repository that this binary was built from.
    pub fn locate() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().context("xtask lies in no repository")?.to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |named| root.join(named));
        Ok(Self { root, target })
    }

    /// A cargo command in the repository. In CI the lock file is law.
    pub fn cargo(&self, command: &str) -> Command {
        self.cargo_at("cargo", command)
    }

    /// The same with a certain cargo.
    pub fn cargo_at(&self, program: &str, command: &str) -> Command {
        let mut cargo = self.command(program);
        cargo.arg(command);
        if in_ci() {
            cargo.arg("--locked");
        }
        cargo
    }

    /// Node with a script of the repository.
    pub fn node(&self, script: &str) -> Command {
        let mut node = self.command("node");
        node.arg(self.root.join(script));
        node
    }

    /// Any program, started in the repository.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    pub fn www(&self) -> PathBuf {
        self.root.join("www")
    }

    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }
}

/// Runs to the end, showing all output. `failed` says what a non-zero exit means.
pub fn run(command: &mut Command, failed: &str) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{failed}");
    }
    Ok(())
}

/// Runs to the end and returns what it printed; its errors are shown.
pub fn capture(command: &mut Command, failed: &str) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("{failed}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether it ran and succeeded; shows nothing.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The file that a program's name stands for, if it is installed.
pub fn which(name: &str) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.is_absolute() {
        return named.is_file().then(|| named.to_path_buf());
    }
    let places = env::var_os("PATH")?;
    env::split_paths(&places).map(|place| place.join(name)).find(|file| file.is_file())
}

/// Installs Debian packages, where that is ours to do: as root, on Debian or its kin.
/// Returns whether it could be tried; a failed try is an error.
pub fn apt_install(packages: &[&str], what_for: &str) -> Result<bool> {
    if which("apt-get").is_none() || which("dpkg").is_none() || !is_root() {
        return Ok(false);
    }
    println!("installing {} from Debian: {what_for}", packages.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "Dpkg::Use-Pty=0"]).args(arguments);
        command.stdout(Stdio::null());
        command
    };
    // Old package lists name versions that the mirrors have dropped.
    run(&mut apt(&["update"]), "`apt-get update` failed: is the network up?")?;
    let by_hand = format!("`apt-get install {}` failed; its output is above.", packages.join(" "));
    run(apt(&["install", "--yes", "--no-install-recommends"]).args(packages), &by_hand)?;
    Ok(true)
}

/// An error in one line: what failed, then in brackets why.
pub fn explain(error: &Error) -> String {
    let causes: Vec<_> = error.chain().skip(1).map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { format!("{error} ({})", causes.join(": ")) }
}

/// Whether this runs unattended, where nothing may change under its hands.
pub fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn cannot_start(command: &Command) -> String {
    let program = Path::new(command.get_program()).display();
    match command.get_program().to_str() {
        Some("node" | "npm") => {
            format!("`{program}` cannot be started: install Node 20 or newer, with npm.")
        }
        _ => format!("`{program}` cannot be started: is it installed?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_our_words_and_a_missing_program_by_name() {
        let failing = run(Command::new("cargo").arg("no-such-command").stderr(Stdio::null()), "It failed.");
        assert_eq!(explain(&failing.expect_err("cargo knows no such command")), "It failed.");
        let missing = run(&mut Command::new("brownout-no-such-program"), "").expect_err("it is missing");
        assert!(explain(&missing).starts_with("`brownout-no-such-program` cannot be started"), "{missing}");
    }
}
