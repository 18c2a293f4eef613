//! Items.

use super::{Builder, Built};
use crate::ast::{Epoch, Item, ItemKind, Model, Network, Process, Run, Use};
use crate::parse::grammar::{Pair, Rule};

impl Builder<'_> {
    /// Builds an `item`; `laid_out` is the whole text without comments.
    pub fn item(&mut self, pair: Pair, laid_out: &str) -> Built<Item> {
        let span = self.span(&pair);
        let docs = self.docs_before(span.start, laid_out);
        let kind = match pair.as_rule() {
            Rule::use_item => ItemKind::Use(self.use_item(pair)?),
            Rule::const_item => ItemKind::Const(self.binding(pair)?),
            Rule::data_item => ItemKind::Data(self.binding(pair)?),
            Rule::epoch_item => ItemKind::Epoch(self.epoch(pair)?),
            Rule::process_item => ItemKind::Process(self.process(pair, laid_out)?),
            Rule::model_item => ItemKind::Model(self.model(pair, laid_out)?),
            Rule::network_item => ItemKind::Network(self.network(pair, laid_out)?),
            Rule::run_item => ItemKind::Run(self.run(pair)?),
            _ => ItemKind::Train(self.train(pair)?),
        };
        Ok(Item { docs, kind, span })
    }

    fn use_item(&mut self, pair: Pair) -> Built<Use> {
        let mut kids = self.kids(pair);
        let path = kids.need(Rule::string)?;
        let path_span = self.span(&path);
        let path = self.string(path.as_str(), path_span);
        let alias = match kids.opt(Rule::use_alias) {
            Some(alias) => Some(self.need_ident(&mut self.kids(alias))?),
            None => None,
        };
        let names = kids.opt(Rule::use_names).map(|names| self.idents(&mut self.kids(names)));
        Ok(Use { path, path_span, alias, names: names.unwrap_or_default() })
    }

    fn epoch(&mut self, pair: Pair) -> Built<Epoch> {
        let mut kids = self.kids(pair);
        Ok(Epoch {
            name: self.need_ident(&mut kids)?,
            every: self.need_expr(&mut kids)?,
            offset: self.opt_expr_in(&mut kids, Rule::offset)?,
        })
    }

    fn process(&mut self, pair: Pair, laid_out: &str) -> Built<Process> {
        let mut kids = self.kids(pair);
        Ok(Process {
            name: self.need_ident(&mut kids)?,
            shape_params: self.shape_params(&mut kids)?,
            params: self.params(&mut kids)?,
            members: self.process_body(&mut kids, laid_out)?,
        })
    }

    fn model(&mut self, pair: Pair, laid_out: &str) -> Built<Model> {
        let mut kids = self.kids(pair);
        let tag = self.need_ident(&mut kids)?;
        let of = self.path(kids.need(Rule::path)?);
        let params = self.params(&mut kids)?;
        let resources = kids.opt(Rule::resources).map(|list| self.idents(&mut self.kids(list)));
        Ok(Model {
            tag,
            of,
            params,
            resources: resources.unwrap_or_default(),
            members: self.process_body(&mut kids, laid_out)?,
        })
    }

    fn network(&mut self, pair: Pair, laid_out: &str) -> Built<Network> {
        let mut kids = self.kids(pair);
        let name = self.need_ident(&mut kids)?;
        let shape_params = self.shape_params(&mut kids)?;
        let params = self.params(&mut kids)?;
        let body = kids.need(Rule::network_body)?;
        let members = self.members(body, |b, m| b.network_member(m, laid_out))?;
        Ok(Network { name, shape_params, params, members })
    }

    fn run(&mut self, pair: Pair) -> Built<Run> {
        let mut kids = self.kids(pair);
        let name = self.need_ident(&mut kids)?;
        let network = self.need_postfix(&mut kids)?;
        let body = kids.need(Rule::run_body)?;
        let members = self.members(body, |b, m| b.run_member(m))?;
        Ok(Run { name, network, members })
    }
}
