//! The table against itself and plain reasoning, and the operands at which others test it.

use super::*;
use snn_core::kernels::elementwise::Many;

/// Every operation; those with parameters with some.
pub(crate) fn operations() -> Vec<Op> {
    let widths = [1, 2, 8, 16, 24, 31, 32, 33, 63, 64];
    let fits = widths.into_iter().flat_map(|bits| {
        [true, false]
            .into_iter()
            .flat_map(move |signed| [Op::Wrap { bits, signed }, Op::Sat { bits, signed }])
    });
    let converts = Kind::ALL.into_iter().map(Op::Convert);
    Op::PLAIN.iter().copied().chain(converts).chain(fits).collect()
}

const INTS: [i64; 27] = [
    0,
    1,
    -1,
    2,
    -2,
    3,
    7,
    -8,
    31,
    32,
    62,
    63,
    64,
    65,
    -64,
    255,
    4095,
    4096,
    4097,
    1 << 31,
    -(1 << 31),
    1 << 51,
    1 << 52,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
];

const FLOATS: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    -2.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -3.0,
    0.1,
    1e-320,
    f64::MIN_POSITIVE,
    16777217.0,
    3e38,
    4e38,
    -9.3e18,
    9.3e18,
    f64::MAX,
    f64::EPSILON,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn corners(kind: Kind) -> Vec<Scalar> {
    match kind {
        Kind::Bool => vec![Scalar::Bool(false), Scalar::Bool(true)],
        Kind::Int => INTS.map(Scalar::Int).to_vec(),
        Kind::F32 => FLOATS.map(|x| Scalar::F32(x as f32)).to_vec(),
        Kind::F64 => FLOATS.map(Scalar::F64).to_vec(),
    }
}

/// All rows of operands of these kinds.
pub(crate) fn rows(kinds: &[Kind]) -> Vec<Vec<Scalar>> {
    let with = |rows: Vec<Vec<Scalar>>, kind: &Kind| {
        let longer = |row: &Vec<Scalar>| {
            let row = row.clone();
            corners(*kind).into_iter().map(move |x| [row.clone(), vec![x]].concat())
        };
        rows.iter().flat_map(longer).collect()
    };
    kinds.iter().fold(vec![Vec::new()], with)
}

/// All combinations of operand kinds.
pub(crate) fn kinds(arity: usize) -> Vec<Vec<Kind>> {
    (0..arity).fold(vec![Vec::new()], |all, _| {
        let longer =
            |row: &Vec<Kind>| Kind::ALL.map(|kind| [row.clone(), vec![kind]].concat()).to_vec();
        all.iter().flat_map(longer).collect()
    })
}

