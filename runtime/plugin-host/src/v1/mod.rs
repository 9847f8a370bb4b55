//! Version 1 of the interface: the types that wasmtime generates from WIT, their conversion to our own, and what the host
//! answers. Nothing outside of this module names a generated type except to call an export.

mod convert;
mod imports;

pub(crate) use convert::{Checked, answer, fields};

wasmtime::component::bindgen!({
    path: [
        "../../sdk/wit/types",
        "../../sdk/wit/log",
        "../../sdk/wit/budget",
        "../../sdk/wit/records",
        "../../sdk/wit/http",
        "../../sdk/wit/storage",
        "../../sdk/wit/validation",
        "../../sdk/wit/hooks",
        "../../sdk/wit/workflow",
        "../../sdk/wit/expression",
        "../../sdk/wit/assignment",
        "../../sdk/wit/dashboards",
        "../../sdk/wit/documents",
        "../../sdk/wit/jobs",
        "../../sdk/wit/connectors",
    ],
    inline: "
        package mortise:host;

        world everything {
            import mortise:log/log@1.0.0;
            import mortise:budget/budget@1.0.0;
            import mortise:records/read@1.0.0;
            import mortise:records/write@1.0.0;
            import mortise:http/client@1.0.0;
            import mortise:storage/kv@1.0.0;

            export mortise:validation/validator@1.0.0;
            export mortise:hooks/before-save@1.0.0;
            export mortise:hooks/after-commit@1.0.0;
            export mortise:workflow/action@1.0.0;
            export mortise:expression/functions@1.0.0;
            export mortise:assignment/scorer@1.0.0;
            export mortise:assignment/assigner@1.0.0;
            export mortise:dashboards/provider@1.0.0;
            export mortise:documents/renderer@1.0.0;
            export mortise:jobs/job@1.0.0;
            export mortise:connectors/connector@1.0.0;
        }
    ",
    imports: { default: async | trappable },
    exports: { default: async },
});

/// The generated types, by short names.
pub(crate) mod types {
    pub(crate) use super::exports::mortise::assignment::assigner::Candidate;
    pub(crate) use super::exports::mortise::assignment::scorer::{Reason, Scored};
    pub(crate) use super::exports::mortise::dashboards::provider::{Column, Table};
    pub(crate) use super::exports::mortise::documents::renderer::Document;
    pub(crate) use super::exports::mortise::hooks::before_save::Verdict;
    pub(crate) use super::exports::mortise::jobs::job::Progress;
    pub(crate) use super::exports::mortise::validation::validator::Violation;
    pub(crate) use super::exports::mortise::workflow::action::Outcome;
    pub(crate) use super::mortise::records::read::{Condition, Page, Query};
    pub(crate) use super::mortise::types::calls::{Call, Entry, Fault, Retry};
    pub(crate) use super::mortise::types::values::{Field, Other, Reference, Value};
}
