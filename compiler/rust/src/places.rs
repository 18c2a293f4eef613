//! Where the elements of a loop are found: axes, indices, parameters.

use super::names::Names;
use super::printer::{Code, mentions};
use super::typed::{Level, Ty, Typed, stored};
use snn_ir::step::{Access, BufferId, DynamicIndex, Elem, Source, StepIr};
use snn_ir::tensor::ops;
use std::collections::{BTreeMap, BTreeSet};

/// A parameter of a loop's function.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the function.
    pub name: String,
    /// Its type.
    pub ty: String,
    /// Whether the function assigns it.
    pub stored: bool,
    /// Whether it is a single value rather than an array.
    pub scalar: bool,
}

/// The context in which the expressions of a loop become text.
pub struct Places<'a> {
    /// The network.
    pub ir: &'a StepIr,
    /// Bounds of the locals so far, by number.
    pub intervals: Vec<(i64, i64)>,
    /// What the function is given.
    pub parameters: BTreeMap<Source, Parameter>,
    /// Whether the function can fail.
    pub faults: bool,
    /// Statements before the loop: indices that all its elements share.
    pub before: Vec<Code>,
    /// Statements before the present one: indices that only it may evaluate.
    pub here: Vec<Code>,
    /// Whether indices must be evaluated at the present statement.
    pub lazy: bool,
    /// The names in use in the function.
    pub names: Names,
    /// Locals that the present statement reads.
    pub reads: BTreeSet<u32>,
    locals: Vec<Option<Typed>>,
    stored: BTreeSet<BufferId>,
    axes: Vec<Axis>,
    /// An element's position in the domain, in C order.
    position: Vec<i64>,
    /// Names of the positions already computed before the loop.
    hoisted: Vec<(Vec<DynamicIndex>, String)>,
    rows: Vec<(Access, String)>,
}

/// An axis of the loop nest, after merging.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Axis {
    extent: usize,
    /// The axis of the domain whose stride is this axis's.
    last: usize,
}

