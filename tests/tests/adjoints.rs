//! The network IR is closed under differentiation: adjoints are networks, and are right.
//!
//! Every network here is verified and run by the oracle. A gradient is compared with central
//! differences along random directions: an error in one element of a Jacobian is seen along
//! almost every one.

use snn_grammar::ast::Span;
use snn_ir::clock::Clock;
use snn_ir::diagnostics::Loc;
use snn_ir::network::adjoint::{Builder, Built, Comparison, backward, hard};
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    ALWAYS, Action, Body, ElemTy, Instance, InstanceId, Mark, Member, Network, Op, Pick, Record,
    ReduceOp, Run, Site, Stage, Stmt, Target, Value, ValueId, Var, VarKind, verify,
};
use snn_ir::scalar::{self, Kind, Scalar};
use snn_ir::tensor::Tensor;
use snn_runtime::kernels::Geometry;

const NOWHERE: Loc = Loc { file: 0, span: Span { start: 0, end: 0 } };

/// Numbers in a fixed order.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    fn range(&mut self, lo: usize, hi: usize) -> usize {
        lo + self.below(hi - lo + 1)
    }

    fn float(&mut self) -> f64 {
        // Away from 0, so that few operations have a kink there.
        let size = 0.3 + 1.5 * self.unit();
        if self.unit() < 0.5 { -size } else { size }
    }

    fn floats(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.float()).collect()
    }

    fn shape(&mut self, rank: usize) -> Vec<usize> {
        (0..rank).map(|_| self.range(1, 3)).collect()
    }

    fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        (1..n).rev().for_each(|i| all.swap(i, self.below(i + 1)));
        all
    }
}

fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn tensor(kind: Kind, shape: &[usize], values: &[f64]) -> Tensor {
    let shape = shape.to_vec();
    match kind {
        Kind::Bool => Tensor::bool(shape, values.iter().map(|x| *x != 0.0).collect()),
        Kind::Int => Tensor::int(shape, values.iter().map(|x| *x as i64).collect()),
        Kind::F32 => Tensor::float(shape, values.iter().map(|x| f64::from(*x as f32)).collect()),
        Kind::F64 => Tensor::float(shape, values.to_vec()),
    }
}

/// A network of one instance in the making: its values are in a builder.
struct Maker {
    vars: Vec<Var>,
    phases: [Vec<Stmt>; 4],
}

impl Maker {
    fn var(&mut self, b: &mut Builder<'_>, kind: Kind, shape: &[usize], init: &[f64]) -> u32 {
        let init = b.constant(kind, tensor(kind, shape, init)).unwrap();
        let name = format!("v{}", self.vars.len());
        let (ty, shape, place) = (ElemTy::of_kind(kind), shape.to_vec(), NOWHERE);
        self.vars.push(Var { name, kind: VarKind::State, ty, shape, init, place });
        self.vars.len() as u32 - 1
    }

    fn stmt(&mut self, phase: usize, guard: Option<ValueId>, action: Action) {
        self.phases[phase].push(Stmt { clock: ALWAYS, guard, action, place: NOWHERE });
    }

    fn store(
        &mut self,
        b: &Builder<'_>,
        (phase, guard): (usize, Option<ValueId>),
        var: u32,
        value: ValueId,
    ) {
        assert_eq!(b.value(value).unwrap().shape, self.vars[var as usize].shape);
        let whole = |n: &usize| Pick::Range(0, *n);
        let region = self.vars[var as usize].shape.iter().map(whole).collect();
        self.stmt(phase, guard, Action::Store { var, region, value, mask: None });
    }

    /// A variable that holds a value at the end.
    fn kept(&mut self, b: &mut Builder<'_>, value: ValueId) -> u32 {
        let of = b.value(value).unwrap().clone();
        let var = self.var(b, of.kind, &of.shape, &vec![0.0; size(&of.shape)]);
        self.store(b, (0, None), var, value);
        var
    }
}

fn leaf(values: &mut Vec<Value>, op: Op, kind: Kind, shape: &[usize]) -> ValueId {
    values.push(Value {
        op,
        args: Vec::new(),
        kind,
        shape: shape.to_vec(),
        stage: Stage::Step,
        name: None,
        spike: None,
        place: NOWHERE,
    });
    ValueId(values.len() as u32 - 1)
}

fn empty() -> Network {
    let run = Run {
        name: "r".into(),
        target: Target::Rust,
        steps: 1,
        open: false,
        records: Vec::new(),
        values: Vec::new(),
        reports: Vec::new(),
        expectations: Vec::new(),
    };
    Network {
        name: "n".into(),
        tensors: Vec::new(),
        params: Vec::new(),
        clocks: [Clock::always()].into(),
        bodies: Vec::new(),
        instances: Vec::new(),
        links: Vec::new(),
        resets: Vec::new(),
        run,
    }
}

