//! Pieces of Rust text that know their type and how tightly their operator binds.

pub use snn_ir::scalar::Level;
use snn_ir::step::{Elem, Kind};

/// The types values are computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// `bool`.
    Bool,
    /// `i32`: an integer whose bounds fit.
    I32,
    /// `i64`.
    I64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
}

impl Ty {
    /// As Rust writes it.
    pub fn name(self) -> &'static str {
        match self {
            Ty::Bool => "bool",
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::F32 => "f32",
            Ty::F64 => "f64",
        }
    }
}

/// The Rust type that elements are stored as.
pub fn stored(elem: Elem) -> &'static str {
    match elem {
        Elem::Bool | Elem::U8 => "u8",
        Elem::I8 => "i8",
        Elem::I16 => "i16",
        Elem::U16 => "u16",
        Elem::I32 => "i32",
        Elem::U32 => "u32",
        Elem::I64 => "i64",
        Elem::F32 => "f32",
        Elem::F64 => "f64",
    }
}

/// A piece of text.
#[derive(Clone, Debug)]
pub struct Typed {
    text: String,
    /// Its type; a literal takes any type its value fits.
    pub ty: Ty,
    level: Level,
    /// Its value, for an integer literal.
    pub constant: Option<i64>,
    /// Where it has only literals, whose type its place decides: the same text, deciding it.
    suffixed: Option<String>,
}

impl Typed {
    /// A text of a type, whose operator binds like `level`.
    pub fn new(text: &str, ty: Ty, level: Level) -> Typed {
        Typed { text: text.into(), ty, level, constant: None, suffixed: None }
    }

    /// A name, call or the like.
    pub fn atom(text: &str, ty: Ty) -> Typed {
        Typed::new(text, ty, Level::Atom)
    }

    /// `a sign b`.
    pub fn binary(a: Typed, sign: &str, b: Typed, level: Level, ty: Ty) -> Typed {
        let is_comparison = level == Level::Compare;
        let side = if is_comparison { level.tighter() } else { level };
        let right = b.at(level.tighter());
        let joined = |left: String| {
            // `x as i32 < y` would be read as the start of generic arguments.
            let cast = left.rsplit_once(" as ");
            let ends_in_cast = cast.is_some_and(|(_, ty)| ty.chars().all(char::is_alphanumeric));
            match ends_in_cast && sign.starts_with('<') {
                true => format!("({left}) {sign} {right}"),
                false => format!("{left} {sign} {right}"),
            }
        };
        let untyped = a.suffixed.is_some() && b.suffixed.is_some();
        // Nothing else decides the type of what is compared or shifted.
        if (untyped && is_comparison) || level == Level::Shift {
            return Typed::new(&joined(a.typed_at(side)), ty, level);
        }
        let suffixed = untyped.then(|| joined(a.typed_at(side)));
        Typed { suffixed, ..Typed::new(&joined(a.at(side)), ty, level) }
    }

    /// `if cond { yes } else { no }`.
    pub fn choice(cond: &Typed, yes: &Typed, no: &Typed, ty: Ty) -> Typed {
        let (cond, no_text) = (cond.at(Level::Open), no.at(Level::Open));
        let text = |yes: String| format!("if {cond} {{ {yes} }} else {{ {no_text} }}");
        let untyped = yes.suffixed.is_some() && no.suffixed.is_some();
        let suffixed = untyped.then(|| text(yes.typed_at(Level::Open)));
        Typed { suffixed, ..Typed::new(&text(yes.at(Level::Open)), ty, Level::Open) }
    }

    /// `sign self`.
    pub fn prefixed(&self, sign: char) -> Typed {
        // Two signs in a row are hard to read, and negative literals already have one.
        let signed = |inner: String| match inner.starts_with(sign) {
            true => format!("{sign}({inner})"),
            false => format!("{sign}{inner}"),
        };
        let suffixed = self.suffixed.is_some().then(|| signed(self.typed_at(Level::Prefix)));
        let text = signed(self.at(Level::Prefix));
        Typed { suffixed, ..Typed::new(&text, self.ty, Level::Prefix) }
    }

    /// The element at a place that holds `elem`, given its bounds.
    pub fn loaded(place: Typed, elem: Elem, bounds: (i64, i64)) -> Typed {
        let inner = place.at(Level::Open);
        match elem {
            Elem::Bool => {
                Typed::new(&format!("{} != 0", place.at(Level::Or)), Ty::Bool, Level::Compare)
            }
            Elem::F32 => Typed { ty: Ty::F32, ..place },
            Elem::F64 => Typed { ty: Ty::F64, ..place },
            Elem::I32 => Typed { ty: Ty::I32, ..place },
            Elem::I64 if fits_32(bounds) => place.cast("i32", Ty::I32),
            Elem::I64 => Typed { ty: Ty::I64, ..place },
            Elem::U32 if fits_32(bounds) => place.cast("i32", Ty::I32),
            Elem::U32 => Typed::atom(&format!("i64::from({inner})"), Ty::I64),
            Elem::I8 | Elem::U8 | Elem::I16 | Elem::U16 => {
                Typed::atom(&format!("i32::from({inner})"), Ty::I32)
            }
        }
    }

