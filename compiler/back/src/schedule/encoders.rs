//! Encoders as tables: sources of spikes that do the same for equal bytes.
//!
//! An encoder that holds a row of bytes for a window, and whose neurons know nothing but their
//! own byte, has at most 256 different spike trains; a rate code over 32 steps has about 20.
//! They are found by running the encoder on all 256 bytes, here, in the executor. Then, when
//! a row is taken, the weights of all inputs with equal trains are added up once, and a step
//! adds the sums of the trains that spike in it. The encoder itself need not run at all.
//!
//! Sums of integers are the same in any order, so results are the same bits. The change is made
//! only where nothing else looks at the encoder's state or spikes.

use super::simulate::Simulation;
use super::walk;
use crate::executor;
use snn_data::Memory;
use snn_ir::clock::Clock;
use snn_ir::scalar;
use snn_ir::step::{
    ALWAYS, Access, Buffer, BufferId, BufferKind, ClockId, Elem, Expr, ExprKind, Fit, Init,
    KernelKind, Kind, Loop, Op, OpKind, Record, RecordWhen, Source, StepIr, Stmt, Synapse,
    Tabulated, TensorValues, ranges,
};
use snn_ir::tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More different trains than these are not worth the sums.
const MOST_TRAINS: usize = 40;
/// Smaller layers are fast as they are.
const FEWEST_INPUTS: usize = 64;
/// Encoders have no more state than this.
const MOST_BUFFERS: usize = 8;
/// Values of a byte.
const BYTES: usize = 256;

/// The same network with its first encoder of the kind tabulated, if it has one, and no program
/// that might write its state.
pub fn tabulate(ir: StepIr) -> StepIr {
    if ir.open {
        return ir;
    }
    let Some((encoder, trains)) = find(&ir) else { return ir };
    let mut changed = encoder.replaced(&ir, &trains);
    super::remove_unused(&mut changed);
    ranges::analyse(&mut changed);
    keep_ranges(&ir, &mut changed);
    super::windows::analyse(&mut changed);
    let port = ir.buffers[encoder.port.0 as usize].name.clone();
    changed.tabulated.push(Tabulated { port, trains: trains.len() });
    debug_assert_eq!(snn_ir::step::verify::check(&changed), Ok(()));
    changed
}

fn find(ir: &StepIr) -> Option<(Encoder, Vec<Train>)> {
    let users = Users::of(ir);
    let ports = (0..ir.buffers.len() as u32).map(BufferId);
    let encoder = ports.filter_map(|port| Encoder::find(ir, &users, port)).next()?;
    let trains = encoder.trains(ir)?;
    Some((encoder, trains))
}

/// The ops that read and that write each buffer, with their phases.
struct Users<'a> {
    readers: Vec<Vec<(&'static str, &'a Op)>>,
    writers: Vec<Vec<(&'static str, &'a Op)>>,
}

impl<'a> Users<'a> {
    fn of(ir: &'a StepIr) -> Users<'a> {
        let mut users = Users {
            readers: vec![Vec::new(); ir.buffers.len()],
            writers: vec![Vec::new(); ir.buffers.len()],
        };
        for (phase, ops) in ir.program.phases() {
            for op in ops {
                let reads: BTreeSet<BufferId> = walk::reads(op).into_iter().collect();
                let writes: BTreeSet<BufferId> = walk::writes(op).into_iter().collect();
                reads.into_iter().for_each(|b| users.readers[b.0 as usize].push((phase, op)));
                writes.into_iter().for_each(|b| users.writers[b.0 as usize].push((phase, op)));
            }
        }
        users
    }

    fn writers(&self, buffer: BufferId) -> impl Iterator<Item = &'a Op> {
        self.writers[buffer.0 as usize].iter().map(|(_, op)| *op)
    }
}

/// Gives buffers the bounds they had before: they hold the same values. Added up group by group,
/// a sum is at every moment the sum of some of the weights, as a group's is, so the bounds of
/// the groups hold for it too; the analysis, which sees additions without an end, cannot know.
fn keep_ranges(ir: &StepIr, changed: &mut StepIr) {
    let before: BTreeMap<&str, (i64, i64)> =
        ir.buffers.iter().map(|b| (b.name.as_str(), b.range)).collect();
    let groups: Vec<(String, (i64, i64))> = changed
        .buffers
        .iter()
        .filter_map(|b| Some((b.name.split_once(GROUP)?.0.to_string(), b.range)))
        .collect();
    for buffer in &mut changed.buffers {
        if let Some((lo, hi)) = before.get(buffer.name.as_str()) {
            let own = groups.iter().filter(|(sum, _)| *sum == buffer.name).map(|(_, range)| range);
            buffer.range = own.fold((*lo, *hi), |r, g| (r.0.min(g.0), r.1.max(g.1)));
        }
    }
}