/// Runs a network for so many steps, and gives what these variables hold at the end.
fn run(
    mut network: Network,
    values: Vec<Value>,
    maker: Maker,
    steps: u64,
    vars: &[u32],
) -> Vec<Vec<f64>> {
    let kinds: Vec<Kind> = vars.iter().map(|v| maker.vars[*v as usize].ty.kind()).collect();
    network.bodies.push(Body {
        process: "P".into(),
        tag: None,
        standard: false,
        resources: Vec::new(),
        slots: Vec::new(),
        vars: maker.vars,
        ports: Vec::new(),
        values,
        phases: maker.phases,
    });
    network.instances.push(Instance {
        path: "p".into(),
        body: snn_ir::network::BodyId(0),
        args: Vec::new(),
        arrival: (0, 0),
        place: NOWHERE,
    });
    network.run.steps = steps;
    for var in vars {
        let (key, instance, member) = (format!("p.v{var}"), InstanceId(0), Member::Var(*var));
        network.run.records.push(Record { key, instance, member, when: None, asked: true });
    }
    assert_eq!(verify::verify(&network), Ok(()));
    let outcome =
        snn_oracle::run(&network, &snn_data::Disk, &mut |_| std::ops::ControlFlow::Continue(()))
            .unwrap();
    let decode = |(column, kind): (&snn_runtime::network::Column, &Kind)| -> Vec<f64> {
        let bytes = &column.bytes;
        match kind {
            Kind::Bool => bytes.iter().map(|b| f64::from(*b)).collect(),
            Kind::Int => {
                bytes.chunks(8).map(|c| i64::from_le_bytes(c.try_into().unwrap()) as f64).collect()
            }
            Kind::F32 => {
                bytes.chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap()).into()).collect()
            }
            Kind::F64 => {
                bytes.chunks(8).map(|c| f64::from_le_bytes(c.try_into().unwrap())).collect()
            }
        }
    };
    outcome.columns.iter().zip(&kinds).map(decode).collect()
}

/// Gives the slopes of comparisons.
type Chosen = dyn Fn(&mut Builder<'_>, Comparison) -> Result<Option<ValueId>, String>;

/// A function of arrays to one array.
struct Case<'c> {
    inputs: Vec<(Kind, Vec<usize>)>,
    make: &'c dyn Fn(&mut Builder<'_>, &[ValueId]) -> Built,
    slope: &'c Chosen,
}

fn case<'c>(
    shapes: &[&[usize]],
    make: &'c dyn Fn(&mut Builder<'_>, &[ValueId]) -> Built,
) -> Case<'c> {
    let inputs = shapes.iter().map(|s| (Kind::F64, s.to_vec())).collect();
    Case { inputs, make, slope: &hard }
}

impl Case<'_> {
    /// The result at these inputs; and where its gradient is given, those of the inputs.
    fn at(
        &self,
        inputs: &[Vec<f64>],
        gradient: Option<&[f64]>,
    ) -> (Vec<f64>, Vec<Option<Vec<f64>>>) {
        let mut network = empty();
        let mut values = Vec::new();
        let leaves: Vec<ValueId> = (0..)
            .zip(&self.inputs)
            .map(|(i, (kind, shape))| leaf(&mut values, Op::Var(i), *kind, shape))
            .collect();
        // Marks are set on the values, as the front does.
        let mut tensors = Tensors::of(&network);
        let mut maker = Maker { vars: Vec::new(), phases: Default::default() };
        let mut b = Builder::new(&mut network, &mut tensors, values, NOWHERE);
        for ((kind, shape), init) in self.inputs.iter().zip(inputs) {
            maker.var(&mut b, *kind, shape, init);
        }
        for leaf in &leaves {
            maker.stmt(0, None, Action::Read(*leaf));
        }
        let result = (self.make)(&mut b, &leaves).unwrap();
        let mut kept = vec![maker.kept(&mut b, result)];
        let mut found = Vec::new();
        if let Some(gradient) = gradient {
            let of = b.value(result).unwrap().clone();
            let kind = snn_ir::network::adjoint::adjoint_kind(of.kind);
            let seed = b.constant(kind, tensor(kind, &of.shape, gradient)).unwrap();
            let mut slope = |b: &mut Builder<'_>, c: Comparison| (self.slope)(b, c);
            found = backward(&mut b, &[(result, seed)], &leaves, &mut slope).unwrap();
            for g in found.iter().flatten() {
                kept.push(maker.kept(&mut b, *g));
            }
        }
        let values = b.finish();
        let mut all = run(network, values, maker, 1, &kept).into_iter();
        let result = all.next().unwrap();
        (result, found.iter().map(|g| g.map(|_| all.next().unwrap())).collect())
    }

    /// Compares the gradients with differences; gives how many inputs have one.
    fn check(&self, what: &str, dice: &mut Dice, inputs: &[Vec<f64>]) -> usize {
        let (result, _) = self.at(inputs, None);
        let gradient = dice.floats(result.len());
        let (_, found) = self.at(inputs, Some(&gradient));
        let h = 1e-5;
        for (i, found) in found.iter().enumerate().filter(|(i, _)| self.inputs[*i].0 == Kind::F64) {
            let direction = dice.floats(inputs[i].len());
            let f = |by: f64| {
                let mut moved = inputs.to_vec();
                moved[i].iter_mut().zip(&direction).for_each(|(x, d)| *x += by * d);
                dot(&self.at(&moved, None).0, &gradient)
            };
            let expected = (f(h) - f(-h)) / (2.0 * h);
            let zeros = vec![0.0; inputs[i].len()];
            let own = found.as_ref().unwrap_or(&zeros);
            let scale = 1.0 + own.iter().zip(&direction).map(|(a, b)| (a * b).abs()).sum::<f64>();
            let difference = (dot(own, &direction) - expected).abs();
            assert!(
                difference <= 1e-6 * scale,
                "{what}, input {i}: {} is not {expected}",
                dot(own, &direction)
            );
        }
        found.iter().flatten().count()
    }

    fn checked(&self, what: &str, dice: &mut Dice) -> usize {
        let inputs: Vec<Vec<f64>> = self.inputs.iter().map(|(_, s)| dice.floats(size(s))).collect();
        self.check(what, dice, &inputs)
    }
}

