//! Trains what a `train` block says, in this process.

use snn_back::executor::{self, Executor};
use snn_back::schedule;
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Sink};
use snn_ir::network::{Flat, Network, fold};
use snn_ir::scalar::Kind;
use snn_ir::training::Training;
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use snn_runtime::npz::{self, Member};
use snn_runtime::train::{self, Course, Lesson, Param, Place, State, TrainError, Watch};
use snn_train::{Planned, plan};
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
    /// E1001 where the network cannot learn; the codes of data files that cannot be read.
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

/// Writes what was learned: by path of the param, in its shape; integers as `i32`.
///
/// # Errors
/// E0901 where it cannot be written, E1011 where the format cannot hold it.
pub fn export(
    path: &Path,
    network: &Network,
    training: &Training,
    values: &[Vec<f64>],
    place: Loc,
) -> Result<(), Diagnostic> {
    if path.extension() != Some("npz".as_ref()) {
        let message = format!("`{}` cannot hold this network", path.display());
        return Err(Diagnostic::new(Code::E1011, message, place, "write `.npz`"));
    }
    let mut arrays = Vec::with_capacity(values.len());
    for (learned, values) in training.learned.iter().zip(values) {
        let param = &network.params[learned.param.at()];
        let of = &network.tensors[param.tensor.at()];
        let integers = of.kind == Kind::Int;
        let (element, bytes): (_, Vec<u8>) = match integers {
            true => {
                (ElementType::I32, values.iter().flat_map(|x| (*x as i32).to_le_bytes()).collect())
            }
            false => (ElementType::F64, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        arrays.push((param.path.as_str(), Header::new(element, &of.shape), bytes));
    }
    let members: Vec<Member> = arrays
        .iter()
        .map(|(name, header, bytes)| Member {
            name,
            header: header.clone(),
            bytes: npz::Values::Held(bytes),
        })
        .collect();
    npz::write(path, &members, "").map_err(|e| {
        let message = format!("`{}` cannot be written: {e}", path.display());
        Diagnostic::without_place(Code::E0901, message)
    })
}
