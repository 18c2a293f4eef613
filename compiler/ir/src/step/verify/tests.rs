use super::check;
use crate::step::build::*;
use crate::step::*;

/// What is wrong with a network of these ops over `a` and `b` (integers), `c` (booleans), each of
/// 4 elements, `k` (one integer), and `m` of 16.
fn wrong(ops: Vec<Op>) -> String {
    let mut buffers = vec![
        buffer("a", Elem::I32, 0),
        buffer("b", Elem::I64, 0),
        buffer("c", Elem::Bool, 0),
        buffer("k", Elem::I32, 0),
        buffer("m", Elem::I16, 0),
    ];
    buffers[3].shape = Vec::new();
    buffers[4].shape = vec![4, 4];
    check(&network(buffers, ops)).err().unwrap_or_default()
}

fn one(statement: Stmt) -> String {
    wrong(vec![op(vec![statement], 1)])
}

fn shifted(mut access: Access, offset: i64) -> Access {
    access.offset += offset;
    access
}

fn load(access: Access) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Load(access) }
}

/// `m[i, index]`
fn column(index: Expr) -> Access {
    let dynamic = vec![DynamicIndex { index, stride: 1, extent: 4 }];
    Access { strides: vec![4], dynamic, ..at(4) }
}

fn first(buffer: u32) -> Expr {
    load(Access { strides: vec![0], ..at(buffer) })
}

fn set(to: Access, value: Expr) -> Stmt {
    Stmt::Store { to, value, fit: Fit::Exact, mask: None }
}

#[test]
fn what_is_right_passes() {
    let spikes = binary(crate::scalar::Op::Gt, element(0), int(3));
    let lets = Stmt::Let { local: 0, name: "x".into(), value: element(0) };
    let sum = binary(crate::scalar::Op::Add, local(0), element(1));
    let body = vec![lets, store(0, sum, Fit::Exact, Some(spikes.clone()))];
    assert_eq!(wrong(vec![op(body, 1)]), "");
    assert_eq!(one(store(2, spikes, Fit::Exact, None)), "");
    assert_eq!(one(set(column(first(3)), load(column(first(3))))), "");
    assert_eq!(wrong(vec![synapse(4, 0, 1), reduce(vec![1], 1)]), "");
}

#[test]
fn ids_kinds_and_bounds_are_checked() {
    let clock = Op { clock: ClockId(1), ..op(Vec::new(), 0) };
    assert_eq!(wrong(vec![clock]), "op 0 of spk (): there is no clock 1");
    assert!(one(store(9, int(1), Fit::Exact, None)).contains("no buffer 9"));
    assert!(one(store(2, int(1), Fit::Exact, None)).contains("`c`, Bool, is given a value"));
    assert!(one(store(0, int(1), Fit::Exact, Some(int(1)))).contains("mask"));
    assert!(one(store(0, local(0), Fit::Exact, None)).contains("before it is set"));
    let mixed =
        binary(crate::scalar::Op::Add, int(1), Expr { kind: Kind::Bool, node: ExprKind::Int(1) });
    assert!(one(store(0, mixed, Fit::Exact, None)).contains("kinds do not agree"));
    assert!(one(set(at(0), load(shifted(at(1), 1)))).contains("1..=4 of `b`, which has 4"));
    let short = Access { strides: Vec::new(), ..at(1) };
    assert!(one(set(at(0), load(short))).contains("strides [] over [4]"));
    let twice = Stmt::Let { local: 0, name: "x".into(), value: int(1) };
    assert!(wrong(vec![op(vec![twice.clone(), twice], 1)]).contains("defined twice"));
}

#[test]
fn stores_must_not_meet_reads() {
    let reads = |e| one(set(at(0), e)).contains("`a` is read elsewhere");
    assert!(!reads(element(0)));
    assert!(reads(first(0)));
    let backward = Access { strides: vec![-1], offset: 3, ..at(0) };
    assert!(reads(load(backward)));
    assert!(reads(load(column(first(0)))));
    assert!(one(set(column(first(4)), int(1))).contains("`m` is read elsewhere"));
    assert!(one(set(column(element(0)), int(1))).contains("not the same for all"));
    let onto_one = Access { strides: vec![0], ..at(0) };
    assert!(one(set(onto_one, int(1))).contains("share one of `a`"));
    let two =
        vec![set(at(1), int(1)), set(Access { strides: vec![-1], offset: 3, ..at(1) }, int(2))];
    assert!(wrong(vec![op(two, 0)]).contains("stored at two places"));
}

fn synapse(weights: u32, src: u32, dst: u32) -> Op {
    plain(OpKind::Synapse(Synapse {
        weights: Source::Buffer(BufferId(weights)),
        conv: None,
        src: BufferId(src),
        binary: false,
        dst: BufferId(dst),
        kernel: crate::step::kernels::live(Elem::I16, Elem::I64, (0, 0)),
    }))
}

/// The sums of `m` over some axes.
fn reduce(axes: Vec<usize>, dst: u32) -> Op {
    let value = load(Access { strides: vec![4, 1], ..at(4) });
    let (op, domain, dst) = (ReduceOp::Sum, vec![4, 4], BufferId(dst));
    plain(OpKind::Reduce(Reduce { op, domain, axes, value, dst }))
}

#[test]
fn sums_and_reductions_must_have_room() {
    assert!(wrong(vec![synapse(4, 0, 3)]).contains("16 weights `m` do not lead from"));
    assert!(wrong(vec![synapse(4, 0, 0)]).contains("itself part of"));
    assert!(wrong(vec![synapse(4, 0, 2)]).contains("cannot hold the sums"));
    assert!(wrong(vec![reduce(vec![0, 1], 1)]).contains("does not hold 1 results"));
    assert!(wrong(vec![reduce(vec![1, 0], 3)]).contains("in order"));
    assert!(wrong(vec![reduce(vec![0], 0)]).contains("is not what Sum gives"));
    let push = plain(OpKind::Push { queue: BufferId(4), from: BufferId(0) });
    assert!(wrong(vec![push]).contains("no queue"));
}