fn int(b: &mut Builder<'_>, shape: &[usize], values: &[f64]) -> ValueId {
    b.constant(Kind::Int, tensor(Kind::Int, shape, values)).unwrap()
}

/// One of every operation, without what it is with.
fn every_op() -> Vec<Op> {
    let geometry = Geometry {
        input: [1; 3],
        outputs: 1,
        kernel: [1; 2],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
        groups: 1,
    };
    let reductions = [ReduceOp::Sum, ReduceOp::Min, ReduceOp::Max, ReduceOp::ArgMax];
    let mut all = vec![
        Op::Const(snn_ir::network::TensorId(0)),
        Op::Param(0),
        Op::Time,
        Op::Var(0),
        Op::Input(0),
        Op::Random { seed: 0, site: Site::Call(0) },
        Op::Scalar(scalar::Op::Add),
        Op::Broadcast,
        Op::Transpose(Vec::new()),
        Op::Slice(Vec::new()),
        Op::Reshape,
        Op::Flip(Vec::new()),
        Op::Index,
        Op::Concat(0),
        Op::MatMul,
        Op::Conv(Box::new(geometry)),
        Op::ByDelay,
    ];
    all.extend(reductions.map(|op| Op::Reduce(op, Vec::new())));
    all
}

/// Checks one operation in a random form. A new operation must be given one here.
fn random_form(op: &Op, dice: &mut Dice) -> usize {
    let rank = dice.range(1, 4);
    let shape = dice.shape(rank);
    let what = format!("{op:?} of {shape:?}");
    match op {
        Op::Const(_) | Op::Param(_) | Op::Time | Op::Input(_) | Op::Random { .. } => 0,
        // The leaf of every case.
        Op::Var(_) => case(&[&shape], &|_, x| Ok(x[0])).checked(&what, dice),
        // All of them have a test of their own.
        Op::Scalar(_) => case(&[&shape, &[]], &|b, x| b.scalar(scalar::Op::Mul, &[x[0], x[1]]))
            .checked(&what, dice),
        Op::Broadcast => {
            let from: Vec<usize> = shape[dice.below(rank + 1)..]
                .iter()
                .map(|n| if dice.unit() < 0.5 { 1 } else { *n })
                .collect();
            case(&[&from], &|b, x| b.broadcast(x[0], &shape)).checked(&what, dice)
        }
        Op::Transpose(_) => {
            let axes = dice.shuffled(rank);
            case(&[&shape], &|b, x| b.transpose(x[0], &axes)).checked(&what, dice)
        }
        Op::Slice(_) => {
            let ranges: Vec<(usize, usize)> = shape
                .iter()
                .map(|n| {
                    let lo = dice.range(0, *n);
                    (lo, dice.range(lo, *n))
                })
                .collect();
            let to: Vec<usize> = ranges.iter().map(|(lo, hi)| hi - lo).collect();
            case(&[&shape], &|b, x| b.push(Op::Slice(ranges.clone()), &[x[0]], Kind::F64, &to))
                .checked(&what, dice)
        }
        Op::Reshape => {
            let mut to = shape.clone();
            to.reverse();
            to.insert(dice.below(rank), 1);
            case(&[&shape], &|b, x| b.reshape(x[0], &to)).checked(&what, dice)
        }
        Op::Flip(_) => {
            let axes: Vec<usize> = (0..rank).filter(|_| dice.unit() < 0.5).collect();
            case(&[&shape], &|b, x| b.flip(x[0], &axes)).checked(&what, dice)
        }
        Op::Index => {
            let index = dice.below(shape[0]) as f64;
            let make = |b: &mut Builder<'_>, x: &[ValueId]| {
                let index = int(b, &[], &[index]);
                b.push(Op::Index, &[x[0], index], Kind::F64, &shape[1..])
            };
            case(&[&shape], &make).checked(&what, dice)
        }
        Op::Concat(_) => {
            let axis = dice.below(rank);
            let mut shapes = vec![shape.clone(); 3];
            shapes.iter_mut().for_each(|s| s[axis] = dice.range(0, 3));
            let mut to = shape.clone();
            to[axis] = shapes.iter().map(|s| s[axis]).sum::<usize>() + shapes[0][axis];
            // The first part stands twice.
            let make = |b: &mut Builder<'_>, x: &[ValueId]| {
                b.push(Op::Concat(axis), &[x[0], x[1], x[2], x[0]], Kind::F64, &to)
            };
            case(&[&shapes[0], &shapes[1], &shapes[2]], &make).checked(&what, dice)
        }
        Op::MatMul => {
            let n = shape[rank - 1];
            case(&[&shape, &[n]], &|b, x| b.push(Op::MatMul, x, Kind::F64, &shape[..rank - 1]))
                .checked(&what, dice)
        }
        Op::Conv(_) => random_convolution(dice).0,
        Op::Reduce(reduction, _) => {
            let axes: Vec<usize> = (0..rank).filter(|_| dice.unit() < 0.6).collect();
            let kept: Vec<usize> =
                (0..rank).filter(|i| !axes.contains(i)).map(|i| shape[i]).collect();
            let arg_max = *reduction == ReduceOp::ArgMax;
            let make = |b: &mut Builder<'_>, x: &[ValueId]| {
                let kind = if arg_max { Kind::Int } else { Kind::F64 };
                b.push(Op::Reduce(*reduction, axes.clone()), x, kind, &kept)
            };
            case(&[&shape], &make).checked(&what, dice)
        }
        Op::ByDelay => {
            let (m, n, slots) = (dice.range(1, 4), dice.range(1, 4), dice.range(1, 3));
            let of = &[vec![m, n], vec![1, n], vec![m, 1], vec![n], vec![]][dice.below(5)];
            let of = of.as_slice();
            // Some are beyond the slots.
            let delays: Vec<f64> = (0..size(of)).map(|_| dice.below(slots + 1) as f64).collect();
            let make = |b: &mut Builder<'_>, x: &[ValueId]| {
                let delays = int(b, of, &delays);
                b.push(Op::ByDelay, &[x[0], delays], Kind::F64, &[m, slots, n])
            };
            case(&[&[m, n]], &make).checked(&what, dice)
        }
    }
}

