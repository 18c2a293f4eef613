//! Cuts a text into tokens, for the layout of lines and for the formatter.
//!
//! The grammar in `snn.pest` works on characters and does not need tokens; what happens
//! before it (which line breaks end a statement) and beside it (where comments stand) does.

use crate::ast::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or keyword.
    Word,
    /// A number, well formed or not.
    Number,
    /// A string with both quotes.
    Str,
    /// A string that its line ends before the closing quote.
    OpenStr,
    /// An operator or mark.
    Punct,
    /// A line break.
    Newline,
    /// `// …`, `/// …`, `//! …`, without the line break.
    LineComment,
    /// `/* … */`, possibly nested, possibly of several lines.
    BlockComment,
    /// A block comment that the file ends before its end.
    OpenComment,
    /// A character that starts no token.
    Other,
}

/// A piece of the text. Blanks are not tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

impl Token {
    /// Its text.
    pub fn text<'t>(&self, source: &'t str) -> &'t str {
        source.get(self.span.start as usize..self.span.end as usize).unwrap_or_default()
    }

    /// Whether it is a comment of any kind.
    pub fn is_comment(&self) -> bool {
        use TokenKind::*;
        matches!(self.kind, LineComment | BlockComment | OpenComment)
    }
}

/// What some editors begin a file with.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Marks of several characters, longest first.
const LONG_MARKS: &[&str] = &[
    "..=", "**=", "<<=", ">>=", "->", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "**", "..",
    "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^=",
];

/// The tokens of `source[start..end]`, in order; spans count from the start of `source`.
/// Both ends must be character boundaries of a text shorter than 4 GiB.
pub(crate) fn tokens(source: &str, start: usize, end: usize) -> Tokens<'_> {
    Tokens { rest: source.get(start..end).unwrap_or_default(), at: start }
}

/// See [`tokens`].
pub(crate) struct Tokens<'t> {
    rest: &'t str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.at == 0 && self.rest.starts_with(BYTE_ORDER_MARK) {
            self.advance(BYTE_ORDER_MARK.len_utf8());
        }
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r']).len();
        self.advance(blank);
        let first = self.rest.chars().next()?;
        let (kind, length) = token(self.rest, first);
        let start = self.at;
        self.advance(length);
        Some(Token { kind, span: Span { start: start as u32, end: self.at as u32 } })
    }
}

impl Tokens<'_> {
    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        self.at += bytes;
    }
}

/// The kind and length in bytes of the token that `rest` starts with.
fn token(rest: &str, first: char) -> (TokenKind, usize) {
    match first {
        '\n' => (TokenKind::Newline, 1),
        '"' => string(rest),
        '0'..='9' => (TokenKind::Number, number(rest.as_bytes())),
        'a'..='z' | 'A'..='Z' | '_' => (TokenKind::Word, word_length(rest.as_bytes())),
        '/' if rest.starts_with("//") => {
            let line = rest.split('\n').next().unwrap_or(rest);
            (TokenKind::LineComment, line.trim_end_matches('\r').len())
        }
        '/' if rest.starts_with("/*") => block_comment(rest.as_bytes()),
        _ => {
            if let Some(mark) = LONG_MARKS.iter().find(|m| rest.starts_with(**m)) {
                (TokenKind::Punct, mark.len())
            } else if "()[]{},;:.=+-*/%@<>&|^!".contains(first) {
                (TokenKind::Punct, 1)
            } else {
                (TokenKind::Other, first.len_utf8())
            }
        }
    }
}

fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

/// Digits with what sticks to them: `1.5`, `1e-4`, `0xff`, but only the `0` of `0..9`.
fn number(bytes: &[u8]) -> usize {
    let mut length = word_length(bytes);
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if bytes.get(length) == Some(&b'.') && digit(length + 1) {
        length += 1 + word_length(bytes.get(length + 1..).unwrap_or_default());
    }
    let hex = bytes.starts_with(b"0x");
    let exponent = matches!(bytes.get(length - 1), Some(b'e' | b'E'));
    if !hex && exponent && matches!(bytes.get(length), Some(b'+' | b'-')) && digit(length + 1) {
        length += 1 + word_length(bytes.get(length + 1..).unwrap_or_default());
    }
    length
}

fn string(rest: &str) -> (TokenKind, usize) {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return (TokenKind::OpenStr, at),
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (TokenKind::Str, at + 1),
            _ => {}
        }
    }
    (TokenKind::OpenStr, rest.len())
}

fn block_comment(bytes: &[u8]) -> (TokenKind, usize) {
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return (TokenKind::BlockComment, at);
                }
            }
            _ => at += 1,
        }
    }
    (TokenKind::OpenComment, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(TokenKind, &str)> {
        tokens(source, 0, source.len()).map(|t| (t.kind, t.text(source))).collect()
    }

    #[test]
    fn ranges_do_not_eat_the_numbers_beside_them() {
        use TokenKind::*;
        let expected =
            [(Number, "0"), (Punct, ".."), (Number, "1.5e-3"), (Punct, "-"), (Number, "0xe")];
        assert_eq!(texts("0..1.5e-3-0xe"), expected);
    }

    #[test]
    fn block_comments_nest() {
        use TokenKind::*;
        assert_eq!(texts("/* a /* b */ c */d"), [(BlockComment, "/* a /* b */ c */"), (Word, "d")]);
        assert_eq!(texts("/* /* */"), [(OpenComment, "/* /* */")]);
    }

    #[test]
    fn a_string_ends_at_its_quote_or_its_line() {
        use TokenKind::*;
        assert_eq!(texts(r#""a\"b" c"#), [(Str, r#""a\"b""#), (Word, "c")]);
        assert_eq!(texts("\"a\nb"), [(OpenStr, "\"a"), (Newline, "\n"), (Word, "b")]);
    }
}
