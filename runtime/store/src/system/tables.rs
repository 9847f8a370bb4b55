//! The system tables as they are in a new tenant, and which version each belongs to. What a table means is said by the
//! module that owns its statements, here or in the engine.

use mortise_expr::Type;

/// A table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Version of the system tables that brought it.
    pub(super) since: i64,
    pub(super) columns: &'static [Column],
    pub(super) tail: &'static str,
    pub(super) indexes: &'static [(&'static str, &'static str)],
}

/// Name, kind, and what follows the type in its definition.
pub(super) type Column = (&'static str, Kind, &'static str);

#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Integer primary key that counts by itself.
    Serial,
    /// A plain column.
    Plain(&'static Type),
    /// Bytes.
    Bytes,
}

pub(super) const INT: Kind = Kind::Plain(&Type::Int);
pub(super) const TEXT: Kind = Kind::Plain(&Type::Text);
pub(super) const ID: Kind = Kind::Plain(&Type::Id);
pub(super) const TIME: Kind = Kind::Plain(&Type::DateTime);
pub(super) const BOOL: Kind = Kind::Plain(&Type::Bool);

/// Columns that tables of earlier versions got later: version, table, columns.
pub(super) const ADDED: &[(i64, &str, &[&str])] = &[
    (2, "_event", &["audit", "cause", "depth", "rule", "detail"]),
    (2, "_audit_head", &["model"]),
    (3, "_lane", &["worked_at"]),
    (4, "_work", &["ended_at"]),
];

/// Indexes that tables of earlier versions got later: version, table, index, columns. They are made for new tenants, too.
pub(super) const INDEXED: &[(i64, &str, &str, &str)] = &[
    // What is old is found without reading what is not.
    (4, "_work", "_work_ended", "(ended_at) WHERE ended_at IS NOT NULL"),
    (4, "_work", "_work_event", "(event) WHERE event IS NOT NULL"),
    (4, "_delivery", "_delivery_ended", "(state, ended_at)"),
    (4, "_inbox", "_inbox_read", "(read_at) WHERE read_at IS NOT NULL"),
];

/// All tables.
pub(super) fn all() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain(super::plugin_tables::TABLES).chain(super::face_tables::TABLES)
}

