//! The public items of the library that its documentation shows, read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::{Attribute, Fields, Ident, ImplItem, Item, TraitItem, Type, UseTree, Visibility};

use super::sources::code;

/// The path of a module from the root of the crate.
type Name = Vec<String>;

/// A module with what stands in it.
struct Module {
    items: Vec<Item>,
    is_public: bool,
}

struct Library(BTreeMap<Name, Module>);

/// One line for each public item.
pub(crate) fn document() -> String {
    let mut library = Library(BTreeMap::new());
    library.load(Vec::new(), Path::new("src/lib.rs"), true);
    let methods = library.methods();
    let mut lines = BTreeSet::new();
    for (name, module) in library.0.iter().filter(|(_, module)| module.is_public) {
        if !name.is_empty() {
            lines.insert(format!("{} (module)", name.join("::")));
        }
        for item in &module.items {
            library.add(name, item, &methods, &mut lines);
        }
    }
    assert!(lines.len() > 200, "too few public items were found");
    format!(
        "## Library\n\n\
         The public items of `faye_server` that `cargo doc` shows: modules, functions, constants, types with their public \
         fields, variants and methods. The list has names only. It has no signatures, no implementations of traits, no macros, and no items that a \
         glob import of another crate brings.\n\n```text\n{}\n```\n",
        lines.into_iter().collect::<Vec<_>>().join("\n")
    )
}

impl Library {
    fn load(&mut self, name: Name, file: &Path, is_public: bool) {
        let parsed =
            syn::parse_file(&code(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let folder = match file.file_stem().unwrap().to_str().unwrap() {
            "lib" | "mod" => file.parent().unwrap().to_owned(),
            _ => file.with_extension(""),
        };
        self.enter(name, parsed.items, &folder, is_public);
    }

    fn enter(&mut self, name: Name, items: Vec<Item>, folder: &Path, is_public: bool) {
        for item in &items {
            let Item::Mod(child) = item else { continue };
            if is_for_tests(&child.attrs) {
                continue;
            }
            let own = child.ident.to_string();
            let path = [name.clone(), vec![own.clone()]].concat();
            let is_public = is_public && is_documented(&child.vis, &child.attrs);
            if let Some((_, items)) = &child.content {
                self.enter(path, items.clone(), &folder.join(&own), is_public);
                continue;
            }
            let flat = folder.join(format!("{own}.rs"));
            let file = if flat.is_file() { flat } else { folder.join(&own).join("mod.rs") };
            self.load(path, &file, is_public);
        }
        self.0.insert(name, Module { items, is_public });
    }

    /// Adds an item of a public module if it is public itself, and what a `pub use` in it brings.
    fn add(
        &self,
        at: &Name,
        item: &Item,
        methods: &BTreeMap<Name, Vec<String>>,
        lines: &mut BTreeSet<String>,
    ) {
        if let Item::Use(import) = item {
            if is_documented(&import.vis, &import.attrs) {
                for (own, path) in imports(&import.tree) {
                    self.add_import(at, &own, &path, methods, lines);
                }
            }
        } else if is_public_item(item) && !matches!(item, Item::Mod(_)) {
            let defined = [at.clone(), vec![item_name(item).unwrap()]].concat();
            lines.extend(describe(&defined, item));
            lines.extend(listed(methods, &defined, &defined));
        }
    }

    fn add_import(
        &self,
        at: &Name,
        own: &str,
        path: &[String],
        methods: &BTreeMap<Name, Vec<String>>,
        lines: &mut BTreeSet<String>,
    ) {
        let shown = [at.clone(), vec![own.to_owned()]].concat();
        match self.resolve(at, path) {
            Some(defined) => {
                let item = self.item(&defined).unwrap();
                lines.extend(describe(&shown, item));
                lines.extend(listed(methods, &defined, &shown));
            }
            None => {
                lines.insert(format!("{} (from {})", shown.join("::"), path.join("::")));
            }
        }
    }

    /// Where the item that this path means in this module is defined; none if that is another crate.
    fn resolve(&self, at: &[String], path: &[String]) -> Option<Name> {
        let module = self.0.get(at)?;
        let (first, rest) = path.split_first()?;
        if rest.is_empty() {
            let defined = [at.to_vec(), vec![first.clone()]].concat();
            if self.item(&defined).is_some() {
                return Some(defined);
            }
        }
        match first.as_str() {
            "crate" => return self.resolve(&[], rest),
            "self" => return self.resolve(at, rest),
            "super" => return self.resolve(at.split_last()?.1, rest),
            _ => {}
        }
        let child = [at.to_vec(), vec![first.clone()]].concat();
        if self.0.contains_key(&child) {
            return self.resolve(&child, rest);
        }
        let uses = module.items.iter().filter_map(|item| match item {
            Item::Use(import) => Some(imports(&import.tree)),
            _ => None,
        });
        let mut found = uses.flatten().filter(|(own, path)| own == first && path.first() != Some(first));
        found.find_map(|(_, path)| self.resolve(at, &[path, rest.to_vec()].concat()))
    }

    fn item(&self, name: &[String]) -> Option<&Item> {
        let (own, at) = name.split_last()?;
        let items = &self.0.get(at)?.items;
        items.iter().find(|item| {
            !matches!(item, Item::Mod(_) | Item::Use(_) | Item::Impl(_))
                && item_name(item).as_deref() == Some(own)
        })
    }

    /// The public methods and constants of each type, by where the type is defined.
    fn methods(&self) -> BTreeMap<Name, Vec<String>> {
        let mut found: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        for (at, module) in &self.0 {
            for item in &module.items {
                let Item::Impl(block) = item else { continue };
                let Type::Path(of) = &*block.self_ty else { continue };
                let path: Vec<_> = of.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                let Some(defined) = self.resolve(at, &path).filter(|_| block.trait_.is_none()) else {
                    continue;
                };
                let names = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) if is_documented(&method.vis, &method.attrs) => {
                        Some(format!("{}()", method.sig.ident))
                    }
                    ImplItem::Const(constant) if is_documented(&constant.vis, &constant.attrs) => {
                        Some(constant.ident.to_string())
                    }
                    _ => None,
                });
                found.entry(defined).or_default().extend(names);
            }
        }
        found
    }
}

