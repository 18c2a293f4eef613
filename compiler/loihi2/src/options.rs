//! What a run says about its chip: `target loihi2(board: kapoho_point, …)`.

use super::profile::{Board, DEFAULT, Profile};
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Reported, Sink, SourceMap};
use snn_ir::network::{Setting, SettingValue};
use std::path::PathBuf;

/// What the placement is to be good at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Least energy a step: fewest messages, fewest cores.
    #[default]
    Energy,
    /// Shortest step.
    Latency,
    /// Least product of the two.
    Edp,
}

impl Objective {
    /// All, as they are written.
    pub const NAMES: [(&str, Objective); 3] =
        [("energy", Objective::Energy), ("latency", Objective::Latency), ("edp", Objective::Edp)];

    /// As it is written.
    pub fn name(self) -> &'static str {
        Objective::NAMES.iter().find(|(_, o)| *o == self).map_or("", |(name, _)| name)
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Objective> {
        Objective::NAMES.iter().find(|(known, _)| *known == name).map(|(_, o)| *o)
    }
}

/// The chip that a run is for.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetOptions {
    /// Limits and costs.
    pub profile: Profile,
    /// The board's name.
    pub board_name: String,
    /// The board.
    pub board: Board,
    /// How many of its chips may be used.
    pub chips: u64,
    /// Cores that are not to be used, by number.
    pub bad_cores: Vec<u64>,
    /// What the placement is to be good at.
    pub objective: Objective,
    /// Spikes per step that every neuron is assumed to send, where the user says so.
    pub rate: Option<f64>,
    /// Where the target is written.
    pub loc: Loc,
}

/// The board of a run that names none.
const BOARD: &str = "oheo_gulch";

/// What a program can say about the chip.
pub const KNOWN: &[&str] = &["board", "profile", "chips", "bad_cores", "optimize", "rate"];

/// Of those whose values are words.
pub const WORDS: &[&str] = &["board", "profile", "optimize"];

/// Reads the settings of a target, which is written at `loc`; `objective` from the command line
/// goes first.
///
/// # Errors
/// Reported: E0801 a setting, E0802 a profile.
pub fn read(
    settings: &[Setting],
    loc: Loc,
    objective: Option<Objective>,
    sources: &SourceMap,
    sink: &mut Sink,
) -> Result<TargetOptions, Reported> {
    let folder = sources.files.get(loc.file as usize).map(|file| file.folder.clone());
    let mut reader = Reader { settings, folder: folder.unwrap_or_default(), sink };
    let (name, at) = reader.word("profile", DEFAULT, loc);
    let profile = reader.profile(&name, at)?;
    let (board_name, board) = reader.board(&profile, loc)?;
    let all = u64::from(board.chips[0]) * u64::from(board.chips[1]);
    let chips = match reader.setting("chips") {
        None => all,
        Some(chips) => reader.whole(
            chips,
            1,
            all,
            &format!("`{board_name}` has {all} chip{}", if all == 1 { "" } else { "s" }),
        )?,
    };
    let f = &profile.figures;
    let cores = all * f.cores_on_die();
    let bad_cores = match reader.setting("bad_cores") {
        None => Vec::new(),
        Some(bad) => reader.cores(bad, cores)?,
    };
    let objective = match objective {
        Some(objective) => objective,
        None => reader.objective(loc)?,
    };
    let rate = match reader.setting("rate") {
        None => None,
        Some(rate) => Some(reader.rate(rate)?),
    };
    Ok(TargetOptions { profile, board_name, board, chips, bad_cores, objective, rate, loc })
}

struct Reader<'r> {
    settings: &'r [Setting],
    /// The folder that relative paths start from.
    folder: PathBuf,
    sink: &'r mut Sink,
}

impl<'r> Reader<'r> {
    fn setting(&self, name: &str) -> Option<&'r Setting> {
        self.settings.iter().find(|s| s.name == name)
    }

    fn wrong(&mut self, place: Loc, message: String, help: &str) -> Reported {
        self.sink.fail(Diagnostic::new(Code::E0801, message, place, "").help(help))
    }

    /// A word with its place; another where there is none.
    fn word(&self, name: &str, default: &str, loc: Loc) -> (String, Loc) {
        match self.setting(name) {
            Some(Setting { value: SettingValue::Word(word), place, .. }) => (word.clone(), *place),
            _ => (default.into(), loc),
        }
    }

    fn objective(&mut self, loc: Loc) -> Result<Objective, Reported> {
        let (name, place) = self.word("optimize", Objective::default().name(), loc);
        match Objective::named(&name) {
            Some(objective) => Ok(objective),
            None => {
                let names: Vec<&str> = Objective::NAMES.iter().map(|(n, _)| *n).collect();
                let message = format!("a placement cannot be optimised for `{name}`");
                let d = Diagnostic::new(Code::E0801, message, place, "");
                let d = d.meant(&name, names.iter().copied(), place);
                Err(self.sink.fail(d.help(format!("for {}", names.join(", ")))))
            }
        }
    }

    fn whole(&mut self, given: &Setting, low: u64, high: u64, why: &str) -> Result<u64, Reported> {
        let value = given.value.as_int().and_then(|n| u64::try_from(n).ok());
        match value.filter(|n| (low..=high).contains(n)) {
            Some(n) => Ok(n),
            None => {
                let message = format!("a whole number from {low} to {high} is needed here");
                Err(self.wrong(given.place, message, why))
            }
        }
    }

    fn rate(&mut self, given: &Setting) -> Result<f64, Reported> {
        match given.value.as_float().filter(|r| (0.0..=1.0).contains(r)) {
            Some(rate) => Ok(rate),
            None => {
                let message = "a rate is a number from 0 to 1".to_string();
                let help = "spikes per step and neuron, as in `rate: 0.05`";
                Err(self.wrong(given.place, message, help))
            }
        }
    }

    fn cores(&mut self, given: &Setting, cores: u64) -> Result<Vec<u64>, Reported> {
        let help = format!(
            "cores are numbered 0 to {}, chip by chip, as in `bad_cores: [3, 17]`",
            cores - 1
        );
        let Some(numbers) = given.value.as_ints() else {
            return Err(self.wrong(given.place, "whole numbers are needed here".into(), &help));
        };
        let mut found = Vec::new();
        for n in numbers {
            match u64::try_from(n).ok().filter(|n| *n < cores) {
                Some(n) => found.push(n),
                None => {
                    let message = format!("{n} is not the number of a core of this board");
                    return Err(self.wrong(given.place, message, &help));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn profile(&mut self, name: &str, loc: Loc) -> Result<Profile, Reported> {
        Profile::load(name, &self.folder).map_err(|error| {
            self.sink.fail(Diagnostic::new(Code::E0802, error.message, loc, "").help(error.help))
        })
    }

    fn board(&mut self, p: &Profile, loc: Loc) -> Result<(String, Board), Reported> {
        let (name, at) = self.word("board", BOARD, loc);
        if let Some(board) = p.boards.get(&name) {
            return Ok((name, board.clone()));
        }
        let known: Vec<&str> = p.boards.keys().map(String::as_str).collect();
        let message = format!("profile `{}` has no board `{name}`", p.name);
        let d = Diagnostic::new(Code::E0801, message, at, "");
        let d = d.meant(&name, known.iter().copied(), at);
        Err(self.sink.fail(d.help(format!("its boards are {}", known.join(", ")))))
    }
}
