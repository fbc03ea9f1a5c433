//! The modules of a crate, read from its files: what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Meta, UseTree};

/// Names from the root of the crate on.
pub type Names = Vec<String>;

/// One module, tests left out.
#[derive(Debug, Default)]
pub struct Module {
    /// First sentence of its documentation.
    pub summary: String,
    /// Child modules.
    pub children: BTreeSet<String>,
    /// Names brought in by `use`, and where they come from.
    imports: BTreeMap<String, Names>,
    /// Modules of which everything is brought in.
    globs: Vec<Names>,
    /// Names of its own items.
    items: BTreeSet<String>,
    /// Every path into the crate that stands in it.
    pub uses: BTreeSet<Names>,
}

/// All modules of a crate by their path; the root's is empty.
#[derive(Debug, Default)]
pub struct Crate {
    pub modules: BTreeMap<Names, Module>,
}

impl Crate {
    /// Reads the crate of a root file.
    pub fn read(root: &Path) -> Self {
        let mut read = Self::default();
        let folder = root.parent().expect("a file is in a folder");
        read.file(root, folder, &Vec::new());
        read
    }

    fn file(&mut self, file: &Path, folder: &Path, path: &Names) {
        let text = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.module(&parsed.attrs, &parsed.items, file, folder, path);
    }

    /// `folder` is where files of child modules are.
    fn module(
        &mut self,
        attributes: &[Attribute],
        items: &[Item],
        file: &Path,
        folder: &Path,
        path: &Names,
    ) {
        let mut module = self.modules.remove(path).unwrap_or_default();
        if module.summary.is_empty() {
            module.summary = summary(attributes);
        }
        // Child modules first: a path may begin with one's name.
        for item in items {
            if let Item::Mod(child) = item
                && !is_test(&child.attrs)
            {
                module.children.insert(child.ident.to_string());
            }
        }
        let mut reader = Reader {
            module: &mut module,
            path,
        };
        for item in items {
            reader.visit_item(item);
        }
        self.modules.insert(path.clone(), module);
        for item in items {
            if let Item::Mod(child) = item
                && !is_test(&child.attrs)
            {
                self.child(child, file, folder, path);
            }
        }
    }

    fn child(&mut self, child: &ItemMod, file: &Path, folder: &Path, parent: &Names) {
        let name = child.ident.to_string();
        let path = extended(parent, &name);
        let inside = folder.join(&name);
        if let Some((_, items)) = &child.content {
            self.module(&child.attrs, items, file, &inside, &path);
            return;
        }
        let beside = file.parent().expect("a file is in a folder");
        let candidates = match path_attribute(&child.attrs) {
            Some(given) => vec![beside.join(given)],
            None => vec![folder.join(format!("{name}.rs")), inside.join("mod.rs")],
        };
        let found: Option<&PathBuf> = candidates.iter().find(|file| file.is_file());
        let found = found.unwrap_or_else(|| panic!("no file of module {path:?}"));
        self.file(found, &inside, &path);
    }

    /// The module that a path leads to, through names that others re-export.
    pub fn home(&self, path: &[String]) -> Names {
        self.resolve(path, 0)
    }

    fn resolve(&self, path: &[String], depth: usize) -> Names {
        let mut at = Names::new();
        for (index, name) in path.iter().enumerate() {
            let module = &self.modules[&at];
            if module.children.contains(name) {
                at.push(name.clone());
                continue;
            }
            // A name may come from a module that has it from another.
            if depth < 8 {
                let rest = &path[index + 1..];
                let moved = |from: &Names| [from.as_slice(), rest].concat();
                if let Some(from) = module.imports.get(name) {
                    return self.resolve(&moved(from), depth + 1);
                }
                let glob = (module.globs.iter()).find(|glob| {
                    let of = self.modules.get(*glob);
                    of.is_some_and(|of| of.items.contains(name) || of.imports.contains_key(name))
                });
                if let Some(glob) = glob {
                    return self.resolve(&moved(&extended(glob, name)), depth + 1);
                }
            }
            break;
        }
        at
    }
}

