//! Finds the browsers of the browser tests, or installs them.

use crate::run;
use anyhow::{Result, bail};
use std::env;
use std::path::PathBuf;

/// A browser, and how it is come by.
struct Browser {
    /// Says which one to use, when it is not in one of the usual places.
    variable: &'static str,
    usual: &'static [&'static str],
    /// Its package in Debian, which puts it into the first of the usual places.
    package: &'static str,
    what_for: &'static str,
    sorry: &'static str,
}

const CHROMIUM: Browser = Browser {
    variable: "BROWNOUT_CHROMIUM",
    usual: &[
        "/usr/bin/chromium",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    ],
    package: "chromium",
    what_for: "the browser tests need a Chromium",
    sorry: "The browser tests need Chromium or Chrome: install one, or name it in",
};

const FIREFOX: Browser = Browser {
    variable: "BROWNOUT_FIREFOX",
    usual: &[
        "/usr/bin/firefox-esr",
        "firefox-esr",
        "firefox",
        "/Applications/Firefox.app/Contents/MacOS/firefox",
        "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
    ],
    package: "firefox-esr",
    what_for: "some of the browser tests run in Firefox, too",
    sorry: "There is no Firefox here: install one, or name it in",
};

/// A Chromium, or one sentence that says how to get one.
pub fn chromium() -> Result<PathBuf> {
    find(&CHROMIUM)
}

/// A Firefox, or one sentence that says how to get one.
pub fn firefox() -> Result<PathBuf> {
    find(&FIREFOX)
}

fn find(browser: &Browser) -> Result<PathBuf> {
    let Browser { variable, usual, package, what_for, sorry } = browser;
    if let Some(named) = env::var_os(variable).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        bail!("{variable} names {}, which is no file.", named.display());
    }
    let installed = || usual.iter().find_map(|name| run::which(name));
    if let Some(found) = installed() {
        return Ok(found);
    }
    if run::apt_install(&[package], what_for)?
        && let Some(found) = installed()
    {
        return Ok(found);
    }
    bail!("{sorry} {variable}.")
}
