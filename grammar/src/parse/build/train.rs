//! Train blocks.

use super::{Builder, Built, Kids};
use crate::ast::{
    Choice, Expr, Learn, Run, RunMember, Start, Train, TrainMember, TrainMemberKind, ValueRange,
};
use crate::parse::grammar::{Pair, Rule};

/// A member of a train block.
pub enum Part {
    /// One that a run has too.
    Shared(RunMember),
    /// One of its own.
    Own(TrainMember),
}

impl Builder<'_> {
    pub(super) fn train(&mut self, pair: Pair) -> Built<Train> {
        let mut kids = self.kids(pair);
        let name = self.need_ident(&mut kids)?;
        let network = self.need_postfix(&mut kids)?;
        let body = kids.need(Rule::train_body)?;
        let (mut shared, mut members) = (Vec::new(), Vec::new());
        for part in self.members(body, |b, m| b.train_part(m))? {
            match part {
                Part::Shared(member) => shared.push(member),
                Part::Own(member) => members.push(member),
            }
        }
        Ok(Train { run: Run { name, network, members: shared }, members })
    }

    /// Builds a `train_member`.
    pub fn train_part(&mut self, pair: Pair) -> Built<Part> {
        if matches!(pair.as_rule(), Rule::run_models | Rule::run_model) {
            return Ok(Part::Shared(self.run_member(pair)?));
        }
        let span = self.span(&pair);
        Ok(Part::Own(TrainMember { kind: self.train_member(pair)?, span }))
    }

    fn train_member(&mut self, pair: Pair) -> Built<TrainMemberKind> {
        let rule = pair.as_rule();
        match rule {
            Rule::data_item => return Ok(TrainMemberKind::Data(self.binding(pair)?)),
            Rule::const_item => return Ok(TrainMemberKind::Const(self.binding(pair)?)),
            _ => {}
        }
        let mut kids = self.kids(pair);
        Ok(match rule {
            Rule::train_sample => TrainMemberKind::Sample(self.path(kids.need(Rule::path)?)),
            Rule::train_learn => TrainMemberKind::Learn(Box::new(self.learn(&mut kids)?)),
            Rule::train_slope => TrainMemberKind::Slope(self.choice(&mut kids)?),
            Rule::train_optimizer => TrainMemberKind::Optimizer(self.choice(&mut kids)?),
            Rule::train_decay => TrainMemberKind::Decay(self.choice(&mut kids)?),
            Rule::train_loss => {
                let value = self.need_expr(&mut kids)?;
                TrainMemberKind::Loss { value, at: self.need_postfix(&mut kids)? }
            }
            Rule::train_validate => {
                let value = self.need_expr(&mut kids)?;
                TrainMemberKind::Validate { value, last: self.need_expr(&mut kids)? }
            }
            Rule::train_export => {
                let text = kids.need(Rule::string)?;
                let span = self.span(&text);
                TrainMemberKind::Export { path: self.string(text.as_str(), span), span }
            }
            _ => self.number_of(rule)(self.need_expr(&mut kids)?),
        })
    }

    /// The member that says only a number.
    fn number_of(&self, rule: Rule) -> fn(Expr) -> TrainMemberKind {
        match rule {
            Rule::train_samples => TrainMemberKind::Samples,
            Rule::train_clip => TrainMemberKind::Clip,
            Rule::train_batch => TrainMemberKind::Batch,
            Rule::train_epochs => TrainMemberKind::Epochs,
            Rule::train_shuffle => TrainMemberKind::Shuffle,
            _ => TrainMemberKind::Stop,
        }
    }

    fn learn(&mut self, kids: &mut Kids) -> Built<Learn> {
        let path = self.pattern(kids.need(Rule::pattern)?);
        let range = kids.opt(Rule::value_range).map(|range| self.value_range(range));
        let range: Option<ValueRange> = range.transpose()?;
        let step = self.opt_expr_in(kids, Rule::learn_step)?;
        let from = match kids.opt(Rule::learn_from) {
            Some(from) => {
                let mut kids = self.kids(from);
                let value = self.need_expr(&mut kids)?;
                Some(Start { value, seed: self.opt_expr_in(&mut kids, Rule::learn_seed)? })
            }
            None => None,
        };
        Ok(Learn { path, range, step, from, rate: self.opt_expr_in(kids, Rule::learn_rate)? })
    }

    fn choice(&mut self, kids: &mut Kids) -> Built<Choice> {
        let name = self.need_ident(kids)?;
        let args = kids.opt(Rule::args).map(|args| self.args(args)).transpose()?;
        Ok(Choice { name, args: args.unwrap_or_default() })
    }
}
