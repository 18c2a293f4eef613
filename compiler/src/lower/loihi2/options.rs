//! What a run says about its chip: `target loihi2(board: kapoho_point, …)`.

use super::profile::{Board, DEFAULT, Profile};
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::ir::Kind;
use crate::resolve::nearest;
use crate::tensor::Values;
use crate::types::{Cx, Env, Eval, TExpr, Val, dotted};
use snn_grammar::ast::{self, Expr};

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

const KNOWN: &[&str] = &["board", "profile", "chips", "bad_cores", "optimize", "rate"];

/// Reads the options of a target; `objective` from the command line goes first.
///
/// # Errors
/// Reported: E0801 an option, E0802 a profile.
pub fn read(
    cx: &mut Cx<'_>,
    args: &[ast::Arg],
    loc: Loc,
    objective: Option<Objective>,
) -> Eval<TargetOptions> {
    let env = Env::module(loc.file);
    let mut found: Vec<(&str, &Expr)> = Vec::new();
    for arg in args {
        let name = arg.name.as_ref().map(|n| n.name.as_str()).unwrap_or_default();
        if !KNOWN.contains(&name) || found.iter().any(|(known, _)| *known == name) {
            let at = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
            let message = match name {
                "" => "options of a target have names".to_string(),
                _ if KNOWN.contains(&name) => format!("`{name}` is given twice"),
                _ => format!("the target `loihi2` has no option `{name}`"),
            };
            let d = Diagnostic::new(Code::E0801, message, Loc { file: loc.file, span: at }, "");
            let near = nearest(name, KNOWN.iter().copied())
                .map(|n| format!("did you mean `{n}`? "))
                .unwrap_or_default();
            let example = if name.is_empty() { "write `board: …`, say; " } else { "" };
            let help = format!("{near}{example}its options are {}", KNOWN.join(", "));
            return Err(cx.fail(d.help(help)));
        }
        found.push((name, &arg.value));
    }
    let option = |name: &str| found.iter().find(|(n, _)| *n == name).map(|(_, e)| *e);
    let mut reader = Reader { cx, env, file: loc.file };
    let profile = match option("profile") {
        None => reader.profile(DEFAULT, loc)?,
        Some(e) => {
            let name = reader.word(e)?;
            reader.profile(&name, Loc { file: loc.file, span: e.span })?
        }
    };
    let (board_name, board) = reader.board(&profile, option("board"), loc)?;
    let all = u64::from(board.chips[0]) * u64::from(board.chips[1]);
    let chips = match option("chips") {
        None => all,
        Some(e) => reader.whole(
            e,
            1,
            all,
            &format!("`{board_name}` has {all} chip{}", if all == 1 { "" } else { "s" }),
        )?,
    };
    let f = &profile.figures;
    let cores = all * f.cores_on_die();
    let bad_cores = match option("bad_cores") {
        None => Vec::new(),
        Some(e) => reader.cores(e, cores)?,
    };
    let objective = match (objective, option("optimize")) {
        (Some(objective), _) => objective,
        (None, None) => Objective::default(),
        (None, Some(e)) => {
            let name = reader.word(e)?;
            match Objective::named(&name) {
                Some(objective) => objective,
                None => {
                    let names: Vec<&str> = Objective::NAMES.iter().map(|(n, _)| *n).collect();
                    let message = format!("a placement cannot be optimised for `{name}`");
                    return Err(reader.wrong(e, message, &format!("for {}", names.join(", "))));
                }
            }
        }
    };
    let rate = match option("rate") {
        None => None,
        Some(e) => Some(reader.rate(e)?),
    };
    Ok(TargetOptions { profile, board_name, board, chips, bad_cores, objective, rate, loc })
}

struct Reader<'c, 'a> {
    cx: &'c mut Cx<'a>,
    env: Env,
    file: u32,
}

