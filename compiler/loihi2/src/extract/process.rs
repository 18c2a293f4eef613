//! A process with what is known of it before the first step.

use snn_data::Files;
use snn_grammar::ast::Direction;
use snn_ir::data::Dataset;
use snn_ir::diagnostics::{Diagnostic, Help, Loc, Reported, Sink};
use snn_ir::network::evaluate::Once;
use snn_ir::network::{Body, Data, Instance, InstanceId, Network, Op, Port, Stage, ValueId};
use snn_ir::tensor::{Constant, Tensor};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A process of a network.
pub struct Process<'n> {
    /// The network.
    pub network: &'n Network,
    /// Its number there.
    pub id: InstanceId,
    /// The instance.
    pub instance: &'n Instance,
    /// What it does.
    pub body: &'n Body,
    once: RefCell<Once<'n>>,
}

impl<'n> Process<'n> {
    /// The process of an instance.
    pub fn of(network: &'n Network, at: usize) -> Process<'n> {
        let id = InstanceId(at as u32);
        Process {
            network,
            id,
            instance: &network.instances[at],
            body: network.body(id),
            once: RefCell::new(Once::of(network, at)),
        }
    }

    /// All of a network.
    pub fn all(network: &'n Network) -> impl Iterator<Item = Process<'n>> {
        (0..network.instances.len()).map(|at| Process::of(network, at))
    }

    /// Its dotted path.
    pub fn path(&self) -> &'n str {
        &self.instance.path
    }

    /// Where it is declared.
    pub fn place(&self) -> Loc {
        self.instance.place
    }

    /// Its first port of a direction.
    pub fn port(&self, direction: Direction) -> Option<&'n Port> {
        self.body.ports.iter().find(|p| p.direction == direction)
    }

    /// A value that is known before the first step.
    pub fn value(&self, value: ValueId) -> Option<Constant> {
        self.once.borrow_mut().get(value)
    }

    /// The param or constant of this name.
    pub fn named(&self, name: &str) -> Option<Constant> {
        self.value(self.body.named(name)?)
    }

    /// Where the argument of this name is given; none of a constant.
    pub fn given(&self, name: &str) -> Option<Loc> {
        let slot = self.body.slots.iter().position(|s| s.name == name)?;
        Some(self.network.params[self.instance.args.get(slot)?.at()].place)
    }

    /// The names of its params, and of a program's own process its constants, which its
    /// operations name; the library's follow from the params.
    pub fn names(&self) -> Vec<&'n str> {
        let body = self.body;
        // Initial values that are given as arguments have the names of their variables.
        let var = |name: &str| body.vars.iter().any(|v| v.name == name);
        let params = body.slots.iter().map(|s| s.name.as_str()).filter(|name| !var(name));
        let constant = |v: &&snn_ir::network::Value| {
            !body.standard && v.stage == Stage::Once && !matches!(v.op, Op::Param(_))
        };
        let constants = body.values.iter().filter(constant).filter_map(|v| v.name.as_deref());
        let mut names: Vec<&str> = Vec::new();
        for name in params.chain(constants) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether its model can run on a core.
    pub fn may_run_on_cores(&self) -> bool {
        on_cores(self.body)
    }
}

fn on_cores(body: &Body) -> bool {
    body.resources.iter().any(|r| r == "neurocore")
}

/// The network with the arguments of processes on cores read from their files: the chip stores
/// values.
///
/// # Errors
/// Reported: a file that cannot be read.
pub fn loaded<'n>(
    network: &'n Network,
    files: &dyn Files,
    sink: &mut Sink,
) -> Result<Cow<'n, Network>, Reported> {
    let mut loaded = Cow::Borrowed(network);
    let mut read: BTreeMap<usize, Arc<Tensor>> = BTreeMap::new();
    let on_cores = network.instances.iter().filter(|i| on_cores(&network.bodies[i.body.at()]));
    for param in on_cores.flat_map(|i| &i.args).map(|p| &network.params[p.at()]) {
        let (at, tensor) = (param.tensor.at(), &network.tensors[param.tensor.at()]);
        let Data::File(file) = &tensor.data else { continue };
        if read.contains_key(&at) {
            continue;
        }
        let values =
            Arc::new(values(files, file, tensor.kind).map_err(|e| sink.fail(e(param.place)))?);
        read.insert(at, values);
    }
    for (at, values) in read {
        loaded.to_mut().tensors[at].data = Data::Dense(values);
    }
    Ok(loaded)
}

fn values(
    files: &dyn Files,
    file: &Dataset,
    kind: snn_ir::scalar::Kind,
) -> Result<Tensor, impl FnOnce(Loc) -> Diagnostic> {
    let read = snn_data::read(files, file).map(|values| values.convert(kind));
    read.map_err(|error| {
        move |place| {
            let mut d = Diagnostic::new(error.code, error.message, place, "");
            d.helps.extend(error.help.map(Help::from));
            d
        }
    })
}
