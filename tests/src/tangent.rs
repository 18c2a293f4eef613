//! Forward-mode differentiation: a naive interpreter of the flat form, which carries a tangent
//! with every element of every array.
//!
//! It judges reverse-mode differentiation, and so shares nothing with it but the table of scalar
//! operations ([`snn_ir::scalar`]). Values are computed as the oracle (crate `snn-oracle`)
//! computes them. See A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition, 2008,
//! chapter 3.1.
//!
//! Tangents are `f64` whatever the kind of the values is, and are never rounded to it. Conversions
//! and `x != 0` pass them on. Where the table gives no derivative there is none; masks, guards, indices and delays have none either.
//! What does not depend on the direction has no share in a sum, were its factor infinite: 0 times
//! anything is 0.

mod array;

use array::{Array, apply, fit, fixed, inside, places, position};
use snn_ir::network::{
    Action, Body, Network, Op, Phase, Pick, Site, Stage, Stmt, Value, ValueId, VarKind, When,
};
use snn_ir::scalar::Scalar;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

/// The derivative of a number along a direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tangent {
    /// The number.
    pub value: f64,
    /// How fast it grows along the direction.
    pub derivative: f64,
}

/// Executes `steps` steps of a verified network in the flat form, whose constants are all in
/// memory. Gives the only element of variable `loss` as it stands after the last step, before the
/// resets between steps, with its derivative along `directions`: slots, with a number for each
/// element of their params. `slope` is the derivative of a comparison that makes a spike, at the
/// first minus the second operand; that of `<` and `<=` has the other sign.
///
/// # Errors
/// Where an index is out of range, and where the network or an argument is not of that form.
pub fn tangent(
    flat: &Network,
    steps: u64,
    loss: u32,
    directions: &[(u32, Vec<f64>)],
    slope: &dyn Fn(f64) -> f64,
) -> Result<Tangent, String> {
    let [body] = &flat.bodies[..] else { return Err("it is not in the flat form".into()) };
    let (vars, waiting) = (Vec::new(), vec![VecDeque::new(); body.vars.len()]);
    let (once, known) = (HashMap::new(), HashMap::new());
    let mut machine =
        Machine { network: flat, body, directions, slope, vars, waiting, once, known, t: 0 };
    for var in &body.vars {
        let init = match var.kind {
            VarKind::Queue { .. } => Array::zeros(var.ty.kind(), &var.shape),
            _ => machine.value(var.init)?.stretched(&var.shape),
        };
        machine.vars.push(Rc::new(init));
    }
    for t in 1..=steps {
        if t > 1 {
            machine.resets(When::Host)?;
        }
        machine.t = t;
        machine.step()?;
    }
    match &machine.vars.get(loss as usize).ok_or("there is no such variable")?.elements[..] {
        [loss] => Ok(Tangent { value: array::float(loss.value), derivative: loss.tangent }),
        _ => Err("the loss is not one number".into()),
    }
}

struct Machine<'n> {
    network: &'n Network,
    body: &'n Body,
    directions: &'n [(u32, Vec<f64>)],
    slope: &'n dyn Fn(f64) -> f64,
    vars: Vec<Rc<Array>>,
    /// Of variables that are queues, the messages.
    waiting: Vec<VecDeque<Rc<Array>>>,
    /// Values of stage `Once`.
    once: HashMap<ValueId, Rc<Array>>,
    /// What has been fixed or computed in the present phase.
    known: HashMap<ValueId, Rc<Array>>,
    t: u64,
}