impl<'a> Places<'a> {
    /// For a loop over `domain` that has `accesses` and assigns `stored`.
    pub fn new(
        ir: &'a StepIr,
        domain: &[usize],
        accesses: &[&Access],
        stored: BTreeSet<BufferId>,
        locals: u32,
    ) -> Places<'a> {
        let order: Vec<usize> = (0..domain.len()).collect();
        Places::with(ir, domain, &order, &[], accesses, stored, locals)
    }

    /// For loops over `domain` whose axes are nested in this order, without locals, that assign
    /// one buffer; `along` are strides that [`Places::along`] will be asked for.
    pub fn ordered(
        ir: &'a StepIr,
        domain: &[usize],
        order: &[usize],
        along: &[Vec<i64>],
        accesses: &[&Access],
        stored: BufferId,
    ) -> Places<'a> {
        Places::with(ir, domain, order, along, accesses, BTreeSet::from([stored]), 0)
    }

    fn with(
        ir: &'a StepIr,
        domain: &[usize],
        order: &[usize],
        along: &[Vec<i64>],
        accesses: &[&Access],
        stored: BTreeSet<BufferId>,
        locals: u32,
    ) -> Places<'a> {
        let position: Vec<i64> = ops::strides(domain).iter().map(|s| *s as i64).collect();
        let strides = accesses.iter().map(|a| a.strides.as_slice());
        let strides = strides.chain(along.iter().map(Vec::as_slice)).chain([position.as_slice()]);
        let axes = merged(domain, order, &strides.collect::<Vec<_>>());
        let mut places = Places {
            ir,
            intervals: vec![(i64::MIN, i64::MAX); locals as usize],
            parameters: BTreeMap::new(),
            faults: false,
            before: Vec::new(),
            here: Vec::new(),
            lazy: false,
            names: Names::reserving(&["t", "i", "i0", "i1", "i2", "i3", "i4", "i5"]),
            reads: BTreeSet::new(),
            locals: vec![None; locals as usize],
            stored,
            axes,
            position,
            hoisted: Vec::new(),
            rows: Vec::new(),
        };
        places.name_parameters(accesses);
        places
    }

    /// Parameters are named after the last part of the path, where that is clear.
    fn name_parameters(&mut self, accesses: &[&Access]) {
        let sources: BTreeSet<Source> = accesses.iter().map(|a| a.source).collect();
        for source in sources {
            let (path, elem, shape, stored, scalar) = match source {
                Source::Buffer(id) => {
                    let Some(b) = self.ir.buffers.get(id.0 as usize) else { continue };
                    let stored = self.stored.contains(&id);
                    (&b.name, b.elem, &b.shape, stored, b.shape.is_empty())
                }
                Source::Tensor(id) => {
                    let Some(t) = self.ir.tensors.get(id.0 as usize) else { continue };
                    (&t.name, t.elem, &t.shape, false, t.is_number())
                }
            };
            let name = self.names.unique(path.rsplit('.').next().unwrap_or(path));
            let element = super::typed::stored(elem);
            let len: usize = shape.iter().product();
            let value = if scalar { element.into() } else { format!("[{element}; {len}]") };
            let ty = match (stored, scalar) {
                (true, _) => format!("&mut {value}"),
                (false, true) => value,
                (false, false) => format!("&{value}"),
            };
            self.parameters.insert(source, Parameter { name, ty, stored, scalar });
        }
    }

    /// Whether the loop has no axes: it is executed once.
    pub fn is_once(&self) -> bool {
        self.axes.is_empty()
    }

    /// How elements of a source are stored.
    pub fn elem(&self, source: Source) -> Elem {
        let elem = match source {
            Source::Buffer(id) => self.ir.buffers.get(id.0 as usize).map(|b| b.elem),
            Source::Tensor(id) => self.ir.tensors.get(id.0 as usize).map(|t| t.elem),
        };
        elem.unwrap_or(Elem::I64)
    }

    /// Makes a local known under a name; `value` is what it is set to.
    pub fn define(&mut self, local: u32, name: &str, ty: Ty, bounds: (i64, i64)) -> String {
        let name = self.names.unique(name);
        let at = local as usize;
        if let (Some(slot), Some(interval)) = (self.locals.get_mut(at), self.intervals.get_mut(at))
        {
            *slot = Some(Typed::atom(&name, ty));
            *interval = bounds;
        }
        name
    }

    /// The value of a local.
    pub fn local(&mut self, local: u32) -> Typed {
        self.reads.insert(local);
        let known = self.locals.get(local as usize).cloned().flatten();
        known.unwrap_or_else(|| Typed::atom("0", Ty::I64))
    }

    /// The element's position in the domain, in C order, as a `usize`.
    pub fn position(&self) -> Typed {
        self.along(&self.position)
    }

    /// The sum of the domain's indices times strides, as a `usize`.
    pub fn along(&self, strides: &[i64]) -> Typed {
        let terms: Vec<(i64, String)> = (self.axes.iter().enumerate())
            .map(|(number, axis)| {
                (strides.get(axis.last).copied().unwrap_or(0), self.variable(number))
            })
            .filter(|(stride, _)| *stride != 0)
            .collect();
        let level = match terms.as_slice() {
            [] | [(1, _)] => Level::Atom,
            [_] => Level::Product,
            _ => Level::Sum,
        };
        Typed::new(&sum(0, &terms), Ty::I64, level)
    }

    /// The element at an access; its type is that of the stored elements.
    pub fn place(&mut self, access: &Access) -> Typed {
        let Some(parameter) = self.parameters.get(&access.source).cloned() else {
            return Typed::atom("0", Ty::I64);
        };
        if parameter.scalar && access.dynamic.is_empty() {
            return match parameter.stored {
                true => Typed::new(&format!("*{}", parameter.name), Ty::I64, Level::Prefix),
                false => Typed::atom(&parameter.name, Ty::I64),
            };
        }
        let terms: Vec<(i64, String)> = (0..self.axes.len())
            .map(|number| (self.stride(access, number), self.variable(number)))
            .filter(|(stride, _)| *stride != 0)
            .collect();
        if access.dynamic.is_empty() {
            let index = sum(access.offset, &terms);
            return Typed::atom(&format!("{}[{index}]", parameter.name), Ty::I64);
        }
        if let Some(row) = self.row(access, &parameter, &terms) {
            return Typed::atom(&format!("{row}[i]"), Ty::I64);
        }
        let (position, offset) = self.dynamic(access, &parameter.name);
        let terms = [vec![(1, position)], terms].concat();
        Typed::atom(&format!("{}[{}]", parameter.name, sum(offset, &terms)), Ty::I64)
    }

    /// A row that all elements of the loop share, as an array of its own: no index into it
    /// can be outside.
    fn row(
        &mut self,
        access: &Access,
        from: &Parameter,
        terms: &[(i64, String)],
    ) -> Option<String> {
        let [axis] = self.axes.as_slice() else { return None };
        let extent = axis.extent;
        let contiguous = matches!(terms, [(1, _)]);
        if !contiguous || from.stored || !self.can_hoist(access) {
            return None;
        }
        if let Some((_, name)) = self.rows.iter().find(|(known, _)| known == access) {
            return Some(name.clone());
        }
        let (position, offset) = self.dynamic(access, &from.name);
        let (start, end) = (sum(offset, &[(1, position.clone())]), offset + extent as i64);
        let range = format!("{start}..{}", sum(end, &[(1, position)]));
        let element = stored(self.elem(access.source));
        let name = self.names.unique(&format!("{}_row", from.name));
        self.before.push(Code::line(format!(
            "let {name}: &[{element}; {extent}] = snn_runtime::support::exact(&{}[{range}]);",
            from.name
        )));
        self.rows.push((access.clone(), name.clone()));
        Some(name)
    }

    /// The name of the position that the dynamic indices give, and the static offset to add.
    fn dynamic(&mut self, access: &Access, name: &str) -> (String, i64) {
        // A negative stride counts from the far end, so that positions stay natural numbers.
        let mirrored = |d: &DynamicIndex| if d.stride < 0 { d.extent as i64 - 1 } else { 0 };
        let offset =
            access.offset + access.dynamic.iter().map(|d| d.stride * mirrored(d)).sum::<i64>();
        let hoist = self.can_hoist(access);
        if hoist && let Some((_, known)) = self.hoisted.iter().find(|(d, _)| *d == access.dynamic) {
            return (known.clone(), offset);
        }
        self.faults = true;
        let what = match access.source {
            Source::Buffer(id) => self.ir.buffers.get(id.0 as usize).map(|b| b.name.as_str()),
            Source::Tensor(id) => self.ir.tensors.get(id.0 as usize).map(|t| t.name.as_str()),
        };
        let what = what.unwrap_or_default().to_string();
        let mut terms = Vec::new();
        for index in &access.dynamic {
            let value = self.expr(&index.index).into_int(Ty::I64).at(Level::Open);
            let extent = index.extent;
            let position = format!("snn_runtime::support::index({value}, {extent}, {what:?}, t)?");
            match index.stride < 0 {
                true => terms.push((-index.stride, format!("({} - {position})", extent - 1))),
                false => terms.push((index.stride, position)),
            }
        }
        let at = self.names.unique(&format!("{name}_at"));
        let line = Code::line(format!("let {at} = {};", sum(0, &terms)));
        if hoist {
            self.before.push(line);
            self.hoisted.push((access.dynamic.clone(), at.clone()));
        } else {
            self.here.push(line);
        }
        (at, offset)
    }

    /// Whether the indices of an access may be evaluated before the loop: nothing in the loop
    /// changes them, and a mask does not guard them.
    fn can_hoist(&self, access: &Access) -> bool {
        !self.lazy && !access.dynamic.iter().any(|d| super::loops::depends(&d.index, &self.stored))
    }

    fn stride(&self, access: &Access, axis: usize) -> i64 {
        let last = self.axes.get(axis).map_or(0, |axis| axis.last);
        access.strides.get(last).copied().unwrap_or(0)
    }

    fn variable(&self, axis: usize) -> String {
        if self.axes.len() == 1 { "i".into() } else { format!("i{axis}") }
    }

    /// The body inside the loops over all axes.
    pub fn nest(&self, body: Vec<Code>) -> Vec<Code> {
        self.nest_those(body, |_| true)
    }

    /// The body inside the loops over those axes of the domain.
    pub fn nest_those(&self, body: Vec<Code>, those: impl Fn(usize) -> bool) -> Vec<Code> {
        let axes = self.axes.iter().enumerate().rev().filter(|(_, axis)| those(axis.last));
        axes.fold(body, |inner, (number, axis)| {
            let variable = self.variable(number);
            let variable = if mentions(&inner, &variable) { variable.as_str() } else { "_" };
            let head = format!("for {variable} in 0..{}", axis.extent);
            vec![Code::block(head, inner)]
        })
    }
}