#[test]
fn names_are_read_back() {
    for op in operations() {
        assert_eq!(Op::parse(&op.name()), Some(op), "{}", op.name());
    }
    let mut names: Vec<String> = operations().into_iter().map(Op::name).collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    let width = Op::Wrap { bits: 24, signed: true };
    assert_eq!(
        (width.name().as_str(), Op::parse("sat8u").map(Op::name)),
        ("wrap24s", Some("sat8u".into()))
    );
    for wrong in [
        "",
        "Add",
        "wrap",
        "wrap0s",
        "wrap65u",
        "wrap08s",
        "wrap8",
        "sat+8s",
        "convert_i8",
        "convert",
    ] {
        assert_eq!(Op::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn values_have_the_kinds_that_are_promised() {
    for op in operations() {
        for arity in 0..=3 {
            for kinds in kinds(arity) {
                let promised = op.result(&kinds).filter(|_| arity == op.arity());
                assert_eq!(promised, op.result(&kinds), "{}", op.name());
                for row in rows(&kinds) {
                    let value = op.eval(&row);
                    assert_eq!(value.map(Scalar::kind), promised, "{} of {row:?}", op.name());
                    if promised.is_none() {
                        break;
                    }
                }
            }
        }
        let defined = kinds(op.arity()).into_iter().any(|kinds| op.result(&kinds).is_some());
        assert!(defined, "{} is defined for nothing", op.name());
    }
}

#[test]
fn corners_are_as_the_semantics_say() {
    use Scalar::{Bool, F32, F64, Int};
    let of = |name: &str, operands: &[Scalar]| {
        let op = Op::parse(name).unwrap_or_else(|| panic!("{name}"));
        op.eval(operands).unwrap_or_else(|| panic!("{name} of {operands:?}"))
    };
    let int = |name: &str, a: i64, b: i64| match of(name, &[Int(a), Int(b)]) {
        Int(x) => x,
        other => panic!("{other:?}"),
    };
    assert_eq!((int("add", i64::MAX, 1), int("sub", i64::MIN, 1)), (i64::MIN, i64::MAX));
    assert_eq!(int("mul", i64::MIN, -1), i64::MIN);
    assert_eq!(
        (of("neg", &[Int(i64::MIN)]), of("abs", &[Int(i64::MIN)])),
        (Int(i64::MIN), Int(i64::MIN))
    );
    assert_eq!((int("floor_div", i64::MIN, -1), int("rem", i64::MIN, -1)), (i64::MIN, 0));
    assert_eq!((int("floor_div", -7, 2), int("rem", -7, 2), int("rem", 7, -2)), (-4, 1, -1));
    assert_eq!((int("floor_div", 7, 0), int("rem", 7, 0)), (0, 0));
    assert_eq!((int("shl", 1, 63), int("shl", 1, 64), int("shl", 1, -1)), (i64::MIN, 0, 0));
    assert_eq!((int("shr", -8, 64), int("shr", 8, i64::MAX), int("shr", -8, -1)), (-1, 0, 0));
    assert_eq!((int("decay", -4097, 410), int("decay", 1 << 51, 0)), (-3686, -(1 << 51)));
    assert_eq!((of("wrap8s", &[Int(200)]), of("wrap8u", &[Int(-1)])), (Int(-56), Int(255)));
    assert_eq!((of("wrap64u", &[Int(-1)]), of("sat64u", &[Int(-1)])), (Int(-1), Int(0)));
    assert_eq!((of("sat8s", &[Int(200)]), of("sat1s", &[Int(-9)])), (Int(127), Int(-1)));
    assert_eq!(of("pow", &[F64(2.0), F64(-1.0)]), F64(0.5));
    let same = |a: Scalar, b: f64| assert!(a.same(F64(b)), "{a:?} is not {b:?}");
    same(of("rem", &[F64(-4.0), F64(2.0)]), 0.0);
    same(of("rem", &[F64(4.0), F64(-2.0)]), -0.0);
    same(of("rem", &[F64(-4.0), F64(f64::INFINITY)]), f64::INFINITY);
    same(of("min", &[F64(-0.0), F64(0.0)]), 0.0);
    same(of("max", &[F64(0.0), F64(-0.0)]), -0.0);
    same(of("round", &[F64(2.5)]), 2.0);
    same(of("neg", &[F64(0.0)]), -0.0);
    assert_eq!(of("eq", &[F64(0.0), F64(-0.0)]), Bool(true));
    assert_eq!(of("eq", &[F64(f64::NAN), F64(f64::NAN)]), Bool(false));
    assert_eq!(of("convert_int", &[F64(f64::NAN)]), Int(0));
    assert_eq!(of("convert_int", &[F32(f32::NEG_INFINITY)]), Int(i64::MIN));
    assert_eq!(of("convert_bool", &[F64(f64::NAN)]), Bool(true));
    assert_eq!(of("convert_f32", &[Int(16_777_217)]), F32(16_777_216.0));
}

/// Numbers from a fixed generator, of all magnitudes.
fn random(state: &mut u64) -> i64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    let shift = (*state >> 7) % 64;
    (*state as i64).rotate_left(23) >> shift
}

/// Two bounds around a corner or a random number.
fn interval(state: &mut u64) -> Interval {
    let mut end = || match random(state) as u64 % 3 {
        0 => INTS[random(state) as usize % INTS.len()],
        1 => random(state) % 70,
        _ => random(state),
    };
    let (a, b) = (end(), end());
    if random(state) % 4 == 0 { (a, a) } else { (a.min(b), a.max(b)) }
}

#[test]
fn results_lie_in_the_intervals() {
    let as_int = |x: Scalar| match x.convert(Kind::Int) {
        Scalar::Int(n) => n,
        other => panic!("{other:?}"),
    };
    let mut state = 1;
    for op in operations() {
        for kinds in kinds(op.arity()) {
            let Some(result) = op.result(&kinds) else { continue };
            for _ in 0..2000 {
                let bounds: Vec<Option<Interval>> = kinds
                    .iter()
                    .map(|kind| match kind {
                        Kind::Int => Some(interval(&mut state)),
                        Kind::Bool => {
                            let (a, b) = (random(&mut state) & 1, random(&mut state) & 1);
                            Some((a.min(b), a.max(b)))
                        }
                        Kind::F32 | Kind::F64 => None,
                    })
                    .collect();
                let found = op.interval(&bounds);
                assert_eq!(found.is_some(), !result.is_float(), "{} of {kinds:?}", op.name());
                let Some((lo, hi)) = found else { break };
                for n in 0..12 {
                    let inside = |state: &mut u64, (lo, hi): Interval| match n {
                        0 => lo,
                        1 => hi,
                        _ => match random(state) as u64 % 4 {
                            0 => lo,
                            1 => hi,
                            _ => {
                                let room = (hi as i128 - lo as i128 + 1) as u128;
                                let at = random(state) as u64 as u128 % room;
                                (lo as i128 + at as i128) as i64
                            }
                        },
                    };
                    let operands: Vec<Scalar> = kinds
                        .iter()
                        .zip(&bounds)
                        .map(|(kind, bounds)| match bounds {
                            Some(bounds) => Scalar::Int(inside(&mut state, *bounds)).convert(*kind),
                            None => {
                                let all = corners(*kind);
                                all[random(&mut state) as u64 as usize % all.len()]
                            }
                        })
                        .collect();
                    let value = as_int(op.eval(&operands).expect("defined"));
                    assert!(
                        lo <= value && value <= hi,
                        "{} of {operands:?} in {bounds:?} is {value}, not in {lo}..={hi}",
                        op.name()
                    );
                }
            }
        }
    }
}

/// Elements of a kind, integers in 32 bits where they are `narrow`.
#[derive(Clone)]
enum Elements {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Narrow(Vec<i32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Elements {
    fn of(kind: Kind, narrow: bool, values: &[Scalar]) -> Elements {
        let ints = || values.iter().map(|x| if let Scalar::Int(x) = x { *x } else { 0 });
        match kind {
            Kind::Bool => Elements::Bool(values.iter().map(|x| *x == Scalar::Bool(true)).collect()),
            Kind::Int if narrow => Elements::Narrow(ints().map(|x| x as i32).collect()),
            Kind::Int => Elements::Int(ints().collect()),
            Kind::F32 => Elements::F32(
                values.iter().map(|x| if let Scalar::F32(x) = x { *x } else { 0.0 }).collect(),
            ),
            Kind::F64 => Elements::F64(
                values.iter().map(|x| if let Scalar::F64(x) = x { *x } else { 0.0 }).collect(),
            ),
        }
    }

    /// Each of them, or the first for all.
    fn slice(&self, same: bool) -> Slice<'_> {
        fn many<T: Copy>(of: &[T], same: bool) -> Many<'_, T> {
            if same { Many::Same(of[0]) } else { Many::Each(of) }
        }
        match self {
            Elements::Bool(x) => Slice::Bool(many(x, same)),
            Elements::Int(x) => Slice::Int(many(x, same)),
            Elements::Narrow(x) => Slice::Narrow(many(x, same)),
            Elements::F32(x) => Slice::F32(many(x, same)),
            Elements::F64(x) => Slice::F64(many(x, same)),
        }
    }

    fn slice_mut(&mut self) -> SliceMut<'_> {
        match self {
            Elements::Bool(x) => SliceMut::Bool(x),
            Elements::Int(x) => SliceMut::Int(x),
            Elements::Narrow(x) => SliceMut::Narrow(x),
            Elements::F32(x) => SliceMut::F32(x),
            Elements::F64(x) => SliceMut::F64(x),
        }
    }
}

#[test]
fn of_many_it_is_what_it_is_of_each() {
    let fits = |x: &Scalar| !matches!(x, Scalar::Int(x) if i32::try_from(*x).is_err());
    for op in operations() {
        for kinds in kinds(op.arity()) {
            let Some(result) = op.result(&kinds) else { continue };
            for narrow in [false, true] {
                // The first row leads: where an operand is the same for all, it is the first's.
                for same in 0..1 << kinds.len() {
                    let given = |row: &[Scalar], first: &[Scalar]| -> Vec<Scalar> {
                        let of = |n: usize| if same >> n & 1 == 1 { first[n] } else { row[n] };
                        (0..row.len()).map(of).collect()
                    };
                    let mut all = rows(&kinds);
                    if narrow {
                        all.retain(|row| row.iter().all(fits));
                    }
                    let first = all[all.len() / 2].clone();
                    all.insert(0, first.clone());
                    all.retain(|row| {
                        let value = op.eval(&given(row, &first));
                        !narrow || value.is_some_and(|value| fits(&value))
                    });
                    if !all.first().is_some_and(|row| *row == first) {
                        continue;
                    }
                    let columns: Vec<Elements> = (0..kinds.len())
                        .map(|n| {
                            let column: Vec<Scalar> = all.iter().map(|row| row[n]).collect();
                            Elements::of(kinds[n], narrow, &column)
                        })
                        .collect();
                    let operands: Vec<Slice> = columns
                        .iter()
                        .enumerate()
                        .map(|(n, column)| column.slice(same >> n & 1 == 1))
                        .collect();
                    let zeros = vec![Scalar::Bool(false); all.len()];
                    let mut to = Elements::of(result, narrow, &zeros);
                    assert!(op.many(&operands, to.slice_mut()), "{} of {kinds:?}", op.name());
                    for (n, row) in all.iter().enumerate() {
                        let (found, row) = (to.slice(false).at(n), given(row, &first));
                        let expected = op.eval(&row).unwrap();
                        let nan = |x: Scalar| x.kind().is_float() && x != x;
                        assert!(
                            found.same(expected) || nan(found) && nan(expected),
                            "{} of {row:?}: {found:?}, not {expected:?}",
                            op.name()
                        );
                    }
                }
            }
        }
    }
}

/// A function of operands.
type Function = Box<dyn Fn(&[Scalar]) -> Scalar>;

/// What an operation is of floats but for rounding and wrapping, and of booleans as 0 and 1; `None`
/// of a comparison.
fn smooth(op: Op, kinds: &[Kind]) -> Option<Function> {
    fn of(f: fn(f64, f64) -> f64) -> Option<Function> {
        Some(Box::new(move |x| {
            let at = |n: usize| match x.get(n) {
                Some(Scalar::F64(x)) => *x,
                _ => 0.0,
            };
            Scalar::F64(f(at(0), at(1)))
        }))
    }
    match op {
        Op::Floor | Op::Ceil | Op::Round | Op::Convert(_) | Op::Wrap { .. } | Op::Sat { .. } => {
            of(|a, _| a)
        }
        Op::FloorDiv => of(|a, b| a / b),
        Op::Shl => of(|a, b| a * b.exp2()),
        Op::Shr => of(|a, b| a / b.exp2()),
        Op::Decay => of(|a, b| a * (4096.0 - b) / 4096.0),
        Op::Not => of(|a, _| 1.0 - a),
        Op::And => of(|a, b| a * b),
        Op::Or => of(|a, b| a + b - a * b),
        Op::Xor => of(|a, b| a + b - 2.0 * a * b),
        _ if op.result(kinds) == Some(Kind::F64) => {
            Some(Box::new(move |x| op.eval(x).expect("defined")))
        }
        _ => None,
    }
}

#[test]
fn derivatives_are_slopes() {
    let float = |x: Scalar| match x {
        Scalar::F64(x) => x,
        other => panic!("{other:?}"),
    };
    // Where every operation is smooth, and none has a jump or a tie.
    let points = [0.3, 0.7, 1.1, 1.9, 2.6, 3.4];
    for op in operations() {
        let condition = (op == Op::Select).then_some(Kind::Bool);
        let floats = op.arity() - usize::from(condition.is_some());
        let kinds: Vec<Kind> = condition.into_iter().chain(vec![Kind::F64; floats]).collect();
        let Some(smooth) = smooth(op, &kinds) else {
            let none = Kind::ALL.iter().all(|kind| op.derivative(*kind).is_none());
            assert!(none && op.is_comparison(), "{}", op.name());
            continue;
        };
        let kind = if op.result(&[Kind::Bool; 2][..op.arity().min(2)]).is_some() {
            assert!(
                op.derivative(Kind::Int).is_none() || !matches!(op, Op::And | Op::Or | Op::Xor)
            );
            Kind::Bool
        } else {
            Kind::F64
        };
        let terms =
            op.derivative(kind).unwrap_or_else(|| panic!("{} has no derivative", op.name()));
        assert_eq!(terms.len(), op.arity(), "{}", op.name());
        for (n, a) in points.iter().enumerate() {
            for b in points.iter().skip(n + 1).chain(points.iter().take(n)) {
                let numbers = [Scalar::F64(*a), Scalar::F64(*b)];
                let all = condition.map(|_| Scalar::Bool(n % 2 == 0)).into_iter();
                let operands: Vec<Scalar> = all.chain(numbers).take(op.arity()).collect();
                let result = smooth(&operands);
                for (operand, term) in terms.iter().enumerate() {
                    // The number of places is no quantity.
                    if operand == 1 && matches!(op, Op::Shl | Op::Shr) {
                        continue;
                    }
                    let derivative = float(term.eval(&operands, result).expect("defined"));
                    let Scalar::F64(x) = operands[operand] else { continue };
                    let h = 1e-6;
                    let at = |x: f64| {
                        let mut moved = operands.clone();
                        moved[operand] = Scalar::F64(x);
                        float(smooth(&moved))
                    };
                    let slope = (at(x + h) - at(x - h)) / (2.0 * h);
                    let error = (derivative - slope).abs();
                    assert!(
                        error <= 1e-6 * (1.0 + slope.abs()),
                        "{} by operand {operand} at {operands:?}: {derivative}, but {slope}",
                        op.name()
                    );
                }
            }
        }
    }
}
