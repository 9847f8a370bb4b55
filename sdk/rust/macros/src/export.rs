//! The end of a plugin: for each interface that the manifest needs, one door that looks the name up, and in WebAssembly the
//! export itself. Natively there is only the door, which tests use.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::manifest::{Manifest, snake};
use crate::point::{door, signature};

pub(crate) fn expand(manifest: &Manifest) -> TokenStream {
    let points = mortise_wit::POINTS.iter();
    let present = points.filter(|word| manifest.names(word.name).next().is_some());
    let exports = present.map(|word| export(manifest, word.name, word.interface));
    let exports: TokenStream = exports.collect();
    let path = &manifest.path;
    quote! {
        const _: &str = include_str!(#path);

        /// The exports of this plugin by point and name, as the host sees them.
        #[allow(dead_code)]
        pub mod exports {
            #exports
        }
    }
}

fn export(manifest: &Manifest, point: &str, interface: &str) -> TokenStream {
    let dispatch = format_ident!("{}", snake(point));
    let (parameters, result) = signature(point);
    let arguments: Vec<syn::Ident> =
        (0..parameters.len()).map(|index| format_ident!("argument_{index}")).collect();
    let arms = manifest.names(point).map(|name| {
        let door = door(point, name);
        quote! { #name => super::#door(#(#arguments),*), }
    });
    let about = format!("Calls the {point} of this name.");
    let guest = guest(point, interface, &arguments, &parameters, &result);
    quote! {
        #[doc = #about]
        pub fn #dispatch(
            name: &str,
            #(#arguments: #parameters),*
        ) -> ::core::result::Result<#result, ::mortise_sdk::Fault> {
            match name {
                #(#arms)*
                other => ::core::result::Result::Err(::mortise_sdk::glue::unknown(#point, other)),
            }
        }

        #guest
    }
}

/// The implementation that WebAssembly exports.
fn guest(
    point: &str,
    interface: &str,
    arguments: &[syn::Ident],
    parameters: &[TokenStream],
    result: &TokenStream,
) -> TokenStream {
    let module = format_ident!("{}", snake(point));
    let exporter = format_ident!("export_{}", snake(point));
    // `mortise:hooks/before-save@1.0.0` → `exports::mortise::hooks::before_save`
    let path = interface.split('@').next().unwrap_or_default();
    let parts: Vec<syn::Ident> =
        path.split([':', '/']).map(|part| format_ident!("{}", snake(part))).collect();
    let dispatch = format_ident!("{}", snake(point));
    let method = |name: &str, extra: TokenStream, own: &[syn::Ident], types: &[TokenStream]| {
        let name = format_ident!("{name}");
        quote! {
            fn #name(
                name: ::std::string::String,
                #(#own: #types),*
            ) -> ::core::result::Result<#result, ::mortise_sdk::Fault> {
                super::#dispatch(&name, #(#own,)* #extra)
            }
        }
    };
    let last = arguments.len().saturating_sub(1);
    let methods = match point {
        "connector" => {
            let (own, types) = (&arguments[..last], &parameters[..last]);
            let invoke = method("invoke", quote!(::mortise_sdk::Purpose::Invoke), own, types);
            let probe = method("probe", quote!(::mortise_sdk::Purpose::Probe), own, types);
            quote!(#invoke #probe)
        }
        _ => {
            let name = match point {
                "validator" => "validate",
                "before-save" => "before_save",
                "after-commit" => "after_commit",
                "action" => "run",
                "function" => "call_many",
                "scorer" => "score",
                "assigner" => "assign",
                "provider" => "load",
                "renderer" => "render",
                _ => "step",
            };
            method(name, quote!(), arguments, parameters)
        }
    };
    let inner = format_ident!("component_{}", snake(point));
    quote! {
        #[cfg(target_arch = "wasm32")]
        mod #inner {
            struct Component;
            impl ::mortise_sdk::bindings::#module::exports::#(#parts)::*::Guest for Component {
                #methods
            }
            ::mortise_sdk::bindings::#module::#exporter!(
                Component with_types_in ::mortise_sdk::bindings::#module
            );
        }
    }
}