/// What stands in the name of a group's sums after the name of what they are added to.
const GROUP: &str = "_of_group_";

/// A source of spikes, and what is known of it.
struct Encoder {
    /// Its out port: spikes `[n]`.
    port: BufferId,
    /// The port and all state behind it.
    buffers: BTreeSet<BufferId>,
    /// The row of bytes that it takes.
    row: Access,
    /// When it takes a row: `t % period == residue`.
    taken: (u64, u64),
    /// The clock of that.
    clock: ClockId,
}

impl Encoder {
    /// The encoder that sends on `port`, if it is one.
    fn find(ir: &StepIr, users: &Users<'_>, port: BufferId) -> Option<Encoder> {
        let n = match ir.buffers[port.0 as usize] {
            Buffer { kind: BufferKind::Port, elem: Elem::Bool, ref shape, .. } => match **shape {
                [n] if n >= FEWEST_INPUTS => n,
                _ => return None,
            },
            _ => return None,
        };
        let buffers = behind(users, port)?;
        let mut row: Option<(Access, ClockId)> = None;
        for &b in &buffers {
            for (phase, op) in &users.readers[b.0 as usize] {
                let outside = !walk::writes(op).iter().any(|b| buffers.contains(b));
                // Only weights may look at it, and only at its spikes.
                if outside && !(is_sum(ir, op, port) && *phase == "spk") {
                    return None;
                }
            }
            for op in users.writers(b) {
                if !walk::writes(op).iter().all(|b| buffers.contains(b)) {
                    return None;
                }
                match &op.kind {
                    OpKind::Reset { .. } => {}
                    OpKind::Loop(l) if l.domain == [n] => {
                        if let Some(access) = elementwise(ir, l, &buffers)? {
                            match &row {
                                Some(known) if *known != (access.clone(), op.clock) => return None,
                                _ => row = Some((access, op.clock)),
                            }
                        }
                    }
                    _ => return None,
                }
            }
        }
        if ir.records.iter().any(|r| buffers.contains(&r.buffer)) {
            return None;
        }
        let (row, clock) = row?;
        let taken = ir.clocks[clock.0 as usize].as_every()?;
        let regular = |b: &BufferId| {
            users.writers(*b).all(|op| {
                let clock = &ir.clocks[op.clock.0 as usize];
                clock.prefix() == 0 && taken.0.is_multiple_of(clock.period())
            })
        };
        let uniform = |b: &BufferId| !matches!(ir.buffers[b.0 as usize].init, Init::Tensor(_));
        let fits = taken.0 > 1 && buffers.iter().all(|b| regular(b) && uniform(b));
        let encoder = Encoder { port, buffers, row, taken, clock };
        (fits && encoder.forgets(ir)).then_some(encoder)
    }

    /// Whether nothing of the time before is left once a row has been taken.
    fn forgets(&self, ir: &StepIr) -> bool {
        // A step in the steady state.
        let t = 2 * self.taken.0 + self.taken.1;
        let old = |b: BufferId| self.buffers.contains(&b);
        let mut simulation = Simulation::new(ir, t, old, &BTreeSet::new());
        simulation.step(t);
        let left = simulation.carried();
        !left.iter().any(|b| self.buffers.contains(b) && *b != self.port)
    }

