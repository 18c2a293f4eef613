//! The words of the text form of a network.

use super::{ElemTy, SettingValue, ValueId};
use crate::diagnostics::Loc;
use crate::scalar::Kind;
use snn_grammar::ast::{ElemType, Overflow, Span};

pub(super) type Parsed<T> = Result<T, String>;

/// The rest of a line.
pub(super) struct Words<'t> {
    pub(super) rest: &'t str,
}

impl<'t> Words<'t> {
    pub(super) fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a text if it comes next.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        self.skip();
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        let word = text.ends_with(|c: char| c.is_ascii_alphanumeric());
        if word && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return false;
        }
        self.rest = rest;
        true
    }

    pub(super) fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.takes(text) { Ok(()) } else { Err(format!("`{text}` is expected")) }
    }

    pub(super) fn end(&mut self) -> Parsed<()> {
        self.skip();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("`{}` is left over", self.rest)) }
    }

    /// As many characters as satisfy a condition.
    pub(super) fn while_(&mut self, holds: impl Fn(char) -> bool) -> &'t str {
        self.skip();
        let end = self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    pub(super) fn word(&mut self) -> Parsed<&'t str> {
        let word = self.while_(|c| c.is_ascii_alphanumeric() || c == '_');
        if word.is_empty() { Err("a word is expected".into()) } else { Ok(word) }
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Parsed<T> {
        let digits = self.while_(|c| c.is_ascii_digit() || c == '-');
        digits.parse().map_err(|_| "a whole number is expected".into())
    }

    /// A float, up to what cannot be part of one.
    pub(super) fn float(&mut self) -> Parsed<f64> {
        self.skip();
        let end = self.rest.find([',', ')', ']', ' ']).unwrap_or(self.rest.len());
        let end = self.rest.find("..").map_or(end, |dots| end.min(dots));
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        match text.strip_prefix("nan:") {
            Some(bits) => u64::from_str_radix(bits, 16).map(f64::from_bits).ok(),
            None => text.parse().ok(),
        }
        .ok_or_else(|| "a number is expected".into())
    }

    /// A text in quotes, as Rust writes it.
    pub(super) fn string(&mut self) -> Parsed<String> {
        self.expect("\"")?;
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        loop {
            let (at, c) = chars.next().ok_or("a quote is missing")?;
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => {
                    let (_, c) = chars.next().ok_or("a quote is missing")?;
                    match c {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        '0' => text.push('\0'),
                        'u' => {
                            let mut code = String::new();
                            for (_, c) in chars.by_ref() {
                                match c {
                                    '{' => {}
                                    '}' => break,
                                    c => code.push(c),
                                }
                            }
                            let code = u32::from_str_radix(&code, 16).ok();
                            text.push(code.and_then(char::from_u32).ok_or("a character code")?);
                        }
                        c => text.push(c),
                    }
                }
                c => text.push(c),
            }
        }
    }

    pub(super) fn value(&mut self) -> Parsed<ValueId> {
        self.expect("%")?;
        Ok(ValueId(self.number()?))
    }

    pub(super) fn place(&mut self) -> Parsed<Loc> {
        self.expect("@")?;
        let file = self.number()?;
        self.expect(":")?;
        let digits = self.while_(|c| c.is_ascii_digit());
        let start = digits.parse().map_err(|_| "a place is expected".to_string())?;
        self.expect("-")?;
        Ok(Loc { file, span: Span { start, end: self.number()? } })
    }

    pub(super) fn kind(&mut self) -> Parsed<Kind> {
        match self.word()? {
            "bool" => Ok(Kind::Bool),
            "int" => Ok(Kind::Int),
            "f32" => Ok(Kind::F32),
            "f64" => Ok(Kind::F64),
            other => Err(format!("there is no kind `{other}`")),
        }
    }

    pub(super) fn elem_type(&mut self) -> Parsed<ElemTy> {
        let word = self.word()?;
        let bits = |text: &str| text.parse::<u8>().ok().filter(|b| (1..=64).contains(b));
        let elem = match word {
            "spike" => ElemType::Spike,
            "bool" => ElemType::Bool,
            "int" => ElemType::Int,
            "f32" => ElemType::F32,
            "f64" => ElemType::F64,
            _ => match (word.strip_prefix('i'), word.strip_prefix('u')) {
                (Some(n), _) => ElemType::Signed(bits(n).ok_or("a width is expected")?),
                (_, Some(n)) => {
                    let bits = bits(n).filter(|b| *b < 64).ok_or("a width is expected")?;
                    ElemType::Unsigned(bits)
                }
                _ => return Err(format!("there is no type `{word}`")),
            },
        };
        let overflow = match () {
            () if self.takes("wrap") => Some(Overflow::Wrap),
            () if self.takes("sat") => Some(Overflow::Sat),
            () => None,
        };
        Ok(ElemTy { elem, overflow })
    }

    pub(super) fn list<T>(
        &mut self,
        (open, close): (&str, &str),
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(open)?;
        let mut items = Vec::new();
        if self.takes(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.takes(close) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    pub(super) fn setting(&mut self) -> Parsed<SettingValue> {
        let brackets = ("[", "]");
        Ok(match self.word()? {
            "word" => SettingValue::Word(self.string()?),
            "int" => SettingValue::Int(self.number()?),
            "float" => SettingValue::Float(self.float()?),
            "ints" => SettingValue::Ints(self.list(brackets, Words::number)?),
            "floats" => SettingValue::Floats(self.list(brackets, Words::float)?),
            other => return Err(format!("`{other}` is no kind of setting")),
        })
    }

    pub(super) fn shape(&mut self) -> Parsed<Vec<usize>> {
        let shape: Vec<usize> = self.list(("[", "]"), Words::number)?;
        let elements = shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
        elements.filter(|n| (*n as u64) < 1 << 40).ok_or("the shape is too large")?;
        Ok(shape)
    }

    pub(super) fn range(&mut self) -> Parsed<(usize, usize)> {
        let lo = self.number()?;
        self.expect("..")?;
        Ok((lo, self.number()?))
    }
}
