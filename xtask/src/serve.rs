//! A server for dist/ on this machine.

use crate::run::Project;
use anyhow::{Context, Result, bail};
use axum::Router;
use axum::http::{HeaderValue, header};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Where the search for a free port begins, and how far it goes.
const PORTS: std::ops::Range<u16> = 8000..8100;
/// The tests open the page in here as well, because most hosts serve a project from a folder.
pub const FOLDER: &str = "/some/folder";

/// Takes the port asked for, or else the first free one.
pub fn listen(port: Option<u16>) -> Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    match port {
        Some(port) => bind(port).with_context(|| format!("Port {port} cannot be used; try another one.")),
        None => match PORTS.clone().find_map(|port| bind(port).ok()) {
            Some(listener) => Ok(listener),
            None => bail!("The ports {PORTS:?} are all in use; name another one with --port."),
        },
    }
}

/// Serves dist/ until the process is stopped.
pub fn forever(project: &Project, listener: TcpListener) -> Result<()> {
    if !project.dist().join("index.html").is_file() {
        bail!("dist/ holds no page yet; run `cargo xtask serve` without --no-build.");
    }
    println!("Brownout is at http://{}/ (stop with Ctrl-C)", listener.local_addr()?);
    serve(&project.dist(), listener)
}

/// Serves dist/ from a thread, as long as this process lives. Returns the port.
pub fn in_background(project: &Project) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free for the tests")?;
    let port = listener.local_addr()?.port();
    let dist = project.dist();
    thread::spawn(move || serve(&dist, listener));
    Ok(port)
}

fn serve(dist: &Path, listener: TcpListener) -> Result<()> {
    // What was just built is what should be seen, so nothing may be kept by the browser.
    let no_store = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let pages =
        Router::new().nest_service(FOLDER, ServeDir::new(dist)).fallback_service(ServeDir::new(dist)).layer(no_store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        axum::serve(tokio::net::TcpListener::from_std(listener)?, pages).await
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_if_asked_for_and_passed_over_if_not() {
        let taken = listen(None).expect("some port is free");
        let port = taken.local_addr().expect("it is bound").port();
        let error = listen(Some(port)).expect_err("it is taken").to_string();
        assert!(error.contains(&port.to_string()), "{error}");
        let next = listen(None).expect("another port is free");
        assert_ne!(next.local_addr().expect("it is bound").port(), port);
    }
}