fn extended(path: &[String], name: &str) -> Names {
    let mut path = path.to_vec();
    path.push(name.to_owned());
    path
}

/// Collects what a module imports and names; child modules are read by themselves.
struct Reader<'m> {
    module: &'m mut Module,
    path: &'m Names,
}

impl Reader<'_> {
    /// A path as it stands in the module, from the root on; `None` if it leads to another crate.
    fn absolute(&self, path: &[String]) -> Option<Names> {
        let (first, mut rest) = path.split_first()?;
        let mut from = self.path.clone();
        match first.as_str() {
            "crate" => from.clear(),
            "self" => {}
            "super" => {
                from.pop();
                while let Some(("super", after)) = rest.split_first().map(|(a, b)| (a.as_str(), b))
                {
                    from.pop();
                    rest = after;
                }
            }
            name if self.module.children.contains(name) => from.push(name.to_owned()),
            _ => return None,
        }
        from.extend_from_slice(rest);
        Some(from)
    }

    fn note(&mut self, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.module.uses.insert(path);
        }
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        match tree {
            UseTree::Path(path) => {
                self.import(&path.tree, &extended(prefix, &path.ident.to_string()));
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, prefix);
                }
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.bring(&name, &name, prefix);
            }
            UseTree::Rename(rename) => {
                self.bring(
                    &rename.ident.to_string(),
                    &rename.rename.to_string(),
                    prefix,
                );
            }
            UseTree::Glob(_) => {
                self.note(prefix);
                if let Some(path) = self.absolute(prefix) {
                    self.module.globs.push(path);
                }
            }
        }
    }

    fn bring(&mut self, name: &str, known_as: &str, prefix: &[String]) {
        let (path, known_as) = match (name, prefix.last()) {
            ("self", Some(last)) if known_as == "self" => (prefix.to_vec(), last.clone()),
            ("self", Some(_)) => (prefix.to_vec(), known_as.to_owned()),
            _ => (extended(prefix, name), known_as.to_owned()),
        };
        self.note(&path);
        // `pub use child::child` names an item of the child.
        if let Some(path) = self.absolute(&path)
            && !self.module.children.contains(&known_as)
        {
            self.module.imports.insert(known_as, path);
        }
    }

    /// Paths among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        for token in tokens {
            match token {
                TokenTree::Ident(name) => path.push(name.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == ':' => {}
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.end(&mut path),
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Names) {
        let begins = |name: &String| ["crate", "super"].contains(&name.as_str());
        if let Some(from) = path.iter().position(begins) {
            self.note(&path[from..]);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Union(item) => (&item.attrs, Some(&item.ident)),
            Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            Item::Impl(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            // Child modules are read by themselves.
            _ => return,
        };
        if is_test(attributes) {
            return;
        }
        if let Some(name) = name {
            self.module.items.insert(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = (path.segments.iter())
            .map(|segment| segment.ident.to_string())
            .collect();
        if names.len() > 1 {
            self.note(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, own: &'ast syn::Macro) {
        self.tokens(own.tokens.clone());
        visit::visit_macro(self, own);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(crate)` and `pub(super)` use nothing.
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test")
        }
        _ => false,
    })
}

fn text_of(attribute: &Attribute, name: &str) -> Option<String> {
    if let Meta::NameValue(pair) = &attribute.meta
        && pair.path.is_ident(name)
        && let syn::Expr::Lit(literal) = &pair.value
        && let syn::Lit::Str(text) = &literal.lit
    {
        return Some(text.value());
    }
    None
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|own| text_of(own, "path"))
}

/// The first sentence, or what of the first paragraph there is.
fn summary(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|own| text_of(own, "doc"));
    let paragraph: Vec<String> = lines
        .map(|line| line.trim().to_owned())
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    let end = paragraph.find(". ").map_or(paragraph.len(), |at| at + 1);
    paragraph[..end].trim_end_matches('.').to_owned()
}
