//! How close the simulation comes to what was measured on real systems: one line per situation, place and statistic.
//!
//! A line is *inside* if the median over seeds lies in the range of what was measured, widened by a quarter of its ends
//! and by the statistic's resolution. Each situation was measured once or twice, so that range is a draw itself: the same
//! rule, with a seed in the place of each measurement, says how many lines a perfect model would have inside.

pub mod cut;
pub mod etcd;
pub mod kubernetes;
pub mod tcp;
pub mod written;

use std::collections::BTreeMap;

/// What a statistic counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Seconds; infinite if it never happened.
    Seconds,
    /// A share of one.
    Share,
    /// How many.
    Count,
}

impl Unit {
    /// Below this the reference can't tell two values apart.
    ///
    /// Chosen: 1 ms, for senders were up to a millisecond late; 50 ms, for members were asked 20 times a second; one
    /// request in a hundred; half a count.
    pub const fn resolution(self) -> f64 {
        match self {
            Self::Ms => 1.0,
            Self::Seconds => 0.05,
            Self::Share => 0.01,
            Self::Count => 0.5,
        }
    }
    /// Its sign behind a number.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::Seconds => "s",
            Self::Share => "",
            Self::Count => "x",
        }
    }
}

/// By how much a measured range is widened. Chosen: a quarter, as the goal says.
const WIDER: f64 = 1.25;

/// One statistic at one place in one situation, measured and simulated.
#[derive(Clone, Debug)]
pub struct Line {
    /// The situation.
    pub setting: String,
    /// Where: the faulty member, a healthy one, all, ...
    pub place: String,
    /// What.
    pub name: String,
    /// In what.
    pub unit: Unit,
    /// Whether it is about the rig before anything was done to it, and so an input rather than a prediction.
    pub input: bool,
    /// Every measurement.
    pub measured: Vec<f64>,
    /// Every simulated value, sorted: one per seed and member.
    pub simulated: Vec<f64>,
}

fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Whether a value lies in a range, widened.
fn within(value: f64, (least, most): (f64, f64), unit: Unit) -> bool {
    let room = unit.resolution();
    value >= least / WIDER - room && value <= most * WIDER + room || (value == least || value == most)
}

impl Line {
    /// The median over seeds.
    pub fn median(&self) -> f64 {
        self.simulated[self.simulated.len() / 2]
    }
    /// The least and the most that was measured.
    pub fn range(&self) -> (f64, f64) {
        range(&self.measured)
    }
    /// A tenth and nine tenths of the seeds.
    pub fn spread(&self) -> (f64, f64) {
        let n = self.simulated.len();
        (self.simulated[n / 10], self.simulated[(n - 1) - n / 10])
    }
    /// Whether the simulation's median is where the measurements are.
    pub fn inside(&self) -> bool {
        within(self.median(), self.range(), self.unit)
    }
    /// Whether some measurement lies in the simulation's spread, widened alike.
    pub fn overlaps(&self) -> bool {
        self.measured.iter().any(|value| within(*value, self.spread(), self.unit))
    }
    /// How often the line would be inside if reality were one of the seeds.
    pub fn ceiling(&self) -> f64 {
        let (n, taken) = (self.simulated.len(), self.measured.len());
        let step = (n / taken).max(1);
        // Values far apart in the sorted list, as independent draws are; each starting point once.
        let drawn = |start: usize| (0..taken).map(|k| self.simulated[(start + k * step) % n]).collect::<Vec<_>>();
        let inside = (0..n).filter(|start| within(self.median(), range(&drawn(*start)), self.unit)).count();
        inside as f64 / n as f64
    }
    /// Simulated over measured, of the nearest measurement, neither below the resolution.
    pub fn ratio(&self) -> f64 {
        let (least, most) = self.range();
        let near = self.median().clamp(least, most);
        let floor = self.unit.resolution();
        if self.median() == near { 1.0 } else { self.median().max(floor) / near.max(floor) }
    }
}

/// Values by place and statistic: each with its unit, and whether it is an input.
pub(crate) type Figures = BTreeMap<(&'static str, String), Vec<(f64, Unit, bool)>>;

/// One more value.
pub(crate) fn put(figures: &mut Figures, place: &'static str, name: String, value: f64, unit: Unit, input: bool) {
    figures.entry((place, name)).or_default().push((value, unit, input));
}

/// A quantile of sorted values; none of none.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    (!sorted.is_empty()).then(|| sorted[((sorted.len() as f64 * q) as usize).min(sorted.len() - 1)])
}

