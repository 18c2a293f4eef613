//! The kernel of each synapse, chosen once the ranges of its source are known.

use super::views::in_order;
use super::walk;
use snn_ir::scalar::{Op, of_bits};
use snn_ir::step::kernels;
use snn_ir::step::{
    BufferId, Elem, ExprKind, Fit, KernelKind, Kind, OpKind, Program, Record, Source, StepIr, Stmt,
    TensorValues,
};
use std::collections::BTreeMap;

/// Chooses the kernel and the result type of every synapse; gives the buffers whose type is
/// narrower now, but holds their ranges.
pub fn choose(ir: &mut StepIr) -> Vec<BufferId> {
    let mut results = Vec::new();
    for ops in ir.program.phases_mut() {
        for op in ops.iter_mut() {
            let OpKind::Synapse(s) = &mut op.kind else { continue };
            let src = &ir.buffers[s.src.0 as usize];
            let range = if src.elem.bounds().is_some() { src.range } else { (0, 1) };
            let conv = s.conv.is_some();
            let dst = &ir.buffers[s.dst.0 as usize];
            s.kernel = match s.weights {
                Source::Buffer(w) => {
                    let turned = s.kernel.kind == KernelKind::Turned;
                    let choose = if turned { kernels::turned } else { kernels::live };
                    choose(ir.buffers[w.0 as usize].elem, dst.elem, dst.range)
                }
                Source::Tensor(w) => {
                    let tensor = &ir.tensors[w.0 as usize];
                    match &tensor.values {
                        TensorValues::Known(w) => kernels::choose(&**w, conv, s.binary, range),
                        TensorValues::Sparse(w) => kernels::choose(&**w, conv, s.binary, range),
                        TensorValues::File(_) => {
                            kernels::unread(tensor.elem, conv, dst.elem, dst.range)
                        }
                    }
                }
            };
            results.push((s.dst, s.kernel.accumulator));
        }
    }
    let mut narrowed = Vec::new();
    for (dst, accumulator) in results {
        let buffer = &mut ir.buffers[dst.0 as usize];
        let (lo, hi) = buffer.range;
        let fits = i32::try_from(lo).is_ok() && i32::try_from(hi).is_ok();
        if buffer.elem == Elem::I64 && accumulator != Elem::F64 && fits {
            buffer.elem = Elem::I32;
            narrowed.push(dst);
        }
    }
    narrowed
}

/// Lets a synapse write where a loop of its own only copies its sums to.
pub fn store_directly(ir: &mut StepIr) {
    let mut ir_buffers = std::mem::take(&mut ir.buffers);
    let mut program = std::mem::take(&mut ir.program);
    let readers = readers(&program, &ir.records);
    for ops in program.phases_mut() {
        let mut rest = std::mem::take(ops).into_iter().peekable();
        while let Some(mut op) = rest.next() {
            let target = rest.peek().and_then(|next| copied_to(&readers, &ir_buffers, &op, next));
            if let (Some(target), OpKind::Synapse(s)) = (target, &mut op.kind) {
                ir_buffers[target.0 as usize].range = ir_buffers[s.dst.0 as usize].range;
                s.dst = target;
                // The copy has nothing left to do.
                rest.next();
            }
            ops.push(op);
        }
    }
    ir.buffers = ir_buffers;
    ir.program = program;
}

/// The buffer that a loop copies a synapse's sums to, where it does nothing else.
fn copied_to(
    readers: &BTreeMap<BufferId, usize>,
    buffers: &[snn_ir::step::Buffer],
    synapse: &snn_ir::step::Op,
    copy: &snn_ir::step::Op,
) -> Option<BufferId> {
    let (OpKind::Synapse(s), OpKind::Loop(l)) = (&synapse.kind, &copy.kind) else { return None };
    let dst = &buffers[s.dst.0 as usize];
    if synapse.clock != copy.clock || l.domain.iter().product::<usize>() != dst.len() {
        return None;
    }
    let (store, lets) = l.body.split_last()?;
    let Stmt::Store { to, value, fit, mask: None } = store else { return None };
    let Source::Buffer(target) = to.source else { return None };
    let mut value = value;
    let of_local = |n: u32| {
        lets.iter().find_map(|s| match s {
            Stmt::Let { local, value, .. } if *local == n => Some(value),
            _ => None,
        })
    };
    let within = |bits: u8, signed: bool| {
        let (least, most) = of_bits(bits, signed);
        let (lo, hi) = dst.range;
        (bits >= 64 || least <= lo && hi <= most) && bits >= 8
    };
    loop {
        value = match &value.node {
            ExprKind::Apply(Op::Wrap { bits, signed }, of) if within(*bits, *signed) => {
                of.first()?
            }
            ExprKind::Local(n) => of_local(*n)?,
            _ => break,
        };
    }
    let ExprKind::Load(from) = &value.node else { return None };
    let fits = match fit {
        Fit::Exact => true,
        Fit::Wrap { bits, signed } | Fit::Sat { bits, signed } => within(*bits, *signed),
    };
    let whole = |a: &snn_ir::step::Access| {
        a.offset == 0 && a.dynamic.is_empty() && in_order(&a.strides, &l.domain)
    };
    let only_lets = lets.iter().all(|s| matches!(s, Stmt::Let { .. }));
    let same = buffers[target.0 as usize].elem == dst.elem
        || (dst.elem.kind() == Kind::Int
            && matches!(buffers[target.0 as usize].elem, Elem::I32 | Elem::I64)
            && s.kernel.accumulator != Elem::I64);
    (from.source == Source::Buffer(s.dst)
        && whole(from)
        && whole(to)
        && buffers[target.0 as usize].len() == dst.len()
        // It reads all before it stores anything, but not if it stores to what it reads.
        && !walk::reads(synapse).contains(&target)
        && only_lets
        && fits
        && same
        && readers.get(&s.dst) == Some(&1))
    .then_some(target)
}

/// Buffers that the ops of a program read, with how many ops do.
fn readers(program: &Program, records: &[Record]) -> BTreeMap<BufferId, usize> {
    let mut count = BTreeMap::new();
    for (_, ops) in program.phases() {
        for op in ops {
            for buffer in walk::reads(op) {
                *count.entry(buffer).or_insert(0) += 1;
            }
        }
    }
    for record in records {
        *count.entry(record.buffer).or_insert(0) += 1;
    }
    count
}
