//! Plays the stories in data/.

use brownout_tests::{raft_script::Player, script};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/raft")
}

#[test]
fn raft() {
    script::play_all(&directory(), || {
        let mut player = Player::default();
        move |command: &str| player.run(command)
    });
}

/// What stands between back quotes and ends in `.txt`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".txt"))
}

#[test]
fn the_list_of_scripts_names_all_there_are_and_no_others() {
    let list = std::fs::read_to_string(directory().join("README.md")).expect("the list is there");
    let (mut listed, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for line in list.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["", their, ours, why, ""] if names(their).next().is_some() => {
                assert!(names(ours).next().is_some() || !why.is_empty(), "neither a script nor a reason: {line}");
                theirs.extend(names(their));
                listed.extend(names(ours).chain(names(why)));
            }
            _ => listed.extend(names(line)),
        }
    }
    assert_eq!(theirs.len(), 28, "interaction tests of etcd-io/raft");
    let files = std::fs::read_dir(directory()).expect("the folder can be read").flatten();
    let names: BTreeSet<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    let scripts: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| name.ends_with(".txt")).collect();
    assert_eq!(listed, scripts, "listed on the left, there on the right");
}