impl Reader<'_, '_> {
    fn wrong(&mut self, e: &Expr, message: String, help: &str) -> crate::types::Stop {
        let loc = Loc { file: self.file, span: e.span };
        self.cx.fail(Diagnostic::new(Code::E0801, message, loc, "").help(help))
    }

    /// A name, bare or quoted.
    fn word(&mut self, e: &Expr) -> Eval<String> {
        if let Some(parts) = dotted(e) {
            return Ok(parts.join("."));
        }
        match self.cx.eval(e, &self.env)? {
            Val::Str(text) => Ok(text),
            _ => Err(self.wrong(e, "a name is needed here".into(), "write a word or \"a text\"")),
        }
    }

    fn value(&mut self, e: &Expr) -> Eval<TExpr> {
        let value = self.cx.expr(e, &self.env)?;
        self.cx.constant(value, Loc { file: self.file, span: e.span })
    }

    fn whole(&mut self, e: &Expr, low: u64, high: u64, why: &str) -> Eval<u64> {
        let value = self.value(e)?.as_int().and_then(|n| u64::try_from(n).ok());
        match value.filter(|n| (low..=high).contains(n)) {
            Some(n) => Ok(n),
            None => {
                let message = format!("a whole number from {low} to {high} is needed here");
                Err(self.wrong(e, message, why))
            }
        }
    }

    fn rate(&mut self, e: &Expr) -> Eval<f64> {
        let value = self.value(e)?.convert(Kind::F64);
        let rate = match value.as_const().map(|t| &t.values) {
            Some(Values::Float(v)) if v.len() == 1 => v.first().copied(),
            _ => None,
        };
        match rate.filter(|r| (0.0..=1.0).contains(r)) {
            Some(rate) => Ok(rate),
            None => {
                let message = "a rate is a number from 0 to 1".to_string();
                Err(self.wrong(e, message, "spikes per step and neuron, as in `rate: 0.05`"))
            }
        }
    }

    fn cores(&mut self, e: &Expr, cores: u64) -> Eval<Vec<u64>> {
        let value = self.value(e)?;
        let help = format!(
            "cores are numbered 0 to {}, chip by chip, as in `bad_cores: [3, 17]`",
            cores - 1
        );
        let numbers = match value.as_const().map(|t| &t.values) {
            Some(Values::Int(v)) => v.clone(),
            Some(_) if value.shape.contains(&0) => Vec::new(),
            _ => return Err(self.wrong(e, "whole numbers are needed here".into(), &help)),
        };
        let mut found = Vec::new();
        for n in numbers {
            match u64::try_from(n).ok().filter(|n| *n < cores) {
                Some(n) => found.push(n),
                None => {
                    let message = format!("{n} is not the number of a core of this board");
                    return Err(self.wrong(e, message, &help));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn profile(&mut self, name: &str, loc: Loc) -> Eval<Profile> {
        let folder = self.cx.program.sources.files[self.file as usize].folder.clone();
        Profile::load(name, &folder).map_err(|error| {
            self.cx.fail(Diagnostic::new(Code::E0802, error.message, loc, "").help(error.help))
        })
    }

    fn board(&mut self, p: &Profile, e: Option<&Expr>, loc: Loc) -> Eval<(String, Board)> {
        let (name, at) = match e {
            Some(e) => (self.word(e)?, Loc { file: self.file, span: e.span }),
            None => (BOARD.to_string(), loc),
        };
        if let Some(board) = p.boards.get(&name) {
            return Ok((name, board.clone()));
        }
        let known: Vec<&str> = p.boards.keys().map(String::as_str).collect();
        let near = nearest(&name, known.iter().copied())
            .map(|n| format!("did you mean `{n}`? "))
            .unwrap_or_default();
        let message = format!("profile `{}` has no board `{name}`", p.name);
        let d = Diagnostic::new(Code::E0801, message, at, "");
        Err(self.cx.fail(d.help(format!("{near}its boards are {}", known.join(", ")))))
    }
}
