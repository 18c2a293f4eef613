//! What stands in the bodies of processes, models, networks and runs.

use super::{Builder, Built, Kids};
use crate::ast::{
    Connection, Direction, Expr, ExprKind, Keeps, NetworkMember, Part, Pattern, PatternPart, Phase,
    Port, ProcessMember, RecordWhen, Reset, ResetWhen, RunMember, RunMemberKind, Var,
};
use crate::parse::grammar::{Pair, Rule};

impl Builder<'_> {
    pub(super) fn process_body(
        &mut self,
        kids: &mut Kids,
        laid_out: &str,
    ) -> Built<Vec<ProcessMember>> {
        let body = kids.need(Rule::process_body)?;
        self.members(body, |b, member| b.process_member(member, laid_out))
    }

    /// Builds a `process_member`; `laid_out` is the whole text without comments.
    pub fn process_member(&mut self, pair: Pair, laid_out: &str) -> Built<ProcessMember> {
        Ok(match pair.as_rule() {
            Rule::port => ProcessMember::Port(self.port(pair, laid_out)?),
            Rule::var => ProcessMember::Var(self.var(pair, laid_out)?),
            Rule::phase => ProcessMember::Phase(self.phase(pair)?),
            Rule::keeps => ProcessMember::Keeps(self.keeps(pair)?),
            _ => ProcessMember::Const(self.binding(pair)?),
        })
    }

    fn port(&mut self, pair: Pair, laid_out: &str) -> Built<Port> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let direction = match kids.need(Rule::direction)?.as_str() {
            "in" => Direction::In,
            _ => Direction::Out,
        };
        let name = self.need_ident(&mut kids)?;
        let ty = self.ty(kids.need(Rule::type_)?)?;
        Ok(Port { docs: self.docs_before(span.start, laid_out), direction, name, ty, span })
    }

    fn var(&mut self, pair: Pair, laid_out: &str) -> Built<Var> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        Ok(Var {
            docs: self.docs_before(span.start, laid_out),
            in_flight: kids.need(Rule::storage)?.as_str() == "buffer",
            name: self.need_ident(&mut kids)?,
            ty: self.ty(kids.need(Rule::type_)?)?,
            init: self.opt_expr_in(&mut kids, Rule::default)?,
            span,
        })
    }

    fn keeps(&mut self, pair: Pair) -> Built<Keeps> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let name = self.need_ident(&mut kids)?;
        let value = self.need_expr(&mut kids)?;
        let advice = match kids.opt(Rule::advice) {
            Some(advice) => {
                let text = self.kids(advice).need(Rule::string)?;
                let at = self.span(&text);
                Some(self.string(text.as_str(), at))
            }
            None => None,
        };
        Ok(Keeps { name, value, advice, span })
    }

    fn phase(&mut self, pair: Pair) -> Built<Phase> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        Ok(Phase {
            name: self.need_ident(&mut kids)?,
            guard: self.opt_expr_in(&mut kids, Rule::guard)?,
            body: self.block(kids.need(Rule::block)?)?,
            span,
        })
    }

    /// Builds a `network_member`; `laid_out` is the whole text without comments.
    pub fn network_member(&mut self, pair: Pair, laid_out: &str) -> Built<NetworkMember> {
        let span = self.span(&pair);
        Ok(match pair.as_rule() {
            Rule::port => NetworkMember::Port(self.port(pair, laid_out)?),
            Rule::const_item => NetworkMember::Const(self.binding(pair)?),
            Rule::reset => NetworkMember::Reset(self.reset(pair)?),
            Rule::part => {
                let mut kids = self.kids(pair);
                let name = self.need_ident(&mut kids)?;
                NetworkMember::Part(Part { name, value: self.need_postfix(&mut kids)?, span })
            }
            _ => {
                let hops = self.kids(pair).map(|hop| self.postfix(hop)).collect::<Built<_>>()?;
                NetworkMember::Connection(Connection { hops, span })
            }
        })
    }

    fn reset(&mut self, pair: Pair) -> Built<Reset> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let targets = std::iter::from_fn(|| kids.opt(Rule::pattern));
        let targets = targets.map(|pattern| self.pattern(pattern)).collect();
        let when = match kids.opt(Rule::reset_every) {
            Some(every) => {
                let mut kids = self.kids(every);
                ResetWhen::Every {
                    every: self.need_expr(&mut kids)?,
                    offset: self.opt_expr_in(&mut kids, Rule::offset)?,
                    stagger: self.opt_expr_in(&mut kids, Rule::stagger)?,
                }
            }
            None => {
                let at = kids.need(Rule::reset_at)?;
                let mut kids = self.kids(at);
                let at = self.need_postfix(&mut kids)?;
                let skew = match kids.opt(Rule::skew) {
                    Some(skew) => Some(self.need_ident(&mut self.kids(skew))?),
                    None => None,
                };
                ResetWhen::At { at, skew }
            }
        };
        let phase = match kids.opt(Rule::reset_phase) {
            Some(phase) => Some(self.need_ident(&mut self.kids(phase))?),
            None => None,
        };
        Ok(Reset { targets, when, phase, span })
    }

    pub(super) fn pattern(&self, pair: Pair) -> Pattern {
        let span = self.span(&pair);
        let parts = self.kids(pair).map(|part| {
            let span = self.span(&part);
            let globs = part.into_inner().flatten().filter(|p| p.as_rule() == Rule::glob);
            PatternPart { globs: globs.map(|g| g.as_str().to_owned()).collect(), span }
        });
        Pattern { parts: parts.collect(), span }
    }

    /// Builds a `run_member`.
    pub fn run_member(&mut self, pair: Pair) -> Built<RunMember> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        let kind = match rule {
            Rule::run_models => RunMemberKind::Models(self.need_ident(&mut kids)?),
            Rule::run_model => {
                let of = self.pattern(kids.need(Rule::pattern)?);
                RunMemberKind::Model { of, tag: self.need_ident(&mut kids)? }
            }
            Rule::run_target => {
                let name = self.need_ident(&mut kids)?;
                let args = kids.opt(Rule::args).map(|args| self.args(args)).transpose()?;
                RunMemberKind::Target { name, args: args.unwrap_or_default() }
            }
            Rule::run_steps => RunMemberKind::Steps(self.need_expr(&mut kids)?),
            Rule::run_record => {
                let path = self.pattern(kids.need(Rule::pattern)?);
                RunMemberKind::Record { path, when: self.record_when(&mut kids)? }
            }
            Rule::run_report => RunMemberKind::Report(self.need_expr(&mut kids)?),
            _ => RunMemberKind::Expect(self.need_expr(&mut kids)?),
        };
        Ok(RunMember { kind, span })
    }

    fn record_when(&mut self, kids: &mut Kids) -> Built<RecordWhen> {
        if let Some(every) = self.opt_expr_in(kids, Rule::record_every)? {
            return Ok(RecordWhen::Every(every));
        }
        let Some(at) = kids.opt(Rule::record_at) else { return Ok(RecordWhen::Always) };
        let mut kids = self.kids(at);
        Ok(match self.need_postfix(&mut kids)? {
            Expr { kind: ExprKind::Name(name), .. } if name == "end" => RecordWhen::End,
            at => RecordWhen::At(at),
        })
    }
}
