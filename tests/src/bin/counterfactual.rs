//! How often an effect moves without what its why ends at: `counterfactual [RUNS]`.

use brownout_tests::counterfactual::measure;

fn main() {
    let runs = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(40);
    println!("{:<14} {:>22} {:>22} {:>22}", "effect", "without the command", "luckier packets", "luckier bystanders");
    for (name, outcome) in measure(1..=runs) {
        let cell = |share: brownout_tests::counterfactual::Share| format!("{:.0} % of {}", share.percent(), share.of);
        println!("{name:<14} {:>22} {:>22} {:>22}", cell(outcome.input), cell(outcome.draw), cell(outcome.bystander));
    }
}
