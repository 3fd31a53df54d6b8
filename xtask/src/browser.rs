//! Finds Chromium for the browser tests, or installs it.

use crate::run;
use anyhow::{Result, bail};
use std::env;
use std::path::PathBuf;

/// Says which browser to use, when it is not in one of the usual places.
const VARIABLE: &str = "BROWNOUT_CHROMIUM";

const USUAL: [&str; 8] = [
    "/usr/bin/chromium",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/// A Chromium, or one sentence that says how to get one.
pub fn chromium() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        bail!("{VARIABLE} names {}, which is no file.", named.display());
    }
    if let Some(found) = USUAL.iter().find_map(|name| run::which(name)) {
        return Ok(found);
    }
    if run::apt_install(&["chromium"], "the browser tests need a Chromium")?
        && let Some(found) = run::which("/usr/bin/chromium")
    {
        return Ok(found);
    }
    bail!("The browser tests need Chromium or Chrome: install one, or name it in {VARIABLE}.")
}
