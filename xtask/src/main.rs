//! The only entry point for building, serving, testing and measuring Brownout.

mod browser;
mod licences;
mod promtool;
mod run;
mod serve;
mod test;
mod wasm;
mod web;

use anyhow::Result;
use clap::{Parser, Subcommand};
use run::Project;
use std::process::ExitCode;

/// Build, serve, test and measure Brownout.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the page into dist/: static files that work from any folder of any host.
    Build,
    /// Build the page, then serve it on this machine.
    Serve {
        /// The port to use [default: 8000, or the next free one].
        #[arg(long)]
        port: Option<u16>,
        /// Serve what dist/ holds already.
        #[arg(long)]
        no_build: bool,
    },
    /// Run every test there is.
    Test {
        /// Only what takes less than two minutes: no wasm, no browser, few seeds.
        #[arg(long)]
        quick: bool,
        /// Only this step, with what is built already; may be given several times.
        /// An unknown name lists them all.
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
    },
    /// Measure the engine natively and as wasm under Node.
    Bench {
        /// Which benchmark [default: all].
        name: Option<String>,
    },
    /// Show the size of everything in dist/ and hold it against the budgets.
    Size,
    /// Compare the model with what the real systems do, and print the report.
    Fidelity {
        /// What to compare, and how.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        what: Vec<String>,
    },
    /// Run many seeds and print one replay line for each that breaks a rule.
    Soak {
        /// Which seeds, such as `1..10001`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Play runs again without what an answer to Why ends at, and print how often the effect moves.
    Counterfactual {
        /// How many runs.
        #[arg(default_value = "40")]
        runs: String,
    },
    /// Write the metrics of a moment of a scenario, as Prometheus would scrape them.
    Metrics {
        /// Passed on as they are: `SCENARIO [--at SECONDS] [--seed N] [--target NAME|all] [--openmetrics]`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Print what worlds of several sizes take in memory, beside the engine's own estimate.
    Memory {
        /// How many nodes; several numbers may be given.
        nodes: Vec<String>,
    },
    /// Write CONSTANTS.md, the table of every constant, anew from the code.
    Model,
    /// Run the native tests and accept what they print as the new expectation.
    Bless,
}

fn main() -> ExitCode {
    match obey(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", run::explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn obey(command: Command) -> Result<()> {
    let project = Project::locate()?;
    match command {
        Command::Build => web::build(&project),
        Command::Serve { port, no_build } => {
            // The port first: one that is taken should not be found out after a minute of building.
            let listener = serve::listen(port)?;
            if !no_build {
                web::build(&project)?;
            }
            serve::forever(&project, listener)
        }
        Command::Test { quick, only } => test::all(&project, quick, &only),
        Command::Bench { name } => bench(&project, name.as_deref()),
        Command::Size => web::build(&project).and_then(|()| web::size(&project)),
        Command::Fidelity { what } => tests_binary(&project, "fidelity", &what),
        Command::Soak { arguments } => soak(&project, &arguments),
        Command::Counterfactual { runs } => tests_binary(&project, "counterfactual", &[runs]),
        Command::Metrics { arguments } => tests_binary(&project, "metrics", &arguments),
        Command::Memory { nodes } => tests_binary(&project, "memory", &nodes),
        Command::Model => test::model(&project),
        Command::Bless => test::native(&project, &[("BLESS", "1")]),
    }
}

/// The same benchmark twice: what the machine can do, and what is left of it in a browser's engine.
fn bench(project: &Project, name: Option<&str>) -> Result<()> {
    println!("native:");
    tests_binary(project, "bench", &name.map(String::from).into_iter().collect::<Vec<_>>())?;
    wasm::build_bench(project)?;
    println!("wasm under Node:");
    let mut node = project.node("tests/node/bench.mjs");
    run::run(node.args(name), "The benchmark under Node failed; its output is above.")
}

/// Optimised, but so that a run that panics is one line among others.
fn soak(project: &Project, arguments: &[String]) -> Result<()> {
    let mut cargo = project.cargo("run");
    cargo
        .args(["--quiet", "--profile", "test-fast", "--package", "brownout-tests", "--bin", "soak", "--"])
        .args(arguments);
    run::run(&mut cargo, "A run broke a rule; the line that replays it is above.")
}

/// Runs one of the binaries of the tests crate, optimised.
fn tests_binary(project: &Project, binary: &str, arguments: &[String]) -> Result<()> {
    let mut cargo = project.cargo("run");
    cargo.args(["--quiet", "--release", "--package", "brownout-tests", "--bin", binary, "--"]).args(arguments);
    run::run(&mut cargo, &format!("`{binary}` failed; its output is above."))
}
