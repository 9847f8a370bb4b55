//! The bindings that wit-bindgen generates from the interface: one set of types for everything, the imports, and for each
//! extension point what exports it. Written by a macro, used by macros; authors use the names in the root of the crate.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated: the bindings cross from WebAssembly into Rust"
)]

/// Types of all interfaces, and what a plugin may import. Only what is called ends up in the component.
pub mod imports {
    wit_bindgen::generate!({
        path: [
            "../wit/types",
            "../wit/log",
            "../wit/budget",
            "../wit/records",
            "../wit/http",
            "../wit/storage",
        ],
        inline: "
            package mortise:guest;
            world imports {
                import mortise:types/values@1.0.0;
                import mortise:types/calls@1.0.0;
                import mortise:log/log@1.0.0;
                import mortise:budget/budget@1.0.0;
                import mortise:records/read@1.0.0;
                import mortise:records/write@1.0.0;
                import mortise:http/client@1.0.0;
                import mortise:storage/kv@1.0.0;
            }
        ",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "imports",
        pub_export_macro: true,
    });
}

/// Exports `mortise:validation/validator`.
pub mod validator {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/validation"],
        inline: "
            package mortise:guest;
            world validator {
                export mortise:validation/validator@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "validator",
        pub_export_macro: true,
        export_macro_name: "export_validator",
        default_bindings_module: "mortise_sdk::bindings::validator",
    });
}

/// Exports `mortise:hooks/before-save`.
pub mod before_save {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/hooks"],
        inline: "
            package mortise:guest;
            world before-save {
                export mortise:hooks/before-save@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "before_save",
        pub_export_macro: true,
        export_macro_name: "export_before_save",
        default_bindings_module: "mortise_sdk::bindings::before_save",
    });
}

/// Exports `mortise:hooks/after-commit`.
pub mod after_commit {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/hooks"],
        inline: "
            package mortise:guest;
            world after-commit {
                export mortise:hooks/after-commit@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "after_commit",
        pub_export_macro: true,
        export_macro_name: "export_after_commit",
        default_bindings_module: "mortise_sdk::bindings::after_commit",
    });
}

/// Exports `mortise:workflow/action`.
pub mod action {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/workflow"],
        inline: "
            package mortise:guest;
            world action {
                export mortise:workflow/action@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "action",
        pub_export_macro: true,
        export_macro_name: "export_action",
        default_bindings_module: "mortise_sdk::bindings::action",
    });
}

/// Exports `mortise:expression/functions`.
pub mod function {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/expression"],
        inline: "
            package mortise:guest;
            world function {
                export mortise:expression/functions@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "function",
        pub_export_macro: true,
        export_macro_name: "export_function",
        default_bindings_module: "mortise_sdk::bindings::function",
    });
}

/// Exports `mortise:assignment/scorer`.
pub mod scorer {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/assignment"],
        inline: "
            package mortise:guest;
            world scorer {
                export mortise:assignment/scorer@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "scorer",
        pub_export_macro: true,
        export_macro_name: "export_scorer",
        default_bindings_module: "mortise_sdk::bindings::scorer",
    });
}

/// Exports `mortise:assignment/assigner`.
pub mod assigner {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/assignment"],
        inline: "
            package mortise:guest;
            world assigner {
                export mortise:assignment/assigner@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "assigner",
        pub_export_macro: true,
        export_macro_name: "export_assigner",
        default_bindings_module: "mortise_sdk::bindings::assigner",
    });
}

/// Exports `mortise:dashboards/provider`.
pub mod provider {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/dashboards"],
        inline: "
            package mortise:guest;
            world provider {
                export mortise:dashboards/provider@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "provider",
        pub_export_macro: true,
        export_macro_name: "export_provider",
        default_bindings_module: "mortise_sdk::bindings::provider",
    });
}

/// Exports `mortise:documents/renderer`.
pub mod renderer {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/documents"],
        inline: "
            package mortise:guest;
            world renderer {
                export mortise:documents/renderer@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "renderer",
        pub_export_macro: true,
        export_macro_name: "export_renderer",
        default_bindings_module: "mortise_sdk::bindings::renderer",
    });
}

/// Exports `mortise:jobs/job`.
pub mod job {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/jobs"],
        inline: "
            package mortise:guest;
            world job {
                export mortise:jobs/job@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "job",
        pub_export_macro: true,
        export_macro_name: "export_job",
        default_bindings_module: "mortise_sdk::bindings::job",
    });
}

/// Exports `mortise:connectors/connector`.
pub mod connector {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/connectors"],
        inline: "
            package mortise:guest;
            world connector {
                export mortise:connectors/connector@1.0.0;
            }
        ",
        with: {
            "mortise:types/values@1.0.0": crate::bindings::imports::mortise::types::values,
            "mortise:types/calls@1.0.0": crate::bindings::imports::mortise::types::calls,
        },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        type_section_suffix: "connector",
        pub_export_macro: true,
        export_macro_name: "export_connector",
        default_bindings_module: "mortise_sdk::bindings::connector",
    });
}