#[test]
fn every_operation_has_its_adjoint() {
    let mut dice = Dice(1);
    for op in every_op() {
        let with: usize = (0..40).map(|_| random_form(&op, &mut dice)).sum();
        let leaf =
            matches!(op, Op::Const(_) | Op::Param(_) | Op::Time | Op::Input(_) | Op::Random { .. });
        let none = leaf || matches!(op, Op::Reduce(ReduceOp::ArgMax, _));
        assert_eq!(with == 0, none, "{op:?}: {with} gradients");
    }
}

/// Checks a convolution; gives how many gradients it has, and its sizes.
fn random_convolution(dice: &mut Dice) -> (usize, Geometry) {
    let pair = |dice: &mut Dice, lo, hi| [dice.range(lo, hi), dice.range(lo, hi)];
    let groups = dice.range(1, 3);
    let geometry = Geometry {
        input: [dice.range(1, 7), dice.range(1, 7), groups * dice.range(1, 2)],
        outputs: groups * dice.range(1, 2),
        kernel: pair(dice, 1, 3),
        stride: pair(dice, 1, 4),
        padding: pair(dice, 0, 4),
        dilation: pair(dice, 1, 3),
        groups,
    };
    let make = |b: &mut Builder<'_>, x: &[ValueId]| {
        b.push(Op::Conv(Box::new(geometry)), x, Kind::F64, &geometry.output())
    };
    let case = case(&[&geometry.weights(), &geometry.input], &make);
    let what = format!("{geometry:?}");
    // Linear in either: what goes forward and what comes back are one number.
    let inputs: Vec<Vec<f64>> = case.inputs.iter().map(|(_, s)| dice.floats(size(s))).collect();
    let (result, _) = case.at(&inputs, None);
    let gradient = dice.floats(result.len());
    let (_, found) = case.at(&inputs, Some(&gradient));
    let expected = dot(&gradient, &result);
    for (input, own) in inputs.iter().zip(&found) {
        let back = dot(input, own.as_ref().unwrap());
        assert!(
            (back - expected).abs() <= 1e-9 * (1.0 + expected.abs()),
            "{what}: {back} is not {expected}"
        );
    }
    (found.iter().flatten().count(), geometry)
}

#[test]
fn convolutions_of_every_geometry() {
    let mut dice = Dice(2);
    let mut seen = [0; 8];
    for _ in 0..800 {
        let (_, g) = random_convolution(&mut dice);
        let spread = |axis: usize| g.dilation[axis] * (g.kernel[axis] - 1);
        let some = |holds: &dyn Fn(usize) -> bool| usize::from(holds(0) || holds(1));
        let room =
            |axis: usize| (g.input[axis] + 2 * g.padding[axis]).checked_sub(spread(axis) + 1);
        seen[0] += some(&|axis| room(axis).is_some_and(|room| room % g.stride[axis] != 0));
        seen[1] += usize::from(g.groups > 1);
        seen[2] += usize::from(g.groups > 1 && g.channels() > 1 && g.outputs > g.groups);
        seen[3] += some(&|axis| g.padding[axis] > spread(axis));
        seen[4] += some(&|axis| g.padding[axis] < spread(axis));
        seen[5] += some(&|axis| g.dilation[axis] > 1 && g.kernel[axis] > 1);
        seen[6] += some(&|axis| room(axis).is_none());
        seen[7] += some(&|axis| g.stride[axis] > 1);
    }
    assert!(seen.iter().all(|n| *n > 40), "{seen:?}");
}

