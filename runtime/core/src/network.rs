//! The interface between a network and what executes it.
//!
//! Generated code and the compiler's executor both implement [`Network`]; the runner
//! (crate `snn-runtime`) drives either in the same way.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A network that can be advanced step by step.
///
/// The runner calls, for each step `t` from 1: [`step`](Network::step), then
/// [`keep`](Network::keep) for every record that is [`due`](Network::due), then
/// [`between`](Network::between).
pub trait Network: Send {
    /// Step `t` (the first is 1): resets due at its start, then every phase in order.
    ///
    /// # Errors
    /// A [`Fault`] where an index computed by the network is out of range. The state is then
    /// unspecified and the network must not be stepped further.
    fn step(&mut self, t: u64) -> Result<(), Fault>;

    /// What happens after step `t` and before the next: resets `in host`.
    fn between(&mut self, t: u64);

    /// Sets every counter to the value it has before step `t`, so that execution can begin
    /// there. Where a queue's next message is read and written counts too: it follows from
    /// the clocks of its sender and receiver. All other state stays as it is.
    fn seek(&mut self, t: u64);

    /// Whether record `record` keeps a value after step `t`.
    fn due(&self, record: usize, t: u64) -> bool;

    /// Appends the present value of record `record` to `column`.
    fn keep(&self, record: usize, column: &mut Column);

    /// Takes over from `later`, a copy of this network that executed (or took over) steps
    /// `from..=to`, all that those steps put into arrays of results (see `Windows::collected`
    /// in the compiler): exactly the rows they wrote, not those that `later` wrote while
    /// replaying earlier steps. The runner calls it in order of time, so that of two steps
    /// that wrote the same row the later one wins; at last with `from` = 1 and `to` the last
    /// step of the run, on the network that executed that step.
    fn collect(&mut self, later: &Self, from: u64, to: u64)
    where
        Self: Sized;

    /// Executes steps from `t` on, which is yet to be executed, and before step `last` in a way
    /// that is faster than one by one, if there is one; gives the step that is next. Then the
    /// network stands where it would if all steps before had been executed one by one, with
    /// what happens between them, and the values of records that were due are in `columns`.
    fn leap(&mut self, t: u64, last: u64, columns: &mut [Column]) -> u64 {
        let _ = (last, columns);
        t
    }
}

/// A network whose variables a program reads and writes between steps.
///
/// What `variable` numbers is up to whoever makes the network.
pub trait Learn: Network {
    /// Puts all elements of a variable, in C order, into `to`; integers as floats.
    ///
    /// # Panics
    /// Where there are not as many.
    fn read(&self, variable: usize, to: &mut [f64]);

    /// Writes all elements of a variable, in C order: values of its type.
    ///
    /// # Panics
    /// Where there are not as many.
    fn write(&mut self, variable: usize, from: &[f64]);
}

/// Why a step could not be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A computed index is outside the array.
    Index {
        /// What is indexed: the path of a variable, or the name of a data item.
        what: &'static str,
        /// The index.
        index: i64,
        /// Valid indices are `0..extent`.
        extent: usize,
        /// The step.
        t: u64,
    },
    /// What stays in its file until it is needed cannot be read there.
    Unread {
        /// The name of a data item.
        what: &'static str,
        /// What the system says.
        why: &'static str,
        /// The step.
        t: u64,
    },
}

impl Fault {
    /// One line for machines: `fault=index t=9 index=-1 extent=5 what=net.image`. `what` comes
    /// last, since a data item's name may have spaces.
    pub fn line(&self) -> String {
        match self {
            Fault::Index { what, index, extent, t } => {
                format!("fault=index t={t} index={index} extent={extent} what={what}")
            }
            Fault::Unread { what, t, .. } => format!("fault=unread t={t} what={what}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Index { what, index, extent, t } => {
                write!(f, "at step {t}, `{what}` is indexed with {index}, outside 0..{extent}")
            }
            Fault::Unread { what, why, t } => {
                write!(f, "at step {t}, `{what}` cannot be read: {why}")
            }
        }
    }
}

impl core::error::Error for Fault {}

/// The element types of recorded values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// 0 or 1 in one byte.
    Bool,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 64 bits.
    I64,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
}

impl ElementType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            ElementType::Bool | ElementType::I8 | ElementType::U8 => 1,
            ElementType::I16 | ElementType::U16 => 2,
            ElementType::I32 | ElementType::U32 | ElementType::F32 => 4,
            ElementType::I64 | ElementType::F64 => 8,
        }
    }
}

/// A number that can be recorded: written in little-endian bytes.
pub trait Element: Copy {
    /// Its type. (`u8` serves both `U8` and `Bool`; the record says which.)
    const TYPE: ElementType;
    /// Appends its bytes.
    fn write(self, to: &mut Vec<u8>);
}

macro_rules! elements {
    ($($t:ty => $name:ident),*) => {$(
        impl Element for $t {
            const TYPE: ElementType = ElementType::$name;
            fn write(self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements!(i8 => I8, u8 => U8, i16 => I16, u16 => U16, i32 => I32, u32 => U32, i64 => I64,
          f32 => F32, f64 => F64);

/// The values that one record has kept so far, one after another.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Little-endian elements in C order.
    pub bytes: Vec<u8>,
    /// How many values (each an array of the record's shape).
    pub rows: u64,
}

impl Column {
    /// Appends one value: all elements of an array.
    pub fn push<T: Element>(&mut self, value: &[T]) {
        self.bytes.reserve(core::mem::size_of_val(value));
        for element in value {
            element.write(&mut self.bytes);
        }
        self.rows += 1;
    }
}
