//! Plays the stories in data/.

use brownout_tests::{raft_script::Player, script};
use std::path::Path;

#[test]
fn raft() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/raft");
    script::play_all(&directory, || {
        let mut player = Player::default();
        move |command: &str| player.run(command)
    });
}
