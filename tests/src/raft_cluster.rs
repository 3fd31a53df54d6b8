//! A few Raft members on a wire that a test controls message by message.

use brownout_core::engine::{Purpose, Rng};
use brownout_core::etcd::log::{Log, Stored, Wal};
use brownout_core::etcd::message::{Entry, Kind, MemberId, Message, Payload, SnapshotMeta};
use brownout_core::etcd::raft::{Config, Dropped, Raft, Ready, SoftState};

/// A payload that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(pub String);

impl Payload for Text {
    fn bytes(&self) -> u32 {
        self.0.len() as u32
    }
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A member sees its role or leader change; with its term.
    Soft(MemberId, SoftState, u64),
    /// A member applies an entry.
    Apply(MemberId, Entry<Text>),
    /// A member installs a snapshot.
    Install(MemberId, SnapshotMeta),
    /// A read of a member may be answered.
    Read {
        /// Whose read.
        member: MemberId,
        /// Its number.
        context: u64,
        /// The index to wait for.
        index: u64,
    },
    /// A proposal went nowhere.
    Refused(MemberId, Dropped),
}

/// One member, its disk and its state machine.
#[derive(Clone)]
pub struct Member {
    /// The machine, unless it is down.
    pub raft: Option<Raft<Text>>,
    /// What survives.
    pub wal: Wal<Text>,
    /// What the state machine has applied. Durable as far as the WAL says.
    pub applied: u64,
    /// Whether writes are slow: they become durable only when a test says so.
    pub slow_disk: bool,
    /// The write under way.
    pub writing: Option<Ready<Text>>,
    config: Config,
    lives: u64,
}

/// The members, and what is on its way between them.
#[derive(Clone)]
pub struct Cluster {
    /// By id.
    pub members: Vec<Member>,
    /// Sent and not yet delivered, oldest first.
    pub wire: Vec<Message<Text>>,
    /// What happened since a test last looked.
    pub happenings: Vec<Happening>,
    /// Directions in which nothing passes.
    pub cuts: Vec<(MemberId, MemberId)>,
    seed: u64,
}

/// How much of a write that was under way a crash leaves on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// Nothing of it.
    Nothing,
    /// The entries, but not term, vote and commit: etcd writes those last.
    Entries,
    /// All of it.
    All,
}

