//! Text to tokens.

use std::borrow::Cow;

use super::{At, SyntaxError, TOKENS_MAX};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Punctuator(char),
    Spread,
    Name(&'a str),
    Int(&'a str),
    Float(&'a str),
    Str(Cow<'a, str>),
    End,
}

impl Token<'_> {
    /// The token as an error names it, long ones shortened.
    pub(super) fn describe(&self) -> String {
        let short = |text: &str| text.chars().take(40).collect::<String>();
        match self {
            Self::Punctuator(char) => format!("`{char}`"),
            Self::Spread => String::from("`...`"),
            Self::Name(text) | Self::Int(text) | Self::Float(text) => format!("`{}`", short(text)),
            Self::Str(text) => format!("the string {:?}", short(text)),
            Self::End => String::from("the end of the document"),
        }
    }
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    tokens: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let position = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, position, tokens: 0 }
    }

    /// The next token and where it begins.
    pub(super) fn next(&mut self) -> Result<(At, Token<'a>), SyntaxError> {
        self.skip_ignored();
        let at = At(self.position);
        self.tokens += 1;
        if self.tokens > TOKENS_MAX {
            return Err(error(at, format!("at most {TOKENS_MAX} tokens"), "more"));
        }
        let Some(first) = self.rest().chars().next() else { return Ok((at, Token::End)) };
        let token = match first {
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                self.position += 1;
                Token::Punctuator(first)
            }
            '.' if self.rest().starts_with("...") => {
                self.position += 3;
                Token::Spread
            }
            '_' | 'a'..='z' | 'A'..='Z' => Token::Name(self.name()),
            '-' | '0'..='9' => self.number(at)?,
            '"' if self.rest().starts_with("\"\"\"") => self.block_string(at)?,
            '"' => self.string(at)?,
            other => {
                return Err(error(
                    at,
                    "a token of GraphQL",
                    &format!("`{}`", other.escape_default()),
                ));
            }
        };
        Ok((at, token))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn skip_ignored(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
            self.position += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.position += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|char: char| !is_name(char)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    fn number(&mut self, at: At) -> Result<Token<'a>, SyntaxError> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            from + bytes[from.min(bytes.len())..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let start = usize::from(bytes.first() == Some(&b'-'));
        let mut end = digits(start);
        let leading_zero = end > start + 1 && bytes.get(start) == Some(&b'0');
        let mut well_formed = end > start && !leading_zero;
        let mut is_float = false;
        if bytes.get(end) == Some(&b'.') {
            is_float = true;
            let fraction = end + 1;
            end = digits(fraction);
            well_formed &= end > fraction;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            is_float = true;
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = end + 1 + sign;
            end = digits(exponent);
            well_formed &= end > exponent;
        }
        let follows = rest.get(end..).and_then(|rest| rest.chars().next());
        if !well_formed || follows.is_some_and(|char| is_name(char) || char == '.') {
            return Err(error(at, "a number", "something like one"));
        }
        self.position += end;
        let text = &rest[..end];
        Ok(if is_float { Token::Float(text) } else { Token::Int(text) })
    }

    fn string(&mut self, at: At) -> Result<Token<'a>, SyntaxError> {
        self.position += 1;
        let mut owned: Option<String> = None;
        loop {
            let rest = self.rest();
            let end = rest.find(['"', '\\', '\n', '\r']).unwrap_or(rest.len());
            let part = &rest[..end];
            self.position += end;
            match rest[end..].chars().next() {
                Some('"') => {
                    self.position += 1;
                    return Ok(Token::Str(match owned {
                        None => Cow::Borrowed(part),
                        Some(text) => Cow::Owned(text + part),
                    }));
                }
                Some('\\') => {
                    let text = owned.get_or_insert_default();
                    text.push_str(part);
                    text.push(self.escape()?);
                }
                _ => return Err(error(at, "`\"` at the end of a string", "the end of the line")),
            }
        }
    }

    /// Reads an escape, with its backslash.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let at = At(self.position);
        let kind = self.rest().chars().nth(1);
        self.position += 2;
        Ok(match kind {
            Some(char @ ('"' | '\\' | '/')) => char,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(at),
            _ => return Err(error(at, "an escape", "an unknown one")),
        })
    }

    fn unicode_escape(&mut self, at: At) -> Result<char, SyntaxError> {
        let invalid = || error(at, "an escape of a Unicode character", "something else");
        if let Some(braced) = self.rest().strip_prefix('{') {
            let end = braced.find('}').filter(|&end| end <= 8).ok_or_else(invalid)?;
            let code = hex(&braced[..end]).ok_or_else(invalid)?;
            self.position += end + 2;
            return char::from_u32(code).ok_or_else(invalid);
        }
        let high = self.four_digits().ok_or_else(invalid)?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(invalid);
        }
        if !self.rest().starts_with("\\u") {
            return Err(invalid());
        }
        self.position += 2;
        let low =
            self.four_digits().filter(|low| (0xdc00..0xe000).contains(low)).ok_or_else(invalid)?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(invalid)
    }

    fn four_digits(&mut self) -> Option<u32> {
        let code = hex(self.rest().get(..4)?)?;
        self.position += 4;
        Some(code)
    }

    fn block_string(&mut self, at: At) -> Result<Token<'a>, SyntaxError> {
        self.position += 3;
        let mut raw = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find("\"\"\"") else {
                return Err(error(
                    at,
                    "`\"\"\"` at the end of a block string",
                    "the end of the document",
                ));
            };
            self.position += end + 3;
            match rest[..end].strip_suffix('\\') {
                Some(part) => raw = raw + part + "\"\"\"",
                None => {
                    raw.push_str(&rest[..end]);
                    return Ok(Token::Str(Cow::Owned(block_value(&raw))));
                }
            }
        }
    }
}

/// Takes the common indentation and blank first and last lines away, as the specification says.
fn block_value(raw: &str) -> String {
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = raw.split('\n').collect();
    let indent_of = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &str| indent_of(line) == line.len();
    let common = lines
        .iter()
        .skip(1)
        .filter(|line| !is_blank(line))
        .map(|line| indent_of(line))
        .min()
        .unwrap_or(0);
    let strip = |(index, line): (usize, &&str)| {
        let cut = if index == 0 { 0 } else { common.min(line.len()) };
        String::from(&line[cut..])
    };
    let lines: Vec<String> = lines.iter().enumerate().map(strip).collect();
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    lines.get(first..last).unwrap_or_default().join("\n")
}

fn hex(text: &str) -> Option<u32> {
    let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u32::from_str_radix(text, 16).ok() } else { None }
}

const fn is_name(char: char) -> bool {
    char == '_' || char.is_ascii_alphanumeric()
}

fn error(at: At, expected: impl Into<Cow<'static, str>>, found: &str) -> SyntaxError {
    SyntaxError { at, expected: expected.into(), found: String::from(found) }
}