    /// The text where an operand of at least this level is needed.
    pub fn at(&self, level: Level) -> String {
        if self.level < level { format!("({})", self.text) } else { self.text.clone() }
    }

    /// The text where its place does not decide the type of literals.
    pub fn typed_at(&self, level: Level) -> String {
        match &self.suffixed {
            Some(text) if self.level < level => format!("({text})"),
            Some(text) => text.clone(),
            None => self.at(level),
        }
    }

    /// The text before a method call.
    pub fn receiver(&self) -> String {
        // A literal with a suffix is an atom, unless it is negative.
        self.typed_at(Level::Atom)
    }

    /// `self as name`.
    pub fn cast(&self, name: &str, ty: Ty) -> Typed {
        Typed::new(&format!("{} as {name}", self.typed_at(Level::Cast)), ty, Level::Cast)
    }

    /// An `i8` or `i16` as the `i32` of the same value.
    pub fn widened(self) -> Typed {
        Typed::atom(&format!("i32::from({})", self.text), Ty::I32)
    }

    /// An integer in the other width; narrowing keeps the low bits.
    pub fn into_int(self, ty: Ty) -> Typed {
        match (self.ty, ty) {
            (from, to) if from == to => self,
            (_, Ty::I64) => match self.constant {
                Some(value) => literal_of(value, Ty::I64),
                None => {
                    let inner = self.typed_at(Level::Open);
                    Typed::atom(&format!("i64::from({inner})"), Ty::I64)
                }
            },
            _ => match self.constant {
                Some(value) => literal_of(i64::from(value as i32), Ty::I32),
                None => self.cast("i32", Ty::I32),
            },
        }
    }

    /// The text of a value stored as `elem`, which holds it.
    pub fn stored_as(self, elem: Elem) -> String {
        if self.constant.is_some() || matches!(elem, Elem::F32 | Elem::F64) {
            return self.text;
        }
        match (elem, self.ty) {
            (Elem::Bool, Ty::Bool) if self.text == "true" => "1".into(),
            (Elem::Bool, Ty::Bool) if self.text == "false" => "0".into(),
            (Elem::Bool, Ty::Bool) => format!("u8::from({})", self.text),
            (Elem::I64, Ty::I32) => format!("i64::from({})", self.typed_at(Level::Open)),
            (Elem::I64, Ty::I64) | (Elem::I32, Ty::I32) => self.text,
            _ => self.cast(stored(elem), self.ty).text,
        }
    }
}

/// An integer literal.
pub fn literal(value: i64) -> Typed {
    literal_of(value, if fits_32((value, value)) { Ty::I32 } else { Ty::I64 })
}

/// An integer literal of a type that holds it.
fn literal_of(value: i64, ty: Ty) -> Typed {
    if value == i64::MIN {
        return Typed::atom("i64::MIN", ty);
    }
    let level = if value < 0 { Level::Prefix } else { Level::Atom };
    let suffixed = Some(format!("{value}_{}", ty.name()));
    Typed { constant: Some(value), suffixed, ..Typed::new(&value.to_string(), ty, level) }
}

/// A float literal of kind F32 or F64.
pub fn float(value: f64, kind: Kind) -> Typed {
    let ty = if kind == Kind::F32 { Ty::F32 } else { Ty::F64 };
    let name = ty.name();
    if value.is_nan() {
        let (bits, plain) = match kind {
            Kind::F32 => (u64::from((value as f32).to_bits()), f32::NAN.to_bits().into()),
            _ => (value.to_bits(), f64::NAN.to_bits()),
        };
        let special = format!("{name}::from_bits({bits:#x})");
        return Typed::atom(&if bits == plain { format!("{name}::NAN") } else { special }, ty);
    }
    if value.is_infinite() {
        let which = if value > 0.0 { "INFINITY" } else { "NEG_INFINITY" };
        return Typed::atom(&format!("{name}::{which}"), ty);
    }
    let text = if kind == Kind::F32 { format!("{:?}", value as f32) } else { format!("{value:?}") };
    let level = if text.starts_with('-') { Level::Prefix } else { Level::Atom };
    Typed { suffixed: Some(format!("{text}_{name}")), ..Typed::new(&text, ty, level) }
}

/// Whether all values within the bounds are `i32`s.
pub fn fits_32(bounds: (i64, i64)) -> bool {
    bounds.0 >= i64::from(i32::MIN) && bounds.1 <= i64::from(i32::MAX)
}
