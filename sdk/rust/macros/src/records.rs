//! Types for records: one for each entity of the manifest, with the fields of all its `input` lists.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use crate::manifest::{Manifest, camel, snake};

pub(crate) fn expand(manifest: &Manifest) -> Result<TokenStream, syn::Error> {
    let mut entities: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for export in &manifest.exports {
        if let Some(entity) = &export.entity {
            entities.entry(entity).or_default().extend(export.input.iter().map(String::as_str));
        }
    }
    let records = entities.iter().map(|(entity, fields)| record(entity, fields));
    let records: Vec<TokenStream> = records.collect::<Result<_, _>>()?;
    let path = &manifest.path;
    Ok(quote! {
        const _: &str = include_str!(#path);
        #(#records)*
    })
}

fn record(entity: &str, fields: &BTreeSet<&str>) -> Result<TokenStream, syn::Error> {
    let name = ident(&camel(entity))?;
    let about = format!("A record of the kind `{entity}`, with the fields that `plugin.json` asks for.");
    let accessors = fields.iter().map(|field| {
        let method = ident(&snake(field))?;
        let constant = ident(&snake(field).to_uppercase())?;
        let about_field = format!("The field `{field}`.");
        let about_name = format!("The name of the field `{field}`.");
        Ok(quote! {
            #[doc = #about_name]
            pub const #constant: &'static str = #field;
            #[doc = #about_field]
            pub fn #method(&self) -> ::mortise_sdk::Get<'_> {
                ::mortise_sdk::Get::of(&self.0, #field)
            }
        })
    });
    let accessors: Vec<TokenStream> = accessors.collect::<Result<_, syn::Error>>()?;
    Ok(quote! {
        #[doc = #about]
        #[derive(Debug, Clone)]
        pub struct #name(::mortise_sdk::Entry);

        #[allow(dead_code)]
        impl #name {
            #(#accessors)*
        }

        impl ::mortise_sdk::Record for #name {
            const ENTITY: &'static str = #entity;
            fn of(entry: ::mortise_sdk::Entry) -> Self {
                Self(entry)
            }
            fn entry(&self) -> &::mortise_sdk::Entry {
                &self.0
            }
        }
    })
}

/// An identifier; words of Rust get a `_` behind them.
fn ident(name: &str) -> Result<Ident, syn::Error> {
    let tried = syn::parse_str::<Ident>(name).or_else(|_| syn::parse_str::<Ident>(&format!("{name}_")));
    tried.map_err(|_| syn::Error::new(Span::call_site(), format!("`{name}` is no name in Rust")))
}
