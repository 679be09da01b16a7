//! Kinds of runs: which faults they draw.

use rand::Rng;
use rand::rngs::StdRng;
use std::time::Duration;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A task is killed and comes back, perhaps on another instance.
    Crash,
    /// A process is killed with all its tasks.
    Instance,
    /// A task takes seconds to commit.
    Slow,
    /// An instance's global tables lag behind.
    Table,
    /// A source partition cannot be read.
    Stall,
    /// A source producer leaves a transaction open.
    Hidden,
    /// Everything is down for a while.
    Outage,
    /// Everything stops, and starts in the other layout.
    Layout,
}

/// What a run is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Faults to draw from.
    pub faults: &'static [Fault],
    /// How many of them at most.
    pub most: usize,
    /// How often the layout changes at most.
    pub layouts: usize,
    /// How long everything is down, once.
    pub outage: Option<Duration>,
    /// Some producers' clocks are wrong by hours or years.
    pub wrong_clocks: bool,
    /// Events arrive late and out of order by seconds.
    pub disordered: bool,
    /// A source partition that cannot be read cannot be written either.
    pub leaderless: bool,
    /// Years of old records stand in one source.
    pub history: bool,
    /// A source is taken out of the configuration.
    pub drops: bool,
    /// Records of different topics are sent some time apart, and no clock is behind: they arrive in order.
    pub orderly: bool,
}

/// All profiles.
pub const PROFILES: [Profile; 9] = [
    Profile { name: "calm", ..CALM },
    Profile { name: "faults", faults: &ALL, most: 6, disordered: true, ..CALM },
    Profile { name: "layouts", faults: &[Fault::Crash], most: 2, layouts: 3, disordered: true, ..CALM },
    Profile { name: "outage", faults: &[Fault::Crash, Fault::Slow, Fault::Table], most: 2, outage: OUTAGE, ..CALM },
    Profile { name: "clocks", faults: &ALL, most: 3, wrong_clocks: true, disordered: true, ..CALM },
    Profile {
        name: "unread",
        faults: &[Fault::Stall, Fault::Hidden, Fault::Instance],
        most: 8,
        leaderless: true,
        ..CALM
    },
    Profile { name: "history", history: true, ..CALM },
    Profile { name: "drop", faults: &[Fault::Slow], most: 1, layouts: 1, drops: true, ..CALM },
    Profile { name: "orderly", orderly: true, ..CALM },
];

const OUTAGE: Option<Duration> = Some(Duration::from_secs(1_800));

const ALL: [Fault; 8] =
    [Fault::Crash, Fault::Crash, Fault::Instance, Fault::Slow, Fault::Slow, Fault::Table, Fault::Stall, Fault::Hidden];

const CALM: Profile = Profile {
    name: "",
    faults: &[],
    most: 0,
    layouts: 0,
    outage: None,
    wrong_clocks: false,
    disordered: false,
    leaderless: false,
    history: false,
    drops: false,
    orderly: false,
};

impl Profile {
    /// Draws the faults of a run.
    pub fn draw(&self, rng: &mut StdRng) -> Vec<Fault> {
        let count = if self.faults.is_empty() { 0 } else { rng.random_range(1..=self.most) };
        let mut faults: Vec<Fault> = (0..count).map(|_| self.faults[rng.random_range(0..self.faults.len())]).collect();
        let layouts = if self.layouts == 0 { 0 } else { rng.random_range(1..=self.layouts) };
        faults.extend(std::iter::repeat_n(Fault::Layout, layouts));
        faults.extend(self.outage.map(|_| Fault::Outage));
        faults
    }

    /// Draws how long a fault lasts.
    pub fn length(&self, fault: Fault, rng: &mut StdRng) -> Duration {
        let millis = match fault {
            Fault::Outage => return self.outage.unwrap_or_default(),
            Fault::Layout => 500..5_000,
            Fault::Slow => 5_000..60_000,
            Fault::Table => 1_000..20_000,
            _ if rng.random_bool(0.5) => 200..5_000,
            _ => 5_000..60_000,
        };
        Duration::from_millis(rng.random_range(millis))
    }
}
