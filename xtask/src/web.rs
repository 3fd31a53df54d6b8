//! The page: npm packages, types, the bundle in dist/ and its size.

use crate::run::{self, Project};
use crate::{licences, wasm};
use anyhow::{Context, Result};
use std::env;
use std::fs;
use std::path::PathBuf;

/// Builds everything that the page is made of into dist/.
pub fn build(project: &Project) -> Result<()> {
    wasm::build(project)?;
    bundle(project)
}

/// Bundles the page, given that the engine is built.
pub fn bundle(project: &Project) -> Result<()> {
    install_packages(project)?;
    let dist = project.dist();
    if dist.exists() {
        fs::remove_dir_all(&dist).context("cannot remove the old dist/")?;
    }
    let report = report(project);
    let mut node = project.node("www/tools/bundle.mjs");
    run::run(node.arg(&dist).arg(&report), "The page could not be bundled; the reason is above.")?;
    licences::write(project, &report, &dist.join("THIRD-PARTY-LICENSES.txt"))?;
    let mut node = project.node("www/tools/single.mjs");
    run::run(node.arg(&dist), "The page could not be put into one file; the reason is above.")?;
    for (tool, sorry) in [
        ("npm.mjs", "The package for npm could not be made; the reason is above."),
        ("worker.mjs", "What keeps the page for those offline could not be made; the reason is above."),
    ] {
        run::run(project.node(&format!("www/tools/{tool}")).arg(&dist), sorry)?;
    }
    Ok(())
}

/// Installs the npm packages that the lock file names, unless they are there.
pub fn install_packages(project: &Project) -> Result<()> {
    let lock = fs::read(project.www().join("package-lock.json")).context("cannot read www/package-lock.json")?;
    let stamp = project.www().join("node_modules/.installed-lock");
    if fs::read(&stamp).ok().as_ref() == Some(&lock) {
        return Ok(());
    }
    let mut npm = project.command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(project.www()).args(["ci", "--loglevel=error"]);
    // Playwright would fetch browsers of its own; the tests use the one that is installed.
    npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    run::run(&mut npm, "`npm ci` failed in www/; its message is above.")?;
    // Another wasm-opt may do better than the one whose result was kept.
    let _ = fs::remove_dir_all(wasm::kept(project));
    fs::write(stamp, lock)?;
    Ok(())
}

/// Checks the types of the page and of its tests.
pub fn types(project: &Project) -> Result<()> {
    install_packages(project)?;
    for configuration in ["www/tsconfig.json", "tests/e2e/tsconfig.json"] {
        let mut tsc = project.node("www/node_modules/typescript/bin/tsc");
        run::run(tsc.args(["--project", configuration]), &format!("The types of {configuration} do not fit."))?;
    }
    Ok(())
}

/// Prints the sizes of all files in dist/; fails when a budget is exceeded.
pub fn size(project: &Project) -> Result<()> {
    let mut node = project.node("www/tools/size.mjs");
    run::run(node.arg(project.dist()).arg(report(project)), "The page is over its budget.")
}

/// What the browser tests run in.
pub struct Browsers {
    /// All of them.
    pub chromium: PathBuf,
    /// Those that are marked for both.
    pub firefox: Option<PathBuf>,
}

/// Runs the browser tests against a server that is up.
pub fn browser_tests(project: &Project, Browsers { chromium, firefox }: &Browsers, port: u16) -> Result<()> {
    install_packages(project)?;
    let mut node = project.node("www/node_modules/@playwright/test/cli.js");
    node.args(["test", "--config", "www/playwright.config.ts"]);
    node.env("BROWNOUT_CHROMIUM", chromium).env("BROWNOUT_URL", format!("http://127.0.0.1:{port}"));
    match firefox {
        Some(firefox) => node.env("BROWNOUT_FIREFOX", firefox),
        // One that cannot be had was said to be skipped.
        None => node.env_remove("BROWNOUT_FIREFOX"),
    };
    node.env("BROWNOUT_DIST", project.dist());
    // The tests lie outside www/, where Node would not find its packages.
    node.env("NODE_PATH", project.www().join("node_modules"));
    if env::var_os("FORCE_COLOR").is_none() {
        node.env("NO_COLOR", "1");
    }
    run::run(&mut node, "Browser tests failed; they are listed above.")
}

/// What the bundler did: which packages went in, and what the page loads first.
fn report(project: &Project) -> PathBuf {
    project.target.join("bundle.json")
}