impl Machine<'_> {
    fn step(&mut self) -> Result<(), String> {
        self.resets(When::Start)?;
        for (stmts, phase) in self.body.phases.iter().zip(Phase::ALL) {
            self.known.clear();
            for stmt in stmts {
                if self.network.clock(stmt.clock).holds(self.t) {
                    self.execute(stmt)?;
                }
            }
            self.resets(When::After(phase))?;
        }
        Ok(())
    }

    fn resets(&mut self, when: When) -> Result<(), String> {
        for reset in self.network.resets.iter().filter(|r| r.when == when) {
            if self.network.clock(reset.clock).holds(self.t) {
                let var = reset.var.1 as usize;
                let of = &self.body.vars[var];
                self.vars[var] = Rc::new(self.value(of.init)?.stretched(&of.shape));
            }
        }
        Ok(())
    }

    fn execute(&mut self, stmt: &Stmt) -> Result<(), String> {
        let holds = match stmt.guard {
            Some(guard) => self.value(guard)?.any(),
            None => true,
        };
        match &stmt.action {
            Action::Eval(id) if !holds => {
                let of = &self.body.values[id.at()];
                self.known.insert(*id, Rc::new(Array::zeros(of.kind, &of.shape)));
            }
            _ if !holds => {}
            Action::Read(id) => {
                let content = Rc::clone(&self.vars[self.variable(*id)?]);
                self.known.insert(*id, content);
            }
            Action::Eval(id) => {
                self.value(*id)?;
            }
            Action::Store { var, region, value, mask } => {
                self.store(*var as usize, region, *value, *mask)?;
            }
            Action::Push { var, value } => {
                let of = &self.body.vars[*var as usize];
                let value = self.value(*value)?;
                let count = of.shape.iter().product();
                let elements = (0..count).map(|place| fit(value.at(place), of.ty)).collect();
                let message = Array { shape: of.shape.clone(), elements, rest: None };
                self.waiting[*var as usize].push_back(Rc::new(message));
            }
            Action::Pop(id) => {
                let var = self.variable(*id)?;
                let message = self.waiting[var].pop_front();
                let empty = || format!("`{}` is empty at t = {}", self.body.vars[var].name, self.t);
                self.known.insert(*id, message.ok_or_else(empty)?);
            }
            Action::Receive(_) | Action::Send { .. } => {
                return Err("the flat form has no ports".into());
            }
        }
        Ok(())
    }

    /// The variable that a value is the contents of.
    fn variable(&self, id: ValueId) -> Result<usize, String> {
        match self.body.values[id.at()].op {
            Op::Var(var) => Ok(var as usize),
            _ => Err(format!("%{} is no variable", id.0)),
        }
    }

    fn store(
        &mut self,
        var: usize,
        region: &[Pick],
        value: ValueId,
        mask: Option<ValueId>,
    ) -> Result<(), String> {
        let of = &self.body.vars[var];
        let mask = mask.map(|m| self.value(m)).transpose()?;
        let sizes = region.iter().filter_map(|pick| match pick {
            Pick::Range(lo, hi) => Some(hi - lo),
            _ => None,
        });
        let shape: Vec<usize> = sizes.collect();
        if mask.as_ref().is_some_and(|m| !m.any()) || shape.contains(&0) {
            return Ok(());
        }
        let value = self.value(value)?;
        // By axis its first position; that of the region's own axes is added to it.
        let mut first = Vec::new();
        for (pick, extent) in region.iter().zip(&of.shape) {
            first.push(match pick {
                Pick::At(at) | Pick::Range(at, _) => *at,
                Pick::Computed(index) => inside(self.value(*index)?.elements[0].value, *extent)?,
            });
        }
        let mut elements = self.vars[var].elements.clone();
        for (place, index) in places(&shape).enumerate() {
            if mask.as_ref().is_some_and(|m| m.at(place).value != Scalar::Bool(true)) {
                continue;
            }
            let (mut to, mut along) = (first.clone(), index.iter());
            for (to, pick) in to.iter_mut().zip(region) {
                if let Pick::Range(..) = pick {
                    *to += along.next().copied().unwrap_or(0);
                }
            }
            elements[position(&of.shape, &to)] = fit(value.at(place), of.ty);
        }
        self.vars[var] = Rc::new(Array { shape: of.shape.clone(), elements, rest: None });
        Ok(())
    }

    fn found(&self, id: ValueId) -> Option<&Rc<Array>> {
        match self.body.values[id.at()].stage {
            Stage::Once => self.once.get(&id),
            Stage::Step => self.known.get(&id),
        }
    }

    /// A value; what no statement fixes is computed.
    fn value(&mut self, id: ValueId) -> Result<Rc<Array>, String> {
        // Arguments have smaller numbers: from the last to the first, all users of a value have
        // been seen before the value is.
        let (mut pending, mut missing) = (BTreeSet::from([id]), Vec::new());
        while let Some(next) = pending.pop_last() {
            if self.found(next).is_none() {
                missing.push(next);
                pending.extend(&self.body.values[next.at()].args);
            }
        }
        for next in missing.into_iter().rev() {
            let of = &self.body.values[next.at()];
            let computed = Rc::new(self.compute(of).map_err(|why| format!("%{}: {why}", next.0))?);
            match of.stage {
                Stage::Once => self.once.insert(next, computed),
                Stage::Step => self.known.insert(next, computed),
            };
        }
        self.found(id).cloned().ok_or_else(|| format!("%{} is not known", id.0))
    }

    fn compute(&self, of: &Value) -> Result<Array, String> {
        let tensor = |at: usize| Array::constant(&self.network.tensors[at]);
        match &of.op {
            Op::Const(id) => tensor(id.at()),
            Op::Param(slot) => {
                let param = self.network.instances[0].args[*slot as usize];
                let mut array = tensor(self.network.params[param.at()].tensor.at())?;
                for (_, direction) in self.directions.iter().filter(|(at, _)| at == slot) {
                    if direction.len() != array.elements.len() {
                        return Err("the direction of a param has another size".into());
                    }
                    let each = array.elements.iter_mut().zip(direction);
                    each.for_each(|(element, x)| element.tangent += x);
                }
                Ok(array)
            }
            Op::Time => Ok(Array::of(&[], |_| fixed(Scalar::Int(self.t as i64)))),
            Op::Random { seed, site: Site::Stream(stream) } => Ok(Array::of(&of.shape, |index| {
                let place = position(&of.shape, index) as u64;
                fixed(Scalar::F64(snn_runtime::random::uniform(*seed, *stream, self.t, place)))
            })),
            Op::Random { .. } | Op::Var(_) | Op::Input(_) => {
                Err(format!("{:?} has not been fixed", of.op))
            }
            _ => {
                let args: Option<Vec<&Array>> =
                    of.args.iter().map(|a| self.found(*a).map(|a| &**a)).collect();
                let second = of.args.get(1).map(|arg| &self.body.values[arg.at()].op);
                let of_zero = match second {
                    Some(Op::Const(tensor)) => {
                        let constant = self.network.tensors[tensor.at()].constant();
                        constant
                            .is_some_and(|c| c.shape().is_empty() && c.first_number() == Some(0.0))
                    }
                    _ => false,
                };
                apply(of, &args.ok_or("an argument is missing")?, of_zero, self.slope)
            }
        }
    }
}