fn every_scalar() -> Vec<scalar::Op> {
    let mut all = scalar::Op::PLAIN.to_vec();
    all.extend(Kind::ALL.map(scalar::Op::Convert));
    all.push(scalar::Op::Wrap { bits: 3, signed: true });
    all.push(scalar::Op::Sat { bits: 3, signed: false });
    all
}

/// Operands of these kinds at which an operation is defined and has no kink.
fn operands(op: scalar::Op, kinds: &[Kind], dice: &mut Dice) -> Vec<f64> {
    let away = |x: f64| (x - x.round()).abs() > 0.01 && (x.fract().abs() - 0.5).abs() > 0.01;
    loop {
        let mut x: Vec<f64> = kinds
            .iter()
            .map(|kind| match kind {
                Kind::Bool => dice.below(2) as f64,
                Kind::Int => dice.range(1, 9) as f64 * if dice.unit() < 0.5 { -1.0 } else { 1.0 },
                Kind::F32 | Kind::F64 => dice.float(),
            })
            .collect();
        if matches!(op, scalar::Op::Log | scalar::Op::Sqrt | scalar::Op::Pow) {
            x[0] = x[0].abs();
        }
        let kink = match op {
            scalar::Op::Rem => !away(x[0] / x[1]),
            scalar::Op::Floor | scalar::Op::Ceil | scalar::Op::Round => !away(x[0]),
            scalar::Op::Min | scalar::Op::Max => (x[0] - x[1]).abs() < 0.01,
            _ => false,
        };
        if !kink {
            return x;
        }
    }
}

#[test]
fn scalar_operations_on_floats() {
    let mut dice = Dice(3);
    let mut checked = 0;
    for op in every_scalar() {
        let mut kinds = vec![Kind::F64; op.arity()];
        if op == scalar::Op::Select {
            kinds[0] = Kind::Bool;
        }
        // What rounds is passed over: its derivative is no slope.
        let rounds = matches!(op, scalar::Op::Floor | scalar::Op::Ceil | scalar::Op::Round);
        if op.result(&kinds) != Some(Kind::F64) || rounds {
            continue;
        }
        for _ in 0..40 {
            // Each operand has the shape of the result, or none.
            let shape = [dice.range(1, 3), dice.range(1, 3)];
            let whole = dice.below(kinds.len());
            let shapes: Vec<Vec<usize>> = (0..kinds.len())
                .map(|i| if i == whole || dice.unit() < 0.5 { shape.to_vec() } else { Vec::new() })
                .collect();
            let inputs = loop {
                let mut inputs: Vec<Vec<f64>> = vec![Vec::new(); kinds.len()];
                for i in 0..size(&shape) {
                    let x = operands(op, &kinds, &mut dice);
                    inputs
                        .iter_mut()
                        .zip(&shapes)
                        .zip(x)
                        .filter(|((_, s), _)| i == 0 || !s.is_empty())
                        .for_each(|((all, _), x)| all.push(x));
                }
                // A scalar meets every element.
                let meets = |i: usize| -> Vec<f64> {
                    inputs.iter().map(|all| all[i % all.len()]).collect()
                };
                let smooth = (0..size(&shape)).all(|i| {
                    let x = meets(i);
                    match op {
                        scalar::Op::Rem => ((x[0] / x[1]) - (x[0] / x[1]).round()).abs() > 0.01,
                        scalar::Op::Min | scalar::Op::Max => (x[0] - x[1]).abs() > 0.01,
                        _ => true,
                    }
                });
                if smooth {
                    break inputs;
                }
            };
            let inputs_of = kinds.iter().copied().zip(shapes).collect();
            let case = Case { inputs: inputs_of, make: &|b, x| b.scalar(op, x), slope: &hard };
            case.check(&op.name(), &mut dice, &inputs);
            checked += 1;
        }
    }
    assert!(checked >= 18 * 40, "{checked}");
}

