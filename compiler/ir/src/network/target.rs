//! What a run is for.

use crate::diagnostics::Loc;
use crate::tensor::{Constant, Values};

/// What a run is for, as the program says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Target {
    /// A Rust program.
    #[default]
    Rust,
    /// A neuromorphic chip: what is said about it, and where.
    Chip(Vec<Setting>, Loc),
}

/// Something that is said about a target: `board: kapoho_point`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// `board`.
    pub name: String,
    /// What it is set to.
    pub value: SettingValue,
    /// Where the value is written.
    pub place: Loc,
}

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A name, bare or quoted.
    Word(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Numbers.
    Floats(Vec<f64>),
}

impl SettingValue {
    /// Numbers; `None` where there are too many to write out.
    pub fn numbers(constant: &Constant) -> Option<SettingValue> {
        let all = constant.dense()?;
        let one = all.shape.is_empty();
        Some(match &all.values {
            Values::Int(v) if one => SettingValue::Int(v.first().copied()?),
            Values::Int(v) => SettingValue::Ints(v.clone()),
            Values::Bool(v) if one => SettingValue::Int(v.first().copied()?.into()),
            Values::Bool(v) => SettingValue::Ints(v.iter().map(|b| i64::from(*b)).collect()),
            Values::Float(v) if one => SettingValue::Float(v.first().copied()?),
            Values::Float(v) => SettingValue::Floats(v.clone()),
        })
    }

    /// The whole number that it is.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            SettingValue::Int(n) => Some(*n),
            SettingValue::Ints(v) if v.len() == 1 => v.first().copied(),
            // Beyond, neighbours of a whole float are not all whole.
            other => {
                other.as_float().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64)
            }
        }
    }

    /// The number that it is.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            SettingValue::Int(n) => Some(*n as f64),
            SettingValue::Float(x) => Some(*x),
            SettingValue::Ints(v) if v.len() == 1 => v.first().map(|n| *n as f64),
            SettingValue::Floats(v) if v.len() == 1 => v.first().copied(),
            _ => None,
        }
    }

    /// The whole numbers that it is.
    pub fn as_ints(&self) -> Option<Vec<i64>> {
        match self {
            SettingValue::Int(n) => Some(vec![*n]),
            SettingValue::Ints(v) => Some(v.clone()),
            SettingValue::Floats(v) if v.is_empty() => Some(Vec::new()),
            _ => None,
        }
    }
}
