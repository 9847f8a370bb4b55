//! The macros of `mortise-sdk`. They read `plugin.json` while the plugin is compiled, so that a name in it without a
//! function, and a function without a name in it, are errors of the compiler and not of a customer's Monday.

mod export;
mod manifest;
mod point;
mod records;

use proc_macro::TokenStream;

/// Makes a type for each kind of record that `plugin.json` names, with one accessor for each field of its `input` lists.
///
/// `schema!("plugin.json")` makes `Company` with `company.vat_number()` and `Company::VAT_NUMBER`.
#[proc_macro]
pub fn schema(input: TokenStream) -> TokenStream {
    let file = syn::parse_macro_input!(input as syn::LitStr);
    finish(manifest::read(&file.value()).and_then(|manifest| records::expand(&manifest)))
}

/// Ends a plugin: connects every export of `plugin.json` with its function. Stands in the root of the crate, as the
/// functions do.
#[proc_macro]
pub fn export(_: TokenStream) -> TokenStream {
    finish(manifest::read(manifest::FILE).map(|manifest| export::expand(&manifest)))
}

macro_rules! points {
    ($($(#[$doc:meta])* $macro:ident => $point:literal;)*) => {$(
        $(#[$doc])*
        #[proc_macro_attribute]
        pub fn $macro(arguments: TokenStream, item: TokenStream) -> TokenStream {
            let name = syn::parse_macro_input!(arguments as syn::LitStr);
            let function = syn::parse_macro_input!(item as syn::ItemFn);
            finish(manifest::read(manifest::FILE).and_then(|manifest| {
                point::expand(&manifest, $point, &name, &function)
            }))
        }
    )*};
}

points! {
    /// `fn(&Context, &Change<Record>) -> Result<Vec<Violation>, Fault>`: checks a record before it is saved.
    validator => "validator";
    /// `fn(&Context, &Change<Record>) -> Result<Verdict, Fault>`: looks at a record before it is saved, and may change it.
    before_save => "before-save";
    /// `fn(&Context, &Change<Record>) -> Result<(), Fault>`: told about a change afterwards.
    after_commit => "after-commit";
    /// `fn(&Context, Fields, Option<Fields>) -> Result<Outcome, Fault>`: a step of a rule or a workflow.
    action => "action";
    /// `fn(a: &str, b: i64, …) -> T`: a function for expressions.
    function => "function";
    /// `fn(&Context, &Record) -> Result<Score, Fault>`: gives a record a number.
    scorer => "scorer";
    /// `fn(&Context, &Record, &[Candidate]) -> Result<Option<String>, Fault>`: chooses a person.
    assigner => "assigner";
    /// `fn(&Context, Fields) -> Result<Table, Fault>`: brings the figures of a tile.
    provider => "provider";
    /// `fn(&Context, &Record, Fields) -> Result<Document, Fault>`: makes a document.
    renderer => "renderer";
    /// `fn(&Context, Option<Vec<u8>>, Fields) -> Result<Progress, Fault>`: one step of work by the clock.
    job => "job";
    /// `fn(&Context, Fields, Purpose) -> Result<Fields, Fault>`: a door to another system.
    connector => "connector";
}

fn finish(expanded: Result<proc_macro2::TokenStream, syn::Error>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
