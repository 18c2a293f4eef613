//! Trains what a `train` block says, in this process.

mod net;

use snn_back::executor::{self, Executor};
use snn_back::schedule;
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Sink};
use snn_ir::network::{Flat, Network, fold};
use snn_ir::scalar::Kind;
use snn_ir::tensor::Tensor;
use snn_ir::training::Training;
use snn_runtime::train::{self, Course, Lesson, Param, Place, State, TrainError, Watch};
use snn_train::{Planned, plan};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A network that is ready to learn.
pub struct Trainer {
    /// What is learned, from what and how.
    pub course: Course,
    network: Executor,
}

impl Trainer {
    /// That of a checked `train` block: `network` is the run over all samples, `flat` its flat form.
    ///
    /// # Errors
    /// E1012 where the network cannot learn, E1008 where the loss does not depend on what is learned;
    /// the codes of data files that cannot be read.
    pub fn new(
        network: &Network,
        flat: &Flat,
        training: &Training,
        files: &dyn Files,
    ) -> Result<Trainer, Diagnostic> {
        let planned = plan(network, flat, training).map_err(|refused| {
            let message = format!("`{}` cannot be trained", training.name);
            Diagnostic::new(Code::E1012, message, refused.place, refused.why)
        })?;
        reached(network, training, &planned)?;
        let mut sink = Sink::default();
        let ir = schedule::schedule(&mut sink, &fold(&planned.lesson.flat));
        let ir = ir.ok_or_else(|| {
            let first = sink.into_sorted().into_iter().next();
            first.unwrap_or_else(|| {
                Diagnostic::without_place(Code::E1012, "the network cannot be scheduled")
            })
        })?;
        let executor = executor::load(Arc::new(ir), files)?;
        let course = course(network, training, &planned, &executor);
        Ok(Trainer { course, network: executor })
    }

    /// Trains, on so many threads; goes on from a state, if one is given.
    ///
    /// # Errors
    /// See [`TrainError`].
    pub fn train(
        &self,
        threads: usize,
        from: Option<State>,
        watch: &mut dyn Watch,
    ) -> Result<State, TrainError> {
        train::train(&self.course, &|| self.make(), threads, from, watch)
    }

    /// The mean loss of samples and the gradients of all that is learned.
    ///
    /// # Errors
    /// See [`TrainError`].
    pub fn gradients(
        &self,
        threads: usize,
        values: &[Vec<f64>],
        samples: &[u64],
    ) -> Result<(f64, Vec<Vec<f64>>), TrainError> {
        train::gradients(&self.course, &|| self.make(), threads, values, samples)
    }

    fn make(&self) -> io::Result<Executor> {
        Ok(self.network.clone())
    }
}

/// How the executor is driven.
fn course(network: &Network, training: &Training, of: &Planned, executor: &Executor) -> Course {
    let body = of.lesson.flat.body();
    let place = |var: u32| {
        let (id, buffer) = executor
            .named(&body.vars[var as usize].name)
            .unwrap_or_else(|| panic!("no buffer of {}", body.vars[var as usize].name));
        Place { variable: id.0 as usize, len: buffer.len() }
    };
    let params = training.learned.iter().enumerate().map(|(k, learned)| Param {
        name: network.params[learned.param.at()].path.clone(),
        place: place(of.lesson.learned[k]),
        gradient: place(of.lesson.gradients[k]).variable,
        range: learned.range,
        step: learned.step,
        rate: learned.rate,
        start: of.starts[k].clone(),
    });
    let lesson = Lesson {
        steps: of.lesson.steps,
        forth: of.forth,
        sample: place(of.lesson.sample).variable,
        loss: place(of.loss).variable,
        compared: of.compared.map(|pair| pair.map(|var| place(var).variable)),
        sums: of.lesson.sums.iter().map(|var| place(*var)).collect(),
        pass: of.lesson.pass(),
        derive: of.lesson.derive(),
        clear: of.lesson.clear(),
    };
    Course {
        lesson,
        params: params.collect(),
        optimizer: training.optimizer,
        decay: training.decay,
        clip: training.clip,
        batch: training.batch,
        epochs: training.epochs,
        shuffle: training.shuffle,
        samples: training.samples,
        held_out: training.validate.as_ref().map_or(0, |validate| validate.last),
        patience: training.patience,
    }
}

/// Requires that the loss depends on all that is learned.
///
/// # Errors
/// E1008, with the operations at which gradients end.
fn reached(network: &Network, training: &Training, of: &Planned) -> Result<(), Diagnostic> {
    let mut all = training.learned.iter().zip(&of.reaches);
    let Some((learned, _)) = all.find(|(_, reaches)| !**reaches) else { return Ok(()) };
    let path = &network.params[learned.param.at()].path;
    let message = format!("the loss does not depend on `{path}`");
    let mut d = Diagnostic::new(Code::E1008, message, learned.place, "nothing would be learned");
    for end in of.ends.iter().take(ENDS) {
        d = d.label(end.place, format!("a gradient ends here: `{}` has no derivative", end.what));
    }
    Err(d.help("leave it out, or connect its process to the loss"))
}

/// So many ends of gradients are shown.
const ENDS: usize = 4;

/// Writes what was learned, with the values that were the best. An archive has it by path of the
/// param, in its shape, integers as `i64`.
///
/// # Errors
/// E0607 where it cannot be written, E1011 where the format cannot hold it.
pub fn export(
    path: &Path,
    network: &Network,
    training: &Training,
    values: &[Vec<f64>],
    place: Loc,
) -> Result<(), Diagnostic> {
    let mut arrays: BTreeMap<&str, Tensor> = BTreeMap::new();
    for (learned, values) in training.learned.iter().zip(values) {
        let param = &network.params[learned.param.at()];
        let of = &network.tensors[param.tensor.at()];
        let tensor = match of.kind {
            Kind::Int | Kind::Bool => {
                Tensor::int(of.shape.clone(), values.iter().map(|x| *x as i64).collect())
            }
            Kind::F32 | Kind::F64 => Tensor::float(of.shape.clone(), values.clone()),
        };
        arrays.insert(&param.path, tensor);
    }
    if path.extension() == Some("net".as_ref()) {
        let layers = net::layers(network, &arrays).map_err(|why| {
            let message = format!("`{}` cannot hold this network", path.display());
            Diagnostic::new(Code::E1011, message, place, why)
                .help("write an archive, whose name ends with `.npz`")
        })?;
        return Ok(snn_data::write_net(path, &layers)?);
    }
    let members: Vec<(&str, &Tensor)> = arrays.iter().map(|(name, of)| (*name, of)).collect();
    Ok(snn_data::write_npz(path, &members)?)
}
