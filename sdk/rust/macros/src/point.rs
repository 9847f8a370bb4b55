//! What an attribute adds to a function: that the manifest knows it, and a door of one form behind which it stands.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{FnArg, ItemFn, LitStr, Type};

use crate::manifest::{Manifest, snake};

/// The name of the door to an export. Where its function is missing, this is what the compiler says it cannot find.
pub(crate) fn door(point: &str, name: &str) -> syn::Ident {
    format_ident!("{}_{}_of_plugin_json", snake(point), snake(name))
}

pub(crate) fn expand(
    manifest: &Manifest,
    point: &str,
    name: &LitStr,
    function: &ItemFn,
) -> Result<TokenStream, syn::Error> {
    let wanted = name.value();
    if !manifest.names(point).any(|known| known == wanted) {
        let known: Vec<String> = manifest.names(point).map(|known| format!("`{known}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("plugin.json has no {point} named `{wanted}`; it has {known}");
        return Err(syn::Error::new(name.span(), message));
    }
    let own = &function.sig.ident;
    let door = door(point, &wanted);
    let adapter = format_ident!("{}", snake(point));
    let (parameters, result) = signature(point);
    let arguments: Vec<syn::Ident> =
        (0..parameters.len()).map(|index| format_ident!("argument_{index}")).collect();
    let body = match point {
        "function" => function_body(function)?,
        _ => quote! { ::mortise_sdk::glue::#adapter(#own, #(#arguments),*) },
    };
    Ok(quote! {
        #function

        #[doc(hidden)]
        fn #door(#(#arguments: #parameters),*) -> ::core::result::Result<#result, ::mortise_sdk::Fault> {
            #body
        }
    })
}

/// What the door of a point takes and gives, without the name of the export.
pub(crate) fn signature(point: &str) -> (Vec<TokenStream>, TokenStream) {
    let call = quote!(::mortise_sdk::Call);
    let entry = quote!(::mortise_sdk::Entry);
    let maybe = quote!(::core::option::Option<::mortise_sdk::Entry>);
    let fields = quote!(::std::vec::Vec<::mortise_sdk::Field>);
    let text = quote!(::std::string::String);
    match point {
        "validator" => (vec![call, maybe, entry], quote!(::std::vec::Vec<::mortise_sdk::Violation>)),
        "before-save" => (vec![call, text, maybe.clone(), maybe], quote!(::mortise_sdk::Verdict)),
        "after-commit" => (vec![call, text, maybe.clone(), maybe], quote!(())),
        "action" => (
            vec![call, fields.clone(), quote!(::core::option::Option<#fields>)],
            quote!(::mortise_sdk::Outcome),
        ),
        "function" => {
            let values = quote!(::std::vec::Vec<::mortise_sdk::Value>);
            (vec![quote!(::std::vec::Vec<#values>)], values)
        }
        "scorer" => {
            (vec![call, quote!(::std::vec::Vec<#entry>)], quote!(::std::vec::Vec<::mortise_sdk::Scored>))
        }
        "assigner" => (
            vec![call, entry, quote!(::std::vec::Vec<::mortise_sdk::Candidate>)],
            quote!(::core::option::Option<#text>),
        ),
        "provider" => (vec![call, fields], quote!(::mortise_sdk::Table)),
        "renderer" => (vec![call, entry, fields], quote!(::mortise_sdk::Document)),
        "job" => (
            vec![call, quote!(::core::option::Option<::std::vec::Vec<u8>>), fields],
            quote!(::mortise_sdk::Progress),
        ),
        _ => (vec![call, fields.clone(), quote!(::mortise_sdk::Purpose)], fields),
    }
}

/// Each row is taken apart into arguments of the function's own types; `&str` is lent out of a `String`.
fn function_body(function: &ItemFn) -> Result<TokenStream, syn::Error> {
    let own = &function.sig.ident;
    let mut reads = Vec::new();
    let mut arguments = Vec::new();
    for (index, argument) in function.sig.inputs.iter().enumerate() {
        let FnArg::Typed(typed) = argument else {
            return Err(syn::Error::new_spanned(argument, "a function for expressions has no `self`"));
        };
        let place = format_ident!("value_{index}");
        let number = index + 1;
        match typed.ty.as_ref() {
            Type::Reference(reference) => {
                let inner = &reference.elem;
                reads.push(quote! {
                    let #place: <#inner as ::std::borrow::ToOwned>::Owned = row.next(#number)?;
                });
                arguments.push(quote!(&#place));
            }
            owned => {
                reads.push(quote! { let #place: #owned = row.next(#number)?; });
                arguments.push(quote!(#place));
            }
        }
    }
    Ok(quote! {
        argument_0.into_iter().map(|row| {
            let mut row = ::mortise_sdk::Row::of(row);
            #(#reads)*
            row.end()?;
            ::mortise_sdk::IntoAnswer::into_answer(#own(#(#arguments),*))
        }).collect()
    })
}