    /// The encoder alone, once for every byte.
    fn alone(&self, ir: &StepIr) -> StepIr {
        let mut alone = ir.clone();
        let bytes = Tensor::int(vec![BYTES], (0..BYTES as i64).collect());
        alone.tensors = vec![snn_ir::step::Tensor {
            name: "bytes".into(),
            elem: Elem::U8,
            shape: vec![BYTES],
            given: None,
            values: TensorValues::Known(Arc::new(bytes)),
        }];
        for buffer in &mut alone.buffers {
            // All others are gone with their ops; as scalars they cost nothing.
            (buffer.shape, buffer.kind) = (Vec::new(), BufferKind::Local);
            if matches!(buffer.init, Init::Tensor(_)) {
                buffer.init = Init::Int(0);
            }
        }
        for b in &self.buffers {
            alone.buffers[b.0 as usize].shape = vec![BYTES];
        }
        for ops in alone.program.phases_mut() {
            ops.retain(|op| walk::writes(op).iter().all(|b| self.buffers.contains(b)));
            for op in ops {
                if let OpKind::Loop(l) = &mut op.kind {
                    l.domain = vec![BYTES];
                }
                walk::expressions(op, &mut |e| {
                    walk::rewrite(e, &mut |e| {
                        if let Some(number) = e.number(&ir.tensors) {
                            e.node = number;
                        } else if let ExprKind::Load(a) = &mut e.node
                            && matches!(a.source, Source::Tensor(_))
                        {
                            *a = element(Source::Tensor(snn_ir::step::TensorId(0)));
                        }
                    });
                });
            }
        }
        alone.records = vec![Record {
            key: "spikes".into(),
            buffer: self.port,
            when: RecordWhen::Clock(ALWAYS),
            asked: true,
        }];
        (alone.windows.horizon, alone.windows.counters) = (None, Vec::new());
        alone.windows.collected.clear();
        alone.steps = self.taken.0 + self.first();
        // It reads any byte, not those that the data have.
        ranges::analyse(&mut alone);
        alone
    }

    /// The first step at which a row is taken.
    fn first(&self) -> u64 {
        if self.taken.1 == 0 { self.taken.0 } else { self.taken.1 }
    }

    /// The different spike trains, each with the bytes `lo..=hi` that lead to it; silent ones
    /// left out. `None` where bytes with equal trains are not neighbours.
    fn trains(&self, ir: &StepIr) -> Option<Vec<Train>> {
        use snn_runtime::Network;
        let mut network = executor::load(Arc::new(self.alone(ir)), &Memory::new()).ok()?;
        let (period, first) = (self.taken.0, self.first());
        let mut by_step = Vec::new();
        for t in 1..=first + period {
            network.step(t).ok()?;
            let executor::Array::Bool(spikes) = network.buffer(self.port) else { return None };
            if t > first {
                by_step.push(spikes.clone());
            } else if spikes.contains(&true) {
                // It spikes before it has a row.
                return None;
            }
            network.between(t);
        }
        let mut trains: Vec<Train> = Vec::new();
        for byte in 0..BYTES {
            let spikes: Vec<bool> = by_step.iter().map(|s| s[byte]).collect();
            let byte = byte as i64;
            match trains.last_mut() {
                Some(last) if last.spikes == spikes => last.hi = byte,
                _ => trains.push(Train { lo: byte, hi: byte, spikes }),
            }
        }
        trains.retain(|t| t.spikes.contains(&true));
        let different: BTreeSet<&Vec<bool>> = trains.iter().map(|t| &t.spikes).collect();
        (different.len() == trains.len() && trains.len() <= MOST_TRAINS).then_some(trains)
    }

    /// The network without the encoder's ops, with the sums in their place.
    fn replaced(&self, ir: &StepIr, trains: &[Train]) -> StepIr {
        let mut changed = ir.clone();
        for b in &self.buffers {
            // Nothing uses them any more; state would stay all the same.
            changed.buffers[b.0 as usize].kind = BufferKind::Local;
        }
        let n = ir.buffers[self.port.0 as usize].len();
        let name = ir.buffers[self.port.0 as usize].name.clone();
        let mask = add_buffer(
            &mut changed,
            format!("{name}_alike"),
            BufferKind::Local,
            Elem::Bool,
            vec![n],
        );
        let mut sums: Vec<(Synapse, Vec<BufferId>)> = Vec::new();
        for (_, ops) in ir.program.phases() {
            for op in ops.iter().filter(|op| is_sum(ir, op, self.port)) {
                let OpKind::Synapse(s) = &op.kind else { continue };
                let dst = &ir.buffers[s.dst.0 as usize];
                let groups = (1..=trains.len()).map(|c| {
                    let group = format!("{}{GROUP}{c}", dst.name);
                    add_buffer(&mut changed, group, BufferKind::State, dst.elem, dst.shape.clone())
                });
                let groups = groups.collect();
                sums.push((s.clone(), groups));
            }
        }
        let clocks: Vec<ClockId> =
            trains.iter().map(|t| add_clock(&mut changed, self.clock_of(t))).collect();
        let buffers = changed.buffers.clone();
        for ops in changed.program.phases_mut() {
            let old = std::mem::take(ops);
            for op in old {
                if is_sum(ir, &op, self.port) {
                    let OpKind::Synapse(s) = &op.kind else { continue };
                    let Some((_, groups)) = sums.iter().find(|(known, _)| known.dst == s.dst)
                    else {
                        continue;
                    };
                    ops.push(at(&op, ALWAYS, clear(&buffers[s.dst.0 as usize], s.dst)));
                    for (group, clock) in groups.iter().zip(&clocks) {
                        ops.push(at(&op, *clock, add(&buffers[s.dst.0 as usize], s.dst, *group)));
                    }
                } else if !walk::writes(&op).iter().any(|b| self.buffers.contains(b)) {
                    ops.push(op);
                } else if self.takes_row(&op) {
                    for (c, train) in trains.iter().enumerate() {
                        ops.push(at(&op, self.clock, self.alike(mask, train, n)));
                        for (synapse, groups) in &sums {
                            let mut synapse = synapse.clone();
                            (synapse.src, synapse.dst) = (mask, groups[c]);
                            synapse.kernel.reason = format!(
                                "{}; once for each of {} groups of inputs with equal spike trains",
                                synapse.kernel.reason,
                                trains.len()
                            );
                            ops.push(at(&op, self.clock, OpKind::Synapse(synapse)));
                        }
                    }
                }
            }
        }
        changed
    }

