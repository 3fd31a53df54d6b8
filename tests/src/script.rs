//! Text scripts: commands, a line of dashes, the answer. A story that is also a test.
//!
//! A block is one or more command lines, `----`, and what the commands answered, up to a blank line. Lines that begin
//! with `#` are for the reader. `BLESS=1` writes the answers instead of comparing them: read the difference before
//! you keep it.

use std::fmt::Write as _;
use std::path::Path;

/// What parts commands from their answer.
const DASHES: &str = "----";

struct Block {
    /// Comments and commands, as they stand in the file.
    question: Vec<String>,
    answer: Vec<String>,
}

/// Whether a line is for the program.
fn is_command(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    loop {
        let question: Vec<String> = lines.by_ref().take_while(|line| *line != DASHES).map(String::from).collect();
        if question.iter().all(String::is_empty) {
            return blocks;
        }
        let answer = lines.by_ref().take_while(|line| !line.is_empty()).map(String::from).collect();
        blocks.push(Block { question, answer });
    }
}

/// Plays the script of a file. `run` is given one command at a time and returns the lines of its answer.
///
/// # Panics
/// If an answer is not the one in the file, with the block that differs.
pub fn play(path: &Path, mut run: impl FnMut(&str) -> Vec<String>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let bless = std::env::var_os("BLESS").is_some();
    let mut blessed = String::new();
    for block in parse(&text) {
        let commands: Vec<&String> = block.question.iter().filter(|l| is_command(l)).collect();
        assert!(bless || !commands.is_empty(), "{}: an answer without a command: {:?}", path.display(), block.answer);
        let given: Vec<String> = commands.iter().flat_map(|command| run(command)).collect();
        assert!(
            given.iter().all(|line| !line.is_empty() && line != DASHES),
            "an answer must not look like the end of a block"
        );
        assert!(
            bless || given == block.answer,
            "{}: after {commands:?}\n--- in the file\n{}\n--- now\n{}\n(BLESS=1 accepts it)",
            path.display(),
            block.answer.join("\n"),
            given.join("\n")
        );
        let head = block.question.join("\n");
        let _ = writeln!(blessed, "{head}\n{DASHES}");
        for line in given {
            let _ = writeln!(blessed, "{line}");
        }
        blessed.push('\n');
    }
    if bless {
        let end = blessed.trim_end().len();
        blessed.truncate(end);
        blessed.push('\n');
        std::fs::write(path, blessed).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

/// Plays every `.txt` file of a directory, by name. `make` gives each one a fresh program.
pub fn play_all<F: FnMut(&str) -> Vec<String>>(directory: &Path, mut make: impl FnMut() -> F) {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap_or_else(|e| panic!("{}: {e}", directory.display()))
        .map(|entry| entry.expect("a directory can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no scripts", directory.display());
    for file in files {
        play(&file, make());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_commands_and_answers_come_apart() {
        let blocks = parse("# story\nrun 1\nrun 2\n----\na\nb\n\n\n# end\nrun 3\n----\n");
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].question, ["# story", "run 1", "run 2"]);
        assert_eq!(blocks[0].answer, ["a", "b"]);
        assert_eq!(blocks[1].question, ["", "# end", "run 3"]);
        assert!(blocks[1].answer.is_empty());
    }
}