/// Integers, booleans and single precision have the derivative of the table too.
#[test]
fn scalar_operations_on_every_kind() {
    let mut dice = Dice(4);
    let mut with = 0;
    for op in every_scalar() {
        for kind in Kind::ALL {
            let mut kinds = vec![kind; op.arity()];
            if op == scalar::Op::Select {
                kinds[0] = Kind::Bool;
            }
            let Some(result) = op.result(&kinds) else { continue };
            for _ in 0..5 {
                let x = operands(op, &kinds, &mut dice);
                let inputs: Vec<Vec<f64>> = x.iter().map(|x| vec![*x]).collect();
                let inputs_of = kinds.iter().map(|kind| (*kind, Vec::new())).collect();
                let case = Case { inputs: inputs_of, make: &|b, x| b.scalar(op, x), slope: &hard };
                let g = dice.float();
                let (value, found) = case.at(&inputs, Some(&[g]));
                let scalars: Vec<Scalar> = x
                    .iter()
                    .zip(&kinds)
                    .enumerate()
                    .map(|(i, (x, kind))| {
                        let of = Scalar::F64(*x).convert(*kind);
                        if op == scalar::Op::Select && i == 0 { of } else { of.convert(Kind::F64) }
                    })
                    .collect();
                for (i, found) in found.iter().enumerate() {
                    let term = op
                        .derivative(kind)
                        .map(|terms| terms[i].eval(&scalars, Scalar::F64(value[0])).unwrap());
                    let expected = match term {
                        Some(Scalar::F64(term)) => g * term,
                        None => 0.0,
                        Some(other) => panic!("{other:?}"),
                    };
                    let own = found.as_ref().map_or(0.0, |g| g[0]);
                    let close = (own - expected).abs() <= 1e-5 * (1.0 + expected.abs());
                    assert!(
                        close,
                        "{} of {kinds:?} {x:?} to {result:?}: {own} is not {expected}",
                        op.name()
                    );
                    with += usize::from(found.is_some());
                }
            }
        }
    }
    assert!(with > 300, "{with}");
}

/// `1 / (1 + |d|)²`.
fn fast_sigmoid(b: &mut Builder<'_>, c: Comparison) -> Result<Option<ValueId>, String> {
    let kind = b.value(c.difference)?.kind;
    let one = b.number(kind, 1.0)?;
    let size = b.scalar(scalar::Op::Abs, &[c.difference])?;
    let sum = b.scalar(scalar::Op::Add, &[one, size])?;
    let square = b.scalar(scalar::Op::Mul, &[sum, sum])?;
    b.scalar(scalar::Op::Div, &[one, square]).map(Some)
}

#[test]
fn spikes_have_the_slope_that_the_caller_gives() {
    let mut dice = Dice(5);
    for op in every_scalar().into_iter().filter(|op| op.is_comparison()) {
        for mark in [None, Some(Mark::Spike), Some(Mark::Soft), Some(Mark::Hard)] {
            for (kind, tolerance) in [(Kind::F64, 1e-12), (Kind::F32, 1e-5), (Kind::Int, 1e-12)] {
                let make = |b: &mut Builder<'_>, x: &[ValueId]| {
                    let holds = b.scalar(op, x)?;
                    mark.map_or(Ok(holds), |mark| b.mark(holds, mark))
                };
                let inputs = [dice.floats(3), dice.floats(1)]
                    .map(|x| x.iter().map(|x| (x * 8.0).round()).collect::<Vec<f64>>());
                let inputs_of = vec![(kind, vec![3]), (kind, vec![])];
                let g = dice.floats(3);
                let mut case = Case { inputs: inputs_of, make: &make, slope: &hard };
                assert_eq!(case.at(&inputs, Some(&g)).1, [None, None]);
                case.slope = &fast_sigmoid;
                let (_, found) = case.at(&inputs, Some(&g));
                let sign = match op {
                    scalar::Op::Gt | scalar::Op::Ge => 1.0,
                    scalar::Op::Lt | scalar::Op::Le => -1.0,
                    _ => 0.0,
                };
                if sign == 0.0 || !matches!(mark, Some(Mark::Spike | Mark::Soft)) {
                    assert_eq!(found, [None, None]);
                    continue;
                }
                let slopes = inputs[0].iter().map(|a| (1.0 + (a - inputs[1][0]).abs()).powi(-2));
                let expected: Vec<f64> = slopes.zip(&g).map(|(s, g)| sign * s * g).collect();
                let first = found[0].as_ref().unwrap();
                assert!(first.iter().zip(&expected).all(|(a, b)| (a - b).abs() < tolerance));
                assert!(
                    (found[1].as_ref().unwrap()[0] + expected.iter().sum::<f64>()).abs()
                        < 3.0 * tolerance
                );
            }
        }
    }
}

#[test]
fn of_several_extreme_elements_the_first_has_the_gradient() {
    for (op, kind, x) in [
        (ReduceOp::Max, Kind::F64, [2.0, 5.0, 5.0, 5.0]),
        (ReduceOp::Min, Kind::F64, [2.0, 1.0, 1.0, 1.0]),
        (ReduceOp::Max, Kind::Int, [2.0, 5.0, 5.0, 5.0]),
        (ReduceOp::Min, Kind::Int, [2.0, i64::MIN as f64, i64::MIN as f64, 4.0]),
        (ReduceOp::Max, Kind::Bool, [0.0, 1.0, 1.0, 0.0]),
        (ReduceOp::Min, Kind::Bool, [1.0, 0.0, 0.0, 1.0]),
        (ReduceOp::Min, Kind::F32, [2.0, 0.5, 0.5, 1.0]),
    ] {
        let make =
            |b: &mut Builder<'_>, x: &[ValueId]| b.push(Op::Reduce(op, vec![0, 1]), x, kind, &[]);
        let case = Case { inputs: vec![(kind, vec![2, 2])], make: &make, slope: &hard };
        let (_, found) = case.at(&[x.to_vec()], Some(&[3.0]));
        assert_eq!(found, [Some(vec![0.0, 3.0, 0.0, 0.0])], "{op:?} {kind:?}");
    }
}