    fn takes_row(&self, op: &Op) -> bool {
        let OpKind::Loop(l) = &op.kind else { return false };
        l.body.iter().any(|stmt| {
            let (Stmt::Let { value, .. } | Stmt::Store { value, .. }) = stmt;
            let mut found = false;
            walk::loads(value, &mut |a| found |= *a == self.row);
            found
        })
    }

    /// The steps at which a train spikes.
    fn clock_of(&self, train: &Train) -> Clock {
        let (period, first) = (self.taken.0, self.first());
        // Step `first + 1` is the first of a window.
        let position = |t: u64| (t + period - 1 - first % period) % period;
        Clock::from_fn(0, period, |t| train.spikes[position(t) as usize])
    }

    /// `mask = lo <= row and row <= hi`.
    fn alike(&self, mask: BufferId, train: &Train, n: usize) -> OpKind {
        let int = |node| Expr { kind: Kind::Int, node };
        let compare = |op, bound| {
            let row = int(ExprKind::Load(self.row.clone()));
            Expr::apply(op, vec![row, int(ExprKind::Int(bound))])
        };
        let above = compare(scalar::Op::Ge, train.lo);
        let below = compare(scalar::Op::Le, train.hi);
        let value = Expr::apply(scalar::Op::And, vec![above, below]);
        let to = element(Source::Buffer(mask));
        let body = vec![Stmt::Store { to, value, fit: Fit::Exact, mask: None }];
        OpKind::Loop(Loop { domain: vec![n], body, locals: 0 })
    }
}

/// Bytes with equal spikes in the steps after their row was taken.
struct Train {
    lo: i64,
    hi: i64,
    spikes: Vec<bool>,
}

/// Element `i` of `[i]`.
fn element(source: Source) -> Access {
    Access { source, offset: 0, strides: vec![1], dynamic: Vec::new() }
}

fn at(op: &Op, clock: ClockId, kind: OpKind) -> Op {
    Op { clock, kind, origin: op.origin.clone() }
}

fn add_buffer(
    ir: &mut StepIr,
    name: String,
    kind: BufferKind,
    elem: Elem,
    shape: Vec<usize>,
) -> BufferId {
    let range = elem.bounds().unwrap_or((0, 0));
    ir.buffers.push(Buffer { name, kind, elem, shape, init: Init::Int(0), range });
    BufferId(ir.buffers.len() as u32 - 1)
}

fn add_clock(ir: &mut StepIr, clock: Clock) -> ClockId {
    let known = ir.clocks.iter().position(|c| *c == clock);
    let id = known.unwrap_or_else(|| {
        ir.clocks.push(clock);
        ir.clocks.len() - 1
    });
    ClockId(id as u32)
}

fn store(buffer: &Buffer, to: BufferId, value: Expr) -> OpKind {
    let to = element(Source::Buffer(to));
    let body = vec![Stmt::Store { to, value, fit: Fit::Exact, mask: None }];
    OpKind::Loop(Loop { domain: vec![buffer.len()], body, locals: 0 })
}

fn clear(buffer: &Buffer, dst: BufferId) -> OpKind {
    store(buffer, dst, Expr { kind: Kind::Int, node: ExprKind::Int(0) })
}

