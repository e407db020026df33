//! Tokens to a document.

use std::borrow::Cow;

use super::lexer::{Lexer, Token};
use super::{
    Argument, At, DEFINITIONS_MAX, Directive, Document, Field, Fragment, NESTING_MAX, Operation,
    OperationKind, Selection, SyntaxError, Type, Value, ValueKind, VariableDefinition,
};

/// Reads an executable document.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, SyntaxError> {
    let mut lexer = Lexer::new(text);
    let (at, token) = lexer.next()?;
    let mut parser = Parser { lexer, at, token, nesting: 0 };
    let mut document = Document::default();
    loop {
        let is_described = parser.description()?;
        match parser.token {
            Token::End | Token::Punctuator('{') if is_described => {
                return Err(parser.unexpected("a query, mutation or fragment"));
            }
            Token::End if !document.operations.is_empty() || !document.fragments.is_empty() => {
                return Ok(document);
            }
            Token::Name(_) | Token::Punctuator('{')
                if document.operations.len() + document.fragments.len() >= DEFINITIONS_MAX =>
            {
                return Err(parser
                    .unexpected(format!("at most {DEFINITIONS_MAX} operations and fragments")));
            }
            Token::Name("fragment") => document.fragments.push(parser.fragment()?),
            _ => document.operations.push(parser.operation()?),
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    at: At,
    token: Token<'a>,
    nesting: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'a> Parser<'a> {
    fn operation(&mut self) -> Parsed<Operation<'a>> {
        let at = self.at;
        if self.token == Token::Punctuator('{') {
            let selections = self.selections()?;
            let kind = OperationKind::Query;
            return Ok(Operation {
                at,
                kind,
                name: None,
                variables: vec![],
                directives: vec![],
                selections,
            });
        }
        let kind = match self.token {
            Token::Name("query") => OperationKind::Query,
            Token::Name("mutation") => OperationKind::Mutation,
            Token::Name("subscription") => OperationKind::Subscription,
            _ => return Err(self.unexpected("a query, mutation or fragment")),
        };
        self.advance()?;
        let name = if let Token::Name(name) = self.token { Some(name) } else { None };
        if name.is_some() {
            self.advance()?;
        }
        let variables = self.optional_list('(', ')', Self::variable)?;
        let directives = self.directives()?;
        let selections = self.selections()?;
        Ok(Operation { at, kind, name, variables, directives, selections })
    }

    fn fragment(&mut self) -> Parsed<Fragment<'a>> {
        let at = self.at;
        self.advance()?;
        if self.token == Token::Name("on") {
            return Err(self.unexpected("the name of a fragment"));
        }
        let name = self.name()?;
        self.keyword("on")?;
        let condition = self.name()?;
        let directives = self.directives()?;
        let selections = self.selections()?;
        Ok(Fragment { at, name, condition, directives, selections })
    }

    fn variable(&mut self) -> Parsed<VariableDefinition<'a>> {
        self.description()?;
        let at = self.at;
        self.expect('$', "`$`")?;
        let name = self.name()?;
        self.expect(':', "`:`")?;
        let ty = self.ty()?;
        let default = if self.take('=')? { Some(self.value(true)?) } else { None };
        let directives = self.directives()?;
        Ok(VariableDefinition { at, name, ty, default, directives })
    }

    /// Leaves out a description, and tells whether there was one.
    fn description(&mut self) -> Parsed<bool> {
        let is_there = matches!(self.token, Token::Str(_));
        if is_there {
            self.advance()?;
        }
        Ok(is_there)
    }

    fn ty(&mut self) -> Parsed<Type<'a>> {
        self.nested(|parser| {
            let ty = if parser.take('[')? {
                let inner = parser.ty()?;
                parser.expect(']', "`]`")?;
                Type::List(Box::new(inner))
            } else {
                Type::Named(parser.name()?)
            };
            Ok(if parser.take('!')? { Type::NonNull(Box::new(ty)) } else { ty })
        })
    }

    fn directives(&mut self) -> Parsed<Vec<Directive<'a>>> {
        let mut directives = Vec::new();
        while self.token == Token::Punctuator('@') {
            let at = self.at;
            self.advance()?;
            let name = self.name()?;
            let arguments = self.arguments()?;
            directives.push(Directive { at, name, arguments });
        }
        Ok(directives)
    }

    fn selections(&mut self) -> Parsed<Vec<Selection<'a>>> {
        self.nested(|parser| {
            if parser.token != Token::Punctuator('{') {
                return Err(parser.unexpected("`{`"));
            }
            parser.optional_list('{', '}', Self::selection)
        })
    }

    fn selection(&mut self) -> Parsed<Selection<'a>> {
        if self.token == Token::Spread {
            return self.spread();
        }
        let at = self.at;
        let first = self.name()?;
        let (alias, name) =
            if self.take(':')? { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let has_selections = self.token == Token::Punctuator('{');
        let selections = if has_selections { self.selections()? } else { Vec::new() };
        Ok(Selection::Field(Field { at, alias, name, arguments, directives, selections }))
    }

    fn spread(&mut self) -> Parsed<Selection<'a>> {
        let at = self.at;
        self.advance()?;
        let condition = match self.token {
            Token::Name("on") => {
                self.advance()?;
                Some(self.name()?)
            }
            Token::Name(fragment) => {
                self.advance()?;
                let directives = self.directives()?;
                return Ok(Selection::Spread { at, fragment, directives });
            }
            _ => None,
        };
        let directives = self.directives()?;
        let selections = self.selections()?;
        Ok(Selection::Inline { at, condition, directives, selections })
    }

    fn arguments(&mut self) -> Parsed<Vec<Argument<'a>>> {
        self.optional_list('(', ')', |parser| parser.argument(false))
    }

    fn argument(&mut self, is_constant: bool) -> Parsed<Argument<'a>> {
        let at = self.at;
        let name = self.name()?;
        self.expect(':', "`:`")?;
        let value = self.value(is_constant)?;
        Ok(Argument { at, name, value })
    }

    fn value(&mut self, is_constant: bool) -> Parsed<Value<'a>> {
        let at = self.at;
        let kind = self.nested(|parser| parser.value_kind(is_constant))?;
        Ok(Value { at, kind })
    }

    fn value_kind(&mut self, is_constant: bool) -> Parsed<ValueKind<'a>> {
        let kind = match &self.token {
            Token::Punctuator('$') if !is_constant => {
                self.advance()?;
                return Ok(ValueKind::Variable(self.name()?));
            }
            Token::Punctuator('[') => return self.list_value(is_constant),
            Token::Punctuator('{') => return self.object_value(is_constant),
            Token::Int(text) => ValueKind::Int(text),
            Token::Float(text) => ValueKind::Float(text),
            Token::Str(text) => ValueKind::Str(text.clone()),
            Token::Name("true") => ValueKind::Bool(true),
            Token::Name("false") => ValueKind::Bool(false),
            Token::Name("null") => ValueKind::Null,
            Token::Name(name) => ValueKind::Enum(name),
            _ => return Err(self.unexpected("a value")),
        };
        self.advance()?;
        Ok(kind)
    }

    fn list_value(&mut self, is_constant: bool) -> Parsed<ValueKind<'a>> {
        self.advance()?;
        let mut items = Vec::new();
        while !self.take(']')? {
            items.push(self.value(is_constant)?);
        }
        Ok(ValueKind::List(items))
    }

    fn object_value(&mut self, is_constant: bool) -> Parsed<ValueKind<'a>> {
        self.advance()?;
        let mut fields = Vec::new();
        while !self.take('}')? {
            fields.push(self.argument(is_constant)?);
        }
        Ok(ValueKind::Object(fields))
    }

    /// A list between two signs, with at least one item, or nothing at all.
    fn optional_list<T>(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        if !self.take(open)? {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(close)? {
                return Ok(items);
            }
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= NESTING_MAX {
            return Err(self.unexpected(format!("at most {NESTING_MAX} nested levels")));
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }

    fn name(&mut self) -> Parsed<&'a str> {
        let Token::Name(name) = self.token else { return Err(self.unexpected("a name")) };
        self.advance()?;
        Ok(name)
    }

    fn keyword(&mut self, keyword: &'static str) -> Parsed<()> {
        if self.token == Token::Name(keyword) {
            self.advance()
        } else {
            Err(self.unexpected(keyword))
        }
    }

    fn expect(&mut self, sign: char, expected: &'static str) -> Parsed<()> {
        if self.take(sign)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn take(&mut self, sign: char) -> Parsed<bool> {
        let found = self.token == Token::Punctuator(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn advance(&mut self) -> Parsed<()> {
        (self.at, self.token) = self.lexer.next()?;
        Ok(())
    }

    fn unexpected(&self, expected: impl Into<Cow<'static, str>>) -> SyntaxError {
        SyntaxError { at: self.at, expected: expected.into(), found: self.token.describe() }
    }
}