#[test]
fn products_of_integers_have_floats() {
    let mut dice = Dice(6);
    let make = |b: &mut Builder<'_>, x: &[ValueId]| b.push(Op::MatMul, x, Kind::Int, &[3]);
    let case = Case {
        inputs: vec![(Kind::Int, vec![3, 2]), (Kind::Int, vec![2])],
        make: &make,
        slope: &hard,
    };
    let inputs = [vec![1.0, -2.0, 3.0, 4.0, 5.0, -6.0], vec![7.0, -8.0]];
    let g = dice.floats(3);
    let (result, found) = case.at(&inputs, Some(&g));
    for (x, own) in inputs.iter().zip(found) {
        assert!((dot(x, &own.unwrap()) - dot(&g, &result)).abs() < 1e-9);
    }
}

/// A random graph of smooth operations, most of them used more than once.
fn random_graph(b: &mut Builder<'_>, leaves: &[ValueId], seed: u64) -> Built {
    let mut dice = Dice(seed);
    let mut all = leaves.to_vec();
    for _ in 0..25 {
        let one = all[dice.below(all.len())];
        let shape = b.value(one)?.shape.clone();
        let same: Vec<ValueId> = all
            .iter()
            .copied()
            .filter(|v| {
                let s = &b.values()[v.at()].shape;
                *s == shape || s.is_empty()
            })
            .collect();
        let two = same[dice.below(same.len())];
        let new = match dice.below(10) {
            0 => b.scalar(scalar::Op::Tanh, &[one])?,
            1 => b.scalar(scalar::Op::Sin, &[one])?,
            2 | 3 => {
                let product = b.scalar(scalar::Op::Mul, &[one, two])?;
                b.scalar(scalar::Op::Tanh, &[product])?
            }
            4 => b.scalar(scalar::Op::Sub, &[two, one])?,
            5 => b.transpose(one, &dice.shuffled(shape.len()))?,
            6 if !shape.is_empty() => b.sum(one, &[dice.below(shape.len())])?,
            7 if shape.len() == 2 => {
                let vector = b.slice(one, 0, (0, 1))?;
                let vector = b.reshape(vector, &[shape[1]])?;
                b.push(Op::MatMul, &[one, vector], Kind::F64, &[shape[0]])?
            }
            8 if !shape.is_empty() => b.flip(one, &[dice.below(shape.len())])?,
            _ => {
                let mut wider = vec![2];
                wider.extend(&shape);
                let wide = b.broadcast(one, &wider)?;
                b.sum(wide, &[0])?
            }
        };
        all.push(new);
    }
    let mut sum = b.number(Kind::F64, 0.0)?;
    for value in all.split_off(all.len() - 6) {
        let axes: Vec<usize> = (0..b.value(value)?.shape.len()).collect();
        let part = b.sum(value, &axes)?;
        sum = b.scalar(scalar::Op::Add, &[sum, part])?;
    }
    Ok(sum)
}

#[test]
fn whole_graphs() {
    let mut dice = Dice(7);
    let mut with = 0;
    for seed in 0..200 {
        let make = |b: &mut Builder<'_>, x: &[ValueId]| random_graph(b, x, seed);
        with += case(&[&[2, 3], &[3], &[]], &make).checked(&format!("graph {seed}"), &mut dice);
    }
    assert!(with > 300, "{with}");
}

#[test]
fn a_long_graph_is_walked_once() {
    let mut network = empty();
    let mut tensors = Tensors::of(&network);
    let mut values = Vec::new();
    let x = leaf(&mut values, Op::Var(0), Kind::F64, &[2]);
    let mut b = Builder::new(&mut network, &mut tensors, values, NOWHERE);
    let mut last = x;
    for _ in 0..50_000 {
        last = b.scalar(scalar::Op::Add, &[last, last]).unwrap();
    }
    let seed = b.number(Kind::F64, 1.0).unwrap();
    let before = b.values().len();
    let found = backward(&mut b, &[(last, seed)], &[x], &mut hard).unwrap();
    assert!(found[0].is_some() && b.values().len() - before < 60_000);
    // What is asked of values that are not there, or do not fit, is refused.
    let nothing = ValueId(u32::MAX);
    assert!(backward(&mut b, &[(nothing, seed)], &[x], &mut hard).is_err());
    assert!(backward(&mut b, &[(last, nothing)], &[x], &mut hard).is_err());
    assert_eq!(backward(&mut b, &[(last, seed)], &[nothing], &mut hard), Ok(vec![None]));
    let wide = b.zeros(Kind::F64, &[3]).unwrap();
    assert!(backward(&mut b, &[(last, wide)], &[x], &mut hard).is_err());
}

const STEPS: usize = 5;