/// Runs of one situation stand together.
pub(crate) fn by_setting<'a, T>(all: &'a [T], only: &str, name: fn(&T) -> &str) -> Vec<(String, Vec<&'a T>)> {
    let mut settings: Vec<(String, Vec<&'a T>)> = Vec::new();
    for one in all.iter().filter(|one| name(one).contains(only)) {
        match settings.iter_mut().find(|(setting, _)| *setting == name(one)) {
            Some((_, those)) => those.push(one),
            None => settings.push((name(one).into(), vec![one])),
        }
    }
    settings
}

/// A line for every statistic that was measured. What the simulation has no value of is not a number, and never inside.
pub(crate) fn lines_of(setting: &str, measured: Figures, mut simulated: Figures) -> Vec<Line> {
    let mut lines = Vec::new();
    for ((place, name), values) in measured {
        let own = simulated.remove(&(place, name.clone())).unwrap_or_default();
        let mut own: Vec<f64> = own.into_iter().map(|(value, ..)| value).collect();
        own.sort_by(f64::total_cmp);
        // An error that neither knows says nothing.
        if name.contains("error: ") && values.iter().all(|(value, ..)| *value == 0.0) && own.iter().all(|v| *v == 0.0) {
            continue;
        }
        if own.is_empty() {
            own.push(f64::NAN);
        }
        let (_, unit, input) = values[0];
        let measured = values.into_iter().map(|(value, ..)| value).collect();
        lines.push(Line { setting: setting.into(), place: place.into(), name, unit, input, measured, simulated: own });
    }
    lines
}

/// How many of these lines are inside, of how many, and how many would be of a perfect model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    /// Lines.
    pub lines: usize,
    /// Inside.
    pub inside: usize,
    /// Overlapping.
    pub overlaps: usize,
    /// What a perfect model would have.
    pub ceiling: f64,
}

impl Score {
    /// The score of some lines.
    pub fn of<'a>(lines: impl Iterator<Item = &'a Line>) -> Self {
        let mut score = Self::default();
        for line in lines {
            score.lines += 1;
            score.inside += usize::from(line.inside());
            score.overlaps += usize::from(line.overlaps());
            score.ceiling += line.ceiling();
        }
        score
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = |n: f64| n * 100.0 / self.lines.max(1) as f64;
        write!(
            f,
            "{} of {} inside ({:.0} %; a perfect model: {:.0} %), {:.0} % overlap",
            self.inside,
            self.lines,
            share(self.inside as f64),
            share(self.ceiling),
            share(self.overlaps as f64)
        )
    }
}

/// A value as the report shows it.
pub fn shown(value: f64) -> String {
    match value {
        value if value.is_nan() => "no value".into(),
        value if value.is_infinite() => "never".into(),
        value if value.abs() >= 100.0 => format!("{value:.0}"),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

/// Prints every line, and the scores by place and statistic and of all.
pub fn report(title: &str, lines: &[Line]) {
    let mut setting = "";
    for line in lines {
        if line.setting != setting {
            setting = &line.setting;
            println!("\n{title}: {setting}");
        }
        let ((least, most), (low, high)) = (line.range(), line.spread());
        println!(
            "  {} {:<18} {:<26} {:>9}..{:<9} {:>9} ({:>8}..{:<8}) x{:<6.2} {}",
            if line.inside() { ' ' } else { '!' },
            line.place,
            line.name,
            shown(least),
            shown(most),
            shown(line.median()),
            shown(low),
            shown(high),
            line.ratio(),
            line.unit.sign()
        );
    }
    println!("\n{title}, by statistic:");
    let mut names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    names.sort();
    names.dedup();
    for name in names {
        println!("  {name:<28} {}", Score::of(lines.iter().filter(|line| line.name == name)));
    }
    println!("\n{title}, by situation:");
    let mut settings: Vec<&str> = lines.iter().map(|line| line.setting.as_str()).collect();
    settings.dedup();
    for setting in settings {
        println!("  {setting:<28} {}", Score::of(lines.iter().filter(|line| line.setting == setting)));
    }
    println!("\n{title}, before the fault (inputs): {}", Score::of(lines.iter().filter(|line| line.input)));
    println!("{title}, from the fault on:        {}", Score::of(lines.iter().filter(|line| !line.input)));
    println!("{title}, all:                      {}", Score::of(lines.iter()));
}
