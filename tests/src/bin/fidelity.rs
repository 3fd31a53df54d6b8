//! Prints how close the simulation comes to what was measured on real systems.

use brownout_tests::fidelity::{self, cut, etcd, kubernetes, tcp};
use std::process::ExitCode;

/// The reports there are.
const REPORTS: &str = "tcp, etcd, cut, kubernetes, tcp-speed";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next();
    let seeds = arguments.next().map_or(Ok(9), |n| n.parse::<u64>());
    match (name.as_deref(), seeds) {
        (_, Err(error)) => {
            eprintln!("fidelity: the number of seeds is not a number: {error}");
            ExitCode::FAILURE
        }
        (Some("tcp"), Ok(seeds)) => {
            tcp::report(seeds.max(1));
            ExitCode::SUCCESS
        }
        (Some("etcd"), Ok(seeds)) => {
            let only = arguments.next().unwrap_or_default();
            fidelity::report("etcd", &etcd::lines(&etcd::reference(), seeds.max(1), &only));
            ExitCode::SUCCESS
        }
        (Some("kubernetes"), Ok(seeds)) => {
            let only = arguments.next().unwrap_or_default();
            fidelity::report("kubernetes", &kubernetes::lines(&kubernetes::reference(), seeds.max(1), &only));
            ExitCode::SUCCESS
        }
        (Some("cut"), Ok(seeds)) => {
            fidelity::report("cut", &cut::lines(seeds.max(1)));
            ExitCode::SUCCESS
        }
        (Some("tcp-speed"), _) => {
            let start = std::time::Instant::now();
            let operations = tcp::ping_pong(4_000_000);
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{operations} segments in {seconds:.2} s: {:.1} million per second",
                operations as f64 / seconds / 1e6
            );
            ExitCode::SUCCESS
        }
        (other, _) => {
            let given = other.unwrap_or("nothing");
            eprintln!("fidelity: no report \"{given}\"; there is: {REPORTS} [seeds]");
            ExitCode::FAILURE
        }
    }
}