/// `h' = tanh(w h + x[t])` for some steps from `h = 0.5`; and where `gradient` is given, as many
/// steps back over a tape of `h`, which give the gradients of `w` and `x`.
fn recurrent(w: &[f64], x: &[f64], gradient: Option<&[f64]>) -> Vec<Vec<f64>> {
    let mut network = empty();
    let mut tensors = Tensors::of(&network);
    let mut values = Vec::new();
    let shapes: [&[usize]; 7] =
        [&[3, 3], &[STEPS, 3], &[3], &[STEPS, 3], &[3], &[3, 3], &[STEPS, 3]];
    let reads: Vec<ValueId> =
        (0..).zip(shapes).map(|(i, s)| leaf(&mut values, Op::Var(i), Kind::F64, s)).collect();
    let [w_read, x_read, h_read, tape_read, g_read, dw_read, dx_read] = reads[..] else {
        unreachable!()
    };
    let t = leaf(&mut values, Op::Time, Kind::Int, &[]);
    let mut maker = Maker { vars: Vec::new(), phases: Default::default() };
    let mut b = Builder::new(&mut network, &mut tensors, values, NOWHERE);
    let zeros = vec![0.0; STEPS * 3];
    let inits = [w, x, &[0.5; 3], &zeros, gradient.unwrap_or(&[0.0; 3]), &[0.0; 9], &zeros];
    for (shape, init) in shapes.iter().zip(inits) {
        maker.var(&mut b, Kind::F64, shape, init);
    }
    let step = |b: &mut Builder<'_>, h: ValueId, at: ValueId| {
        let input = b.push(Op::Index, &[x_read, at], Kind::F64, &[3]).unwrap();
        let product = b.push(Op::MatMul, &[w_read, h], Kind::F64, &[3]).unwrap();
        let sum = b.scalar(scalar::Op::Add, &[product, input]).unwrap();
        b.scalar(scalar::Op::Tanh, &[sum]).unwrap()
    };
    // Forward in phase 0, step t from h at t-1.
    let (one, last) = (int(&mut b, &[], &[1.0]), int(&mut b, &[], &[STEPS as f64]));
    let forward = b.scalar(scalar::Op::Le, &[t, last]).unwrap();
    let at = b.scalar(scalar::Op::Sub, &[t, one]).unwrap();
    let next = step(&mut b, h_read, at);
    for read in [w_read, x_read, h_read] {
        maker.stmt(0, None, Action::Read(read));
    }
    let region = vec![Pick::Computed(at), Pick::Range(0, 3)];
    maker.stmt(0, Some(forward), Action::Store { var: 3, region, value: h_read, mask: None });
    maker.store(&b, (0, Some(forward)), 2, next);
    // Back in phase 2, step t from h at 2·STEPS - t, which the tape has.
    let back = b.scalar(scalar::Op::Gt, &[t, last]).unwrap();
    let both = int(&mut b, &[], &[2.0 * STEPS as f64]);
    let at = b.scalar(scalar::Op::Sub, &[both, t]).unwrap();
    let h = b.push(Op::Index, &[tape_read, at], Kind::F64, &[3]).unwrap();
    let next = step(&mut b, h, at);
    let found = backward(&mut b, &[(next, g_read)], &[h, w_read, x_read], &mut hard).unwrap();
    for read in [w_read, x_read, tape_read, g_read, dw_read, dx_read] {
        maker.stmt(2, None, Action::Read(read));
    }
    let sums = [(dw_read, found[1]), (dx_read, found[2])]
        .map(|(sum, g)| b.scalar(scalar::Op::Add, &[sum, g.unwrap()]).unwrap());
    // All are stored after all that they need has been computed.
    for value in [sums[0], sums[1], found[0].unwrap()] {
        maker.stmt(2, Some(back), Action::Eval(value));
    }
    maker.store(&b, (2, Some(back)), 5, sums[0]);
    maker.store(&b, (2, Some(back)), 6, sums[1]);
    maker.store(&b, (2, Some(back)), 4, found[0].unwrap());
    let values = b.finish();
    let steps = if gradient.is_some() { 2 * STEPS } else { STEPS };
    run(network, values, maker, steps as u64, &[2, 5, 6])
}

#[test]
fn a_tape_carries_the_past_to_the_way_back() {
    let mut dice = Dice(8);
    for _ in 0..10 {
        let (w, x, g) = (dice.floats(9), dice.floats(STEPS * 3), dice.floats(3));
        let found = recurrent(&w, &x, Some(&g));
        let h = 1e-5;
        let (dw, dx) = (dice.floats(9), dice.floats(STEPS * 3));
        let moved = |of: &[f64], by: f64, d: &[f64]| {
            of.iter().zip(d).map(|(x, d)| x + by * d).collect::<Vec<f64>>()
        };
        let f = |w: &[f64], x: &[f64]| dot(&recurrent(w, x, None)[0], &g);
        let by_w = (f(&moved(&w, h, &dw), &x) - f(&moved(&w, -h, &dw), &x)) / (2.0 * h);
        let by_x = (f(&w, &moved(&x, h, &dx)) - f(&w, &moved(&x, -h, &dx))) / (2.0 * h);
        for (found, direction, expected) in [(&found[1], &dw, by_w), (&found[2], &dx, by_x)] {
            let own = dot(found, direction);
            assert!(
                (own - expected).abs() <= 1e-6 * (1.0 + expected.abs()),
                "{own} is not {expected}"
            );
        }
    }
}
