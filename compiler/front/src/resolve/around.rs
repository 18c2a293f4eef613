//! What a place stands in: where a text that is put in or replaced there belongs.

use super::Program;
use snn_grammar::ast::{
    ItemKind, NetworkMember, ProcessMember, RunMember, Span, Stmt, StmtKind, TrainMember,
};
use snn_ir::diagnostics::Loc;

/// What stands in the lines of a file by itself.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'p> {
    /// An item, by its span.
    Item(Span),
    /// A member of a process or model.
    Process(&'p ProcessMember),
    /// A member of a network.
    Network(&'p NetworkMember),
    /// A setting of a run.
    Run(&'p RunMember),
    /// A setting of a train block that no run has.
    Train(&'p TrainMember),
    /// A statement of a phase.
    Stmt(&'p Stmt),
}

impl Piece<'_> {
    /// Its text; of a constant from its name on.
    pub fn span(self) -> Span {
        match self {
            Piece::Item(span) => span,
            Piece::Process(ProcessMember::Port(port)) => port.span,
            Piece::Process(ProcessMember::Var(var)) => var.span,
            Piece::Process(ProcessMember::Keeps(keeps)) => keeps.span,
            Piece::Process(ProcessMember::Phase(phase)) => phase.span,
            Piece::Network(NetworkMember::Port(port)) => port.span,
            Piece::Network(NetworkMember::Part(part)) => part.span,
            Piece::Network(NetworkMember::Connection(connection)) => connection.span,
            Piece::Network(NetworkMember::Reset(reset)) => reset.span,
            Piece::Process(ProcessMember::Const(binding))
            | Piece::Network(NetworkMember::Const(binding)) => {
                binding.name.span.to(binding.value.span)
            }
            Piece::Run(member) => member.span,
            Piece::Train(member) => member.span,
            Piece::Stmt(stmt) => stmt.span,
        }
    }
}

impl Program {
    /// What a place stands in, the outermost first.
    pub fn around(&self, place: Loc) -> Vec<Piece<'_>> {
        let Some(module) = self.modules.get(place.file as usize) else { return Vec::new() };
        let holds = |span: Span| span.start <= place.span.start && place.span.end <= span.end;
        let Some(item) = module.file.items.iter().find(|item| holds(item.span)) else {
            return Vec::new();
        };
        let members: Vec<Piece<'_>> = match &item.kind {
            ItemKind::Process(process) => process.members.iter().map(Piece::Process).collect(),
            ItemKind::Model(model) => model.members.iter().map(Piece::Process).collect(),
            ItemKind::Network(network) => network.members.iter().map(Piece::Network).collect(),
            ItemKind::Run(run) => run.members.iter().map(Piece::Run).collect(),
            ItemKind::Train(train) => {
                let shared = train.run.members.iter().map(Piece::Run);
                shared.chain(train.members.iter().map(Piece::Train)).collect()
            }
            _ => Vec::new(),
        };
        let mut found = vec![Piece::Item(item.span)];
        let member = members.into_iter().find(|member| holds(member.span()));
        found.extend(member);
        let Some(Piece::Process(ProcessMember::Phase(phase))) = member else { return found };
        let mut inside = phase.body.iter().find(|stmt| holds(stmt.span));
        while let Some(stmt) = inside {
            found.push(Piece::Stmt(stmt));
            let StmtKind::If { then, els, .. } = &stmt.kind else { break };
            inside = then.iter().chain(els).find(|stmt| holds(stmt.span));
        }
        found
    }
}
