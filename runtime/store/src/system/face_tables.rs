//! The system tables of the pages: what people choose for themselves, filters they keep, what is known of photos, and
//! where people get stuck. None of them holds what a record says.

use super::tables::{BOOL, ID, INT, Kind, TEXT, TIME, Table};

pub(super) const TABLES: &[Table] = &[
    // A filter of a list that somebody gave a name. `query` has the parameters of the list as JSON.
    Table {
        name: "_saved_filter",
        since: 6,
        columns: &[
            ("id", ID, "NOT NULL PRIMARY KEY"),
            ("entity", TEXT, "NOT NULL"),
            ("owner", ID, "NOT NULL"),
            ("name", TEXT, "NOT NULL"),
            ("query", TEXT, "NOT NULL"),
            ("shared", BOOL, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_saved_filter_entity", "(entity, owner)")],
    },
    // What a person chose for themselves: widths and order of columns, for example. `value` is JSON.
    Table {
        name: "_choice",
        since: 6,
        columns: &[
            ("person", ID, "NOT NULL"),
            ("name", TEXT, "NOT NULL"),
            ("value", TEXT, "NOT NULL"),
            ("at", TIME, "NOT NULL"),
        ],
        tail: ", PRIMARY KEY (person, name)",
        indexes: &[],
    },
    // What a photo was before it was marked: `hash_original` is the SHA-256 of what the camera gave, `dhash` the 64 bits
    // by which pictures that look alike are found, `place` the point as JSON.
    Table {
        name: "_photo",
        since: 6,
        columns: &[
            ("file", ID, "NOT NULL PRIMARY KEY"),
            ("hash_original", TEXT, "NOT NULL"),
            ("dhash", INT, "NOT NULL"),
            ("at", TIME, ""),
            ("place", TEXT, ""),
            ("person", ID, ""),
        ],
        tail: "",
        indexes: &[("_photo_hash", "(hash_original)"), ("_photo_dhash", "(dhash)"), ("_photo_at", "(at)")],
    },
    // Who signed when, and what: `hash` is the SHA-256 of what the record said then.
    Table {
        name: "_signature",
        since: 6,
        columns: &[
            ("file", ID, "NOT NULL PRIMARY KEY"),
            ("entity", TEXT, "NOT NULL"),
            ("record", ID, "NOT NULL"),
            ("field", TEXT, "NOT NULL"),
            ("person", ID, ""),
            ("at", TIME, "NOT NULL"),
            ("hash", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_signature_record", "(record)")],
    },
    // What happened on a form: opened, left, saved, refused; how long a field took. Never what was typed. `visit` ties
    // together what belongs to one opening of a form, and names nobody; `roles` are those of whoever had it open, `|` around each.
    Table {
        name: "_interaction",
        since: 6,
        columns: &[
            ("seq", Kind::Serial, ""),
            ("at", TIME, "NOT NULL"),
            ("visit", ID, "NOT NULL"),
            ("kind", TEXT, "NOT NULL"),
            ("entity", TEXT, ""),
            ("form", TEXT, ""),
            ("field", TEXT, ""),
            ("code", TEXT, ""),
            ("millis", INT, ""),
            ("device", TEXT, ""),
            ("roles", TEXT, "NOT NULL"),
        ],
        tail: "",
        indexes: &[("_interaction_form", "(entity, form, at)"), ("_interaction_at", "(at)")],
    },
];