fn add(buffer: &Buffer, dst: BufferId, group: BufferId) -> OpKind {
    let load = |b| {
        let node = ExprKind::Load(element(Source::Buffer(b)));
        Expr { kind: Kind::Int, node }
    };
    store(buffer, dst, Expr::apply(scalar::Op::Add, vec![load(dst), load(group)]))
}

/// Whether an op adds integer weights of the port's spikes, at every step.
fn is_sum(ir: &StepIr, op: &Op, port: BufferId) -> bool {
    let OpKind::Synapse(s) = &op.kind else { return false };
    s.src == port
        && op.clock == ALWAYS
        && s.binary
        && s.kernel.kind == KernelKind::Columns
        && matches!(ir.buffers[s.dst.0 as usize].elem, Elem::I32 | Elem::I64)
}

/// A port with all buffers that its loops read, directly or not; `None` where they are more
/// than an encoder has.
fn behind(users: &Users<'_>, port: BufferId) -> Option<BTreeSet<BufferId>> {
    let mut found = BTreeSet::from([port]);
    let mut rest = vec![port];
    while let Some(buffer) = rest.pop() {
        for op in users.writers(buffer) {
            let l = match &op.kind {
                OpKind::Loop(l) => l,
                OpKind::Reset { .. } => continue,
                _ => return None,
            };
            let mut read: BTreeSet<BufferId> = walk::writes(op).into_iter().collect();
            for stmt in &l.body {
                let (Stmt::Let { value, .. } | Stmt::Store { value, .. }) = stmt;
                elements(value, &mut |b| {
                    read.insert(b);
                });
                if let Stmt::Store { mask: Some(mask), .. } = stmt {
                    elements(mask, &mut |b| {
                        read.insert(b);
                    });
                }
            }
            rest.extend(read.into_iter().filter(|b| found.insert(*b)));
            if found.len() > MOST_BUFFERS {
                return None;
            }
        }
    }
    Some(found)
}

/// The buffers of which an expression loads elements; computed indices not counted.
fn elements(e: &Expr, f: &mut impl FnMut(BufferId)) {
    let mut all = BTreeMap::new();
    walk::loads(e, &mut |a| {
        *all.entry(a.source).or_insert(0) += 1;
    });
    walk::loads(e, &mut |a| {
        walk::indices(a, &mut |index| {
            *all.entry(index.source).or_insert(0) -= 1;
        });
    });
    for (source, count) in all {
        if let (Source::Buffer(b), 1..) = (source, count) {
            f(b);
        }
    }
}

/// Whether a loop treats every element alike and by itself; with the row of bytes that it reads.
/// The outer `None`: it does not.
fn elementwise(ir: &StepIr, l: &Loop, buffers: &BTreeSet<BufferId>) -> Option<Option<Access>> {
    let mut fits = true;
    let mut row: Option<Access> = None;
    let mut counters = BTreeSet::new();
    let mut look = |a: &Access| match a.source {
        Source::Buffer(b) if buffers.contains(&b) => {
            fits &= a.offset == 0 && a.strides == [1] && a.dynamic.is_empty();
        }
        // A counter that picks the row is seen again as the index of its access.
        Source::Buffer(b) => fits &= a.strides == [0] && counters.contains(&b),
        Source::Tensor(t) if ir.tensors[t.0 as usize].is_number() => {}
        Source::Tensor(t) => {
            walk::indices(a, &mut |index| {
                if let Source::Buffer(b) = index.source {
                    counters.insert(b);
                }
            });
            let bytes = ir.tensors[t.0 as usize].elem == Elem::U8;
            fits &= bytes && a.strides == [1] && a.dynamic.len() == 1;
            fits &= row.as_ref().is_none_or(|known| known == a);
            row = Some(a.clone());
        }
    };
    let mut pure = true;
    for stmt in &l.body {
        let (value, mask) = match stmt {
            Stmt::Let { value, .. } => (value, None),
            Stmt::Store { to, value, mask, .. } => {
                look(to);
                (value, mask.as_ref())
            }
        };
        for e in std::iter::once(value).chain(mask) {
            walk::loads(e, &mut look);
            walk::rewrite(&mut e.clone(), &mut |e| {
                pure &= !matches!(e.node, ExprKind::Time | ExprKind::Random { .. });
            });
        }
    }
    (fits && pure).then_some(row)
}