const TABLES: &[Table] = &[
    Table {
        name: "_meta",
        since: 1,
        columns: &[("name", TEXT, "NOT NULL PRIMARY KEY"), ("value", TEXT, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_audit",
        since: 1,
        columns: &[
            ("seq", INT, "NOT NULL PRIMARY KEY"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("action", TEXT, "NOT NULL"),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("version", INT, ""),
            ("channel", TEXT, "NOT NULL"),
            ("ip", TEXT, ""),
            ("device", TEXT, ""),
            ("changes", TEXT, "NOT NULL"),
            ("hash", Kind::Bytes, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_audit_record", "(record, seq)")],
    },
    Table {
        name: "_audit_head",
        since: 1,
        columns: &[
            ("seq", INT, "NOT NULL"),
            ("hash", Kind::Bytes, "NOT NULL"),
            ("model", INT, "NOT NULL DEFAULT 0"),
        ],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_event",
        since: 1,
        columns: &[
            ("seq", Kind::Serial, ""),
            ("at", TIME, "NOT NULL"),
            ("kind", TEXT, "NOT NULL"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("version", INT, "NOT NULL"),
            ("actor", ID, ""),
            ("audit", INT, ""),
            ("cause", INT, ""),
            ("depth", INT, "NOT NULL DEFAULT 0"),
            ("rule", TEXT, ""),
            ("detail", TEXT, ""),
        ],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_definition",
        since: 1,
        columns: &[
            ("app", TEXT, "NOT NULL"),
            ("number", INT, "NOT NULL"),
            ("version", TEXT, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("digest", TEXT, "NOT NULL"),
            ("current", BOOL, "NOT NULL"),
            ("files", TEXT, "NOT NULL"),
        ],
        tail: ", PRIMARY KEY (app, number)",
        indexes: &[],
    },
    Table {
        name: "_overlay",
        since: 1,
        columns: &[("app", TEXT, "NOT NULL PRIMARY KEY"), ("patch", TEXT, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_setting",
        since: 1,
        columns: &[("app", TEXT, "NOT NULL"), ("name", TEXT, "NOT NULL"), ("value", TEXT, "NOT NULL")],
        tail: ", PRIMARY KEY (app, name)",
        indexes: &[],
    },
    Table {
        name: "_sequence",
        since: 1,
        columns: &[("name", TEXT, "NOT NULL PRIMARY KEY"), ("value", INT, "NOT NULL")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_idempotency",
        since: 1,
        columns: &[
            ("key", TEXT, "NOT NULL PRIMARY KEY"),
            ("at", TIME, "NOT NULL"),
            ("request", TEXT, "NOT NULL"),
            ("answer", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_idempotency_at", "(at)")],
    },
    Table {
        name: "_comment",
        since: 1,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("text", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_comment_record", "(record, at)")],
    },
    Table {
        name: "_file",
        since: 1,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("sha256", TEXT, "NOT NULL"),
            ("name", TEXT, "NOT NULL"),
            ("type", TEXT, "NOT NULL"),
            ("size", INT, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("actor", ID, ""),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("field", TEXT, ""),
        ],
        tail: "",
        indexes: &[("_file_record", "(record)")],
    },
    Table {
        name: "_lane",
        since: 2,
        columns: &[("position", INT, "NOT NULL"), ("epoch", INT, "NOT NULL"), ("worked_at", TIME, "")],
        tail: "",
        indexes: &[],
    },
    Table {
        name: "_work",
        since: 2,
        columns: &[
            ("id", Kind::Serial, ""),
            ("at", TIME, "NOT NULL"),
            ("event", INT, ""),
            ("timer", ID, ""),
            ("handler", TEXT, "NOT NULL"),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("attempts", INT, "NOT NULL"),
            ("next_at", TIME, ""),
            ("state", TEXT, "NOT NULL"),
            ("error", TEXT, ""),
            ("payload", TEXT, ""),
            ("ended_at", TIME, ""),
        ],
        tail: "",
        indexes: &[("_work_next", "(state, next_at)"), ("_work_record", "(record)")],
    },
    Table {
        name: "_timer",
        since: 2,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("due", TIME, "NOT NULL"),
            ("kind", TEXT, "NOT NULL"),
            ("target", TEXT, "NOT NULL"),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("clock", ID, ""),
            ("payload", TEXT, ""),
        ],
        tail: "",
        indexes: &[("_timer_due", "(due, id)"), ("_timer_record", "(record)"), ("_timer_clock", "(clock)")],
    },
    Table {
        name: "_clock",
        since: 2,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("sla", TEXT, "NOT NULL"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("state", TEXT, "NOT NULL"),
            ("current", BOOL, "NOT NULL"),
            ("started_at", TIME, "NOT NULL"),
            ("due_at", TIME, ""),
            ("paused_at", TIME, ""),
            ("ended_at", TIME, ""),
            ("since", TIME, "NOT NULL"),
            ("counted", INT, "NOT NULL"),
            ("limit_us", INT, "NOT NULL"),
            ("breached", BOOL, "NOT NULL"),
            ("fired", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[
            ("_clock_record", "(record, sla)"),
            ("_clock_due", "(sla, state, due_at)"),
            ("_clock_sla", "(sla, state, id)"),
        ],
    },
    Table {
        name: "_freeze",
        since: 2,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("person", ID, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("until", TIME, ""),
            ("lifted_at", TIME, ""),
            ("reason", TEXT, "NOT NULL"),
            ("rule", TEXT, ""),
        ],
        tail: "",
        indexes: &[("_freeze_person", "(person, record)"), ("_freeze_record", "(record)")],
    },
    Table {
        name: "_assignment",
        since: 2,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("at", TIME, "NOT NULL"),
            ("policy", TEXT, "NOT NULL"),
            ("digest", TEXT, "NOT NULL"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("person", ID, ""),
            ("day", TEXT, "NOT NULL"),
            ("kind", TEXT, "NOT NULL"),
            ("detail", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_assignment_record", "(record, at)"), ("_assignment_day", "(policy, day, person)")],
    },
    Table {
        name: "_inbox",
        since: 2,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("person", ID, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("notification", TEXT, "NOT NULL"),
            ("title", TEXT, "NOT NULL"),
            ("body", TEXT, "NOT NULL"),
            ("entity", TEXT, ""),
            ("record", ID, ""),
            ("read_at", TIME, ""),
        ],
        tail: "",
        indexes: &[("_inbox_person", "(person, at)"), ("_inbox_unread", "(person, read_at)")],
    },
    Table {
        name: "_delivery",
        since: 2,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("at", TIME, "NOT NULL"),
            ("channel", TEXT, "NOT NULL"),
            ("target", TEXT, "NOT NULL"),
            ("payload", TEXT, "NOT NULL"),
            ("state", TEXT, "NOT NULL"),
            ("attempts", INT, "NOT NULL"),
            ("next_at", TIME, ""),
            ("ended_at", TIME, ""),
            ("error", TEXT, ""),
            ("notification", TEXT, ""),
            ("entity", TEXT, ""),
            ("record", ID, ""),
        ],
        tail: "",
        indexes: &[("_delivery_next", "(state, next_at)"), ("_delivery_record", "(record)")],
    },
    Table {
        name: "_received",
        since: 2,
        columns: &[
            ("connector", TEXT, "NOT NULL"),
            ("key", TEXT, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
            ("record", ID, ""),
        ],
        tail: ", PRIMARY KEY (connector, key)",
        indexes: &[("_received_at", "(at)")],
    },
    Table {
        name: "_endpoint",
        since: 2,
        columns: &[
            ("connector", TEXT, "NOT NULL PRIMARY KEY"),
            ("url", TEXT, "NOT NULL"),
            ("secret", TEXT, ""),
            ("options", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[],
    },
];