fn listed(methods: &BTreeMap<Name, Vec<String>>, defined: &Name, shown: &Name) -> Vec<String> {
    let names = methods.get(defined).into_iter().flatten();
    names.map(|name| format!("{}::{name}", shown.join("::"))).collect()
}

/// The line of an item, with its public fields, its variants or its methods.
fn describe(name: &Name, item: &Item) -> Vec<String> {
    let shown = name.join("::");
    let with = |kind: &str, parts: Vec<String>| {
        let head = format!("{shown} ({kind})");
        let parts = parts.into_iter().map(|part| format!("{shown}{part}"));
        std::iter::once(head).chain(parts).collect()
    };
    match item {
        Item::Struct(item) => with("struct", public_fields(&item.fields)),
        Item::Enum(item) => {
            let variant = |variant: &syn::Variant| format!("::{}", variant.ident);
            with("enum", item.variants.iter().map(variant).collect())
        }
        Item::Trait(item) => {
            let names = item.items.iter().filter_map(|item| match item {
                TraitItem::Fn(method) => Some(format!("::{}()", method.sig.ident)),
                TraitItem::Type(own) => Some(format!("::{}", own.ident)),
                TraitItem::Const(own) => Some(format!("::{}", own.ident)),
                _ => None,
            });
            with("trait", names.collect())
        }
        Item::Fn(_) => vec![format!("{shown}()")],
        Item::Const(_) | Item::Static(_) => with("constant", Vec::new()),
        Item::Type(_) => with("type", Vec::new()),
        _ => panic!("{shown}: this test does not know such an item"),
    }
}

fn public_fields(fields: &Fields) -> Vec<String> {
    let shown = fields.iter().enumerate().filter(|(_, field)| is_pub(&field.vis));
    let name = |(index, field): (usize, &syn::Field)| match &field.ident {
        Some(ident) => format!(".{ident}"),
        None => format!(".{index}"),
    };
    shown.map(name).collect()
}

fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether an item is public and `cargo doc` shows it.
fn is_documented(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let is_hidden = |attribute: &Attribute| {
        attribute.path().is_ident("doc")
            && attribute.parse_args::<Ident>().is_ok_and(|argument| argument == "hidden")
    };
    is_pub(visibility) && !attributes.iter().any(is_hidden)
}

/// Whether a module is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let condition = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<Ident>()
                .is_ok_and(|argument| argument == "test" || argument == "doctest")
    };
    attributes.iter().any(condition)
}

fn is_public_item(item: &Item) -> bool {
    let (visibility, attributes) = match item {
        Item::Const(item) => (&item.vis, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.attrs),
        Item::Fn(item) => (&item.vis, &item.attrs),
        Item::Mod(item) => (&item.vis, &item.attrs),
        Item::Static(item) => (&item.vis, &item.attrs),
        Item::Struct(item) => (&item.vis, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.attrs),
        Item::Type(item) => (&item.vis, &item.attrs),
        Item::Union(item) => (&item.vis, &item.attrs),
        _ => return false,
    };
    is_documented(visibility, attributes)
}

fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// What a `use` brings: its name here, and its path.
fn imports(tree: &UseTree) -> Vec<(String, Vec<String>)> {
    let below = |first: &str, tree: &UseTree| {
        let found = imports(tree).into_iter();
        found.map(|(own, path)| (own, [vec![first.to_owned()], path].concat())).collect()
    };
    match tree {
        UseTree::Path(path) => below(&path.ident.to_string(), &path.tree),
        UseTree::Name(name) => vec![(name.ident.to_string(), vec![name.ident.to_string()])],
        UseTree::Rename(name) => vec![(name.rename.to_string(), vec![name.ident.to_string()])],
        UseTree::Glob(_) => Vec::new(),
        UseTree::Group(group) => group.items.iter().flat_map(imports).collect(),
    }
}
