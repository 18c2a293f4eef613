//! Rust source text: the only file that knows the `codegen` crate.
//!
//! The rest of the back end says *what* a file holds, in the small types below; this file lays
//! it out. The crate prints imports first, so the file's header (comments and inner
//! attributes) is put before its output, and everything else is referred to by path.

use codegen::{Block, Function as Fn, Impl, Scope, Struct};

/// A statement, or a block of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// A line of its own.
    Line(String),
    /// `before { … }after`.
    Block {
        /// What stands before the brace: `for i in 0..64`.
        before: String,
        /// Between the braces.
        body: Vec<Code>,
        /// What follows the closing brace.
        after: &'static str,
    },
}

impl Code {
    /// A line.
    pub fn line(text: impl Into<String>) -> Code {
        Code::Line(text.into())
    }

    /// A block.
    pub fn block(before: impl Into<String>, body: Vec<Code>) -> Code {
        Code::Block { before: before.into(), body, after: "" }
    }

    /// A block followed by a comma or semicolon.
    pub fn closed(before: impl Into<String>, body: Vec<Code>, after: &'static str) -> Code {
        Code::Block { before: before.into(), body, after }
    }
}

/// Whether an identifier occurs in some code.
pub fn mentions(code: &[Code], name: &str) -> bool {
    let within = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name)
    };
    code.iter().any(|code| match code {
        Code::Line(text) => within(text),
        Code::Block { before, body, .. } => within(before) || mentions(body, name),
    })
}

/// A function or method.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Lines of documentation; empty for none.
    pub doc: String,
    /// `pub`, or private.
    pub public: bool,
    /// `&self` or `&mut self` for a method.
    pub receiver: Option<&'static str>,
    /// Names and types of its arguments.
    pub arguments: Vec<(String, String)>,
    /// The type of its value, if it has one.
    pub returns: Option<String>,
    /// Its statements.
    pub body: Vec<Code>,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: String,
    /// Its documentation; a field with some is public.
    pub doc: String,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub enum Item {
    /// A public structure: name, documentation, fields.
    Struct(String, String, Vec<Field>),
    /// The methods of a type, or of a trait (second) for it.
    Impl(String, Option<String>, Vec<Function>),
    /// A function.
    Function(Function),
    /// Text as it stands.
    Raw(String),
}

/// The text of a file: the header, then the items.
pub fn print(header: &str, items: &[Item]) -> String {
    let mut scope = Scope::new();
    for item in items {
        match item {
            Item::Struct(name, doc, fields) => {
                scope.push_struct(structure(name, doc, fields));
            }
            Item::Impl(target, of, functions) => {
                let mut block = Impl::new(target.as_str());
                if let Some(of) = of {
                    block.impl_trait(of.as_str());
                }
                for function in functions {
                    block.push_fn(self::function(function));
                }
                scope.push_impl(block);
            }
            Item::Function(function) => {
                scope.push_fn(self::function(function));
            }
            Item::Raw(text) => {
                scope.raw(text);
            }
        }
    }
    format!("{header}\n{}\n", scope.to_string())
}

fn structure(name: &str, doc: &str, fields: &[Field]) -> Struct {
    let mut out = Struct::new(name);
    out.vis("pub").doc(doc);
    for field in fields {
        let mut printed = codegen::Field::new(&field.name, field.ty.as_str());
        if !field.doc.is_empty() {
            printed.vis("pub").doc(&field.doc);
        }
        out.push_field(printed);
    }
    out
}

fn function(function: &Function) -> Fn {
    let mut out = Fn::new(&function.name);
    if !function.doc.is_empty() {
        out.doc(&function.doc);
    }
    if function.public {
        out.vis("pub");
    }
    match function.receiver {
        Some("&self") => {
            out.arg_ref_self();
        }
        Some(_) => {
            out.arg_mut_self();
        }
        None => {}
    }
    for (name, ty) in &function.arguments {
        out.arg(name, ty.as_str());
    }
    if let Some(ty) = &function.returns {
        out.ret(ty.as_str());
    }
    for code in &function.body {
        match code {
            Code::Line(text) => {
                out.line(text);
            }
            Code::Block { before, body, after } => {
                out.push_block(block(before, body, after));
            }
        }
    }
    out
}

fn block(before: &str, body: &[Code], after: &str) -> Block {
    let mut out = Block::new(before);
    out.after(after);
    for code in body {
        match code {
            Code::Line(text) => {
                out.line(text);
            }
            Code::Block { before, body, after } => {
                out.push_block(block(before, body, after));
            }
        }
    }
    out
}
