//! A file is one idea and a function one thought: both have a size above which they are findings.

use std::collections::BTreeMap;

use anyhow::Result;
use syn::{
    ImplItemFn, ItemFn, ItemImpl, ItemMod, ItemTrait, Signature, TraitItemFn, Type,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{
    tidy::{
        Findings,
        ratchet::{self, Ratchet},
        source::{Source, Tree},
    },
    workspace::Workspace,
};

/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function, from its name to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Sizes above the limit, by name, with the place to show.
pub(crate) type Oversized = BTreeMap<String, Size>;

/// How large something is, and where.
#[derive(Debug)]
pub(crate) struct Size {
    pub(crate) lines: usize,
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// Compares all sizes with the limits and the ratchet file.
pub(crate) fn check(
    workspace: &Workspace,
    tree: &Tree,
    update: bool,
    findings: &mut Findings,
) -> Result<()> {
    let mut recorded = Ratchet::read(workspace)?;
    let files = oversized_files(tree);
    let functions = oversized_functions(tree);
    if update {
        recorded.shrink(&files, &functions);
        recorded.write(workspace)?;
    }
    ratchet::check("file", FILE_LINES_MAX, &recorded.files, &files, findings);
    ratchet::check("function", FUNCTION_LINES_MAX, &recorded.functions, &functions, findings);
    Ok(())
}

fn oversized_files(tree: &Tree) -> Oversized {
    tree.sources
        .iter()
        .filter(|source| !source.is_test() && source.code_lines() > FILE_LINES_MAX)
        .map(|source| {
            let path = source.path.clone();
            (path.clone(), Size { lines: source.code_lines(), path, line: 1 })
        })
        .collect()
}

fn oversized_functions(tree: &Tree) -> Oversized {
    let mut sizes = Oversized::new();
    for source in &tree.sources {
        let mut functions = Functions { source, scope: Vec::new(), sizes: &mut sizes };
        functions.visit_file(&source.syntax);
    }
    sizes
}

/// Walks over a file and notes large functions under names like `src/a.rs::Type::function`.
struct Functions<'a> {
    source: &'a Source,
    scope: Vec<String>,
    sizes: &'a mut Oversized,
}

impl Functions<'_> {
    fn note(&mut self, signature: &Signature, end: usize) {
        let line = signature.span().start().line;
        let lines = end.saturating_sub(line) + 1;
        if lines <= FUNCTION_LINES_MAX || self.source.is_test_line(line) {
            return;
        }
        let mut name = vec![self.source.path.clone()];
        name.extend(self.scope.iter().cloned());
        name.push(signature.ident.to_string());
        let size = Size { lines, path: self.source.path.clone(), line };
        self.sizes.insert(name.join("::"), size);
    }

    fn within(&mut self, scope: String, visit: impl FnOnce(&mut Self)) {
        self.scope.push(scope);
        visit(self);
        self.scope.pop();
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.note(&item.sig, item.block.span().end().line);
        self.within(item.sig.ident.to_string(), |inner| visit::visit_item_fn(inner, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.note(&item.sig, item.block.span().end().line);
        self.within(item.sig.ident.to_string(), |inner| visit::visit_impl_item_fn(inner, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.note(&item.sig, block.span().end().line);
        }
        self.within(item.sig.ident.to_string(), |inner| visit::visit_trait_item_fn(inner, item));
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.within(type_name(&item.self_ty), |inner| visit::visit_item_impl(inner, item));
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.within(item.ident.to_string(), |inner| visit::visit_item_trait(inner, item));
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.within(item.ident.to_string(), |inner| visit::visit_item_mod(inner, item));
    }
}

fn type_name(own: &Type) -> String {
    match own {
        Type::Path(path) => {
            path.path.segments.last().map_or_else(String::new, |last| last.ident.to_string())
        }
        Type::Reference(reference) => type_name(&reference.elem),
        _ => "_".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{FUNCTION_LINES_MAX, oversized_functions};
    use crate::tidy::source::{Source, Tree};

    /// A method with the given number of lines.
    fn method(lines: usize) -> Tree {
        let body = "work();\n".repeat(lines - 2);
        let code = format!("impl<T> Thing<T> {{\n/// Doc.\npub fn long(&self) {{\n{body}}}\n}}");
        let source = Source::parse("src/lib.rs", &code).unwrap();
        Tree { texts: Vec::new(), sources: vec![source] }
    }

    #[test]
    fn functions_are_measured_from_name_to_brace() {
        assert!(oversized_functions(&method(FUNCTION_LINES_MAX)).is_empty());
        let found = oversized_functions(&method(FUNCTION_LINES_MAX + 1));
        let size = &found["src/lib.rs::Thing::long"];
        assert_eq!((size.lines, size.line), (FUNCTION_LINES_MAX + 1, 3));
    }
}