impl Cluster {
    /// Members that have never run. `change` may alter the configuration of etcd.
    pub fn new(members: u8, seed: u64, change: impl Fn(&mut Config)) -> Self {
        let mut cluster =
            Self { members: Vec::new(), wire: Vec::new(), happenings: Vec::new(), cuts: Vec::new(), seed };
        for id in (1..=members).map(MemberId) {
            let mut config = Config::etcd(id, members);
            change(&mut config);
            cluster.members.push(Member {
                raft: None,
                wal: Wal::default(),
                applied: 0,
                slow_disk: false,
                writing: None,
                config,
                lives: 0,
            });
            cluster.start(id);
        }
        cluster
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = MemberId> + use<> {
        (0..self.members.len()).map(MemberId::from_ix)
    }
    /// A member.
    pub fn member(&mut self, id: MemberId) -> &mut Member {
        &mut self.members[id.ix()]
    }
    /// The machine of a member that is up.
    pub fn raft(&mut self, id: MemberId) -> &mut Raft<Text> {
        self.members[id.ix()].raft.as_mut().expect("it is up")
    }
    /// Whether a member is up.
    pub fn is_up(&self, id: MemberId) -> bool {
        self.members[id.ix()].raft.is_some()
    }

    /// Starts a member from its disk.
    pub fn start(&mut self, id: MemberId) {
        let seed = self.seed;
        let member = self.member(id);
        member.lives += 1;
        let stream = u64::from(id.0) * 1_000_000 + member.lives;
        let stored = member.wal.stored();
        member.applied = stored.applied;
        let rng = Rng::stream(seed, Purpose::Test, stream);
        member.raft = Some(Raft::new(member.config.clone(), rng, stored));
    }
    /// A member loses all but its disk.
    pub fn crash(&mut self, id: MemberId, torn: Torn) {
        let member = self.member(id);
        member.raft = None;
        if let Some(mut ready) = member.writing.take()
            && torn != Torn::Nothing
        {
            if torn == Torn::Entries {
                ready.hard_state = None;
            }
            member.wal.persist(&ready);
        }
    }
    /// Gives a member this disk and starts it anew.
    pub fn replace_disk(&mut self, id: MemberId, stored: Stored<Text>) {
        self.crash(id, Torn::Nothing);
        self.member(id).wal = Wal::new(stored);
        self.start(id);
    }

    /// Does what the members want done, until they want nothing.
    pub fn work(&mut self) {
        for id in self.ids() {
            while self.members[id.ix()].raft.as_ref().is_some_and(Raft::has_ready) {
                self.hand_over(id);
            }
        }
    }
    fn hand_over(&mut self, id: MemberId) {
        let mut ready = Ready::default();
        let raft = self.raft(id);
        raft.take_ready(&mut ready);
        let term = raft.term();
        self.wire.append(&mut ready.messages_now);
        if let Some(soft) = ready.soft {
            self.happenings.push(Happening::Soft(id, soft, term));
        }
        for entry in core::mem::take(&mut ready.committed) {
            self.apply(id, entry);
        }
        for read in &ready.read_states {
            self.happenings.push(Happening::Read { member: id, context: read.context, index: read.index });
        }
        self.member(id).writing = Some(ready);
        if !self.member(id).slow_disk {
            self.persist(id);
        }
    }
    fn apply(&mut self, id: MemberId, entry: Entry<Text>) {
        let member = self.member(id);
        let index = entry.index;
        if index > member.applied {
            assert_eq!(index, member.applied + 1, "member {} skips entries", id.0);
            member.applied = index;
            self.happenings.push(Happening::Apply(id, entry));
        }
        self.raft(id).applied(index);
    }
    /// The write under way at a member becomes durable.
    pub fn persist(&mut self, id: MemberId) {
        let member = self.member(id);
        let Some(mut ready) = member.writing.take() else {
            return;
        };
        member.wal.persist(&ready);
        if let Some(snapshot) = ready.snapshot {
            member.applied = member.applied.max(snapshot.index);
            self.happenings.push(Happening::Install(id, snapshot));
        }
        self.wire.append(&mut ready.messages_after);
        self.raft(id).persisted(ready.mark);
    }

    /// Whether a message would be lost.
    pub fn is_cut(&self, message: &Message<Text>) -> bool {
        self.cuts.contains(&(message.from, message.to)) || !self.is_up(message.to)
    }
    /// Hands a message to whom it is for, unless it is lost. Whether it arrived.
    pub fn deliver(&mut self, message: Message<Text>) -> bool {
        let arrives = !self.is_cut(&message);
        if arrives {
            let to = message.to;
            self.raft(to).step(message);
            assert!(!self.raft(to).forgetful(), "member {} lost what it had stored", to.0);
        }
        arrives
    }
    /// Proposes at a member.
    pub fn propose(&mut self, id: MemberId, text: &str) {
        if let Err(dropped) = self.raft(id).propose(Text(text.into())) {
            self.happenings.push(Happening::Refused(id, dropped));
        }
    }
}

/// A log whose entries have these terms.
pub fn log_of_terms(terms: &[u64]) -> Log<Text> {
    let mut log = Log::default();
    for (ix, term) in terms.iter().enumerate() {
        let index = ix as u64 + 1;
        log.append(Entry { term: *term, index, payload: Some(Text(format!("{index}.{term}"))) });
    }
    log
}

fn entry_in_words(entry: &Entry<Text>) -> String {
    let payload = entry.payload.as_ref().map_or("-", |text| text.0.as_str());
    format!("{}/{} {payload}", entry.index, entry.term)
}

/// A message as scripts show it.
pub fn message_in_words(m: &Message<Text>) -> String {
    let mut words = format!("{}>{} {:?}", m.from.0, m.to.0, m.kind);
    if m.term > 0 {
        words += &format!(" term {}", m.term);
    }
    if m.reject {
        words += " refused";
    }
    words += &match m.kind {
        Kind::App => {
            let entries: Vec<String> = m.entries.as_slice().iter().map(entry_in_words).collect();
            let after = format!(" after {}/{} commit {}", m.index, m.log_term, m.commit);
            match entries.len() {
                0 => after,
                1..=3 => format!("{after} [{}]", entries.join(", ")),
                n => format!("{after} [{} .. {}]", entries[0], entries[n - 1]),
            }
        }
        Kind::AppResp if m.reject => {
            format!(" after {}, try {}/{}", m.index, m.reject_hint, m.log_term)
        }
        Kind::AppResp | Kind::ReadIndexResp => format!(" index {}", m.index),
        Kind::Heartbeat => format!(" commit {}", m.commit),
        Kind::Vote | Kind::PreVote => format!(" last {}/{}", m.index, m.log_term),
        Kind::Prop => format!(" [{}]", entry_in_words(&m.entries.as_slice()[0])),
        Kind::Snap => m.snapshot.map_or(String::new(), |s| format!(" up to {}/{}", s.index, s.term)),
        _ => String::new(),
    };
    if m.context > 0 {
        words += &match m.kind {
            Kind::ReadIndex | Kind::ReadIndexResp => format!(" read {}", m.context),
            Kind::Heartbeat | Kind::HeartbeatResp => format!(" reads up to {}", m.context),
            Kind::TransferLeader => format!(" to {}", m.context),
            _ => " for a transfer".into(),
        };
    }
    words
}

/// A happening as scripts show it.
pub fn happening_in_words(happening: &Happening) -> String {
    match happening {
        Happening::Soft(id, soft, term) => {
            let leader = soft.leader.map_or("nobody".into(), |l| l.0.to_string());
            format!("{} is {:?}, leader {leader}, term {term}", id.0, soft.role)
        }
        Happening::Apply(id, entry) => format!("{} applies {}", id.0, entry_in_words(entry)),
        Happening::Install(id, s) => {
            format!("{} installs a snapshot up to {}/{}", id.0, s.index, s.term)
        }
        Happening::Read { member, context, index } => {
            format!("{} may answer read {context} from index {index}", member.0)
        }
        Happening::Refused(id, why) => format!("{} refuses a proposal: {why:?}", id.0),
    }
}

/// `full` seeds, or a few of them in a quick run; with `BROWNOUT_SEED` that one alone.
///
/// # Panics
/// If `BROWNOUT_SEED` is no number.
pub fn seeds(few: u64, full: u64) -> std::ops::Range<u64> {
    if let Ok(seed) = std::env::var("BROWNOUT_SEED") {
        let seed = seed.parse().expect("BROWNOUT_SEED is a number");
        return seed..seed + 1;
    }
    0..if crate::play::quick() { few } else { full }
}

/// Plays, and if that fails says how to play it again.
///
/// # Panics
/// If what is played does.
pub fn replayable(tests: &str, seed: u64, weather: &str, play: impl FnOnce()) {
    if let Err(cause) = std::panic::catch_unwind(core::panic::AssertUnwindSafe(play)) {
        eprintln!("replay: BROWNOUT_SEED={seed} cargo test --test all {tests}::    {weather}");
        std::panic::resume_unwind(cause);
    }
}