/// Axes, in this order, those of extent 1 dropped, and neighbours merged where all `strides`
/// walk them as one.
fn merged(domain: &[usize], order: &[usize], strides: &[&[i64]]) -> Vec<Axis> {
    let stride = |of: &[i64], axis: usize| of.get(axis).copied().unwrap_or(0);
    let mut axes: Vec<Axis> = Vec::new();
    for last in order.iter().copied().filter(|axis| domain[*axis] != 1) {
        let extent = domain[last];
        let walks_on = |axis: &Axis| {
            strides.iter().all(|s| stride(s, axis.last) == stride(s, last) * extent as i64)
        };
        match axes.last_mut() {
            Some(axis) if walks_on(axis) => *axis = Axis { extent: axis.extent * extent, last },
            _ => axes.push(Axis { extent, last }),
        }
    }
    axes
}

/// `offset + Σ stride·variable` without superfluous parts, negative terms last.
fn sum(offset: i64, terms: &[(i64, String)]) -> String {
    let product = |stride: i64, variable: &str| match stride {
        1 => variable.to_string(),
        _ => format!("{stride} * {variable}"),
    };
    let mut parts: Vec<String> =
        terms.iter().filter(|(s, _)| *s > 0).map(|(s, v)| product(*s, v)).collect();
    if offset > 0 || parts.is_empty() {
        parts.push(offset.max(0).to_string());
    }
    let mut out = parts.join(" + ");
    for (stride, variable) in terms.iter().filter(|(s, _)| *s < 0) {
        out.push_str(&format!(" - {}", product(-stride, variable)));
    }
    if offset < 0 {
        out.push_str(&format!(" - {}", -offset));
    }
    out
}
