//! The guests: what each does with a record whose name begins with a W, and how that has to end.

use mortise_plugin_host::manifest::Point;
use serde_json::{Value as Json, json};

/// A plugin that means harm.
pub(super) struct Guest {
    pub(super) name: &'static str,
    pub(super) point: Point,
    /// Rights that its manifest asks for, and those that it is given.
    pub(super) asked: Json,
    pub(super) granted: Json,
    pub(super) imports: &'static str,
    /// What its module has beside the function.
    pub(super) extra: &'static str,
    pub(super) body: String,
    /// What the run log says: a code, and a word of the message.
    pub(super) outcome: &'static str,
    pub(super) detail: &'static str,
    /// What whoever saves is told.
    pub(super) refusal: &'static str,
}

impl Guest {
    fn new(
        name: &'static str,
        body: impl Into<String>,
        outcome: &'static str,
        detail: &'static str,
    ) -> Guest {
        Guest {
            name,
            point: Point::Validator,
            asked: json!({}),
            granted: json!({}),
            imports: "",
            extra: "",
            body: body.into(),
            outcome,
            detail,
            refusal: "plugin.failed",
        }
    }

    fn importing(self, imports: &'static str) -> Guest {
        Guest { imports, ..self }
    }

    fn with(self, extra: &'static str) -> Guest {
        Guest { extra, ..self }
    }

    fn asking(self, asked: Json, granted: Json) -> Guest {
        Guest { asked, granted, ..self }
    }

    /// What can be declared for its failure: what a hook changes cannot be put off.
    pub(super) fn policies(&self) -> &'static [&'static str] {
        match self.point {
            Point::BeforeSave => &["reject", "skip"],
            _ => &["reject", "skip", "defer"],
        }
    }

    fn hook(self) -> Guest {
        Guest { point: Point::BeforeSave, ..self }
    }
}

const LIMIT: &str = "plugin.run.limit";
const TRAP: &str = "plugin.run.trap";
const OUTPUT: &str = "plugin.run.output";
const FAULT: &str = "plugin.run.fault";

const LOG: &str = r#"(import "mortise:log/log@1.0.0" "write" (func $log (param i32 i32 i32 i32)))"#;
const LEFT: &str = r#"(import "mortise:budget/budget@1.0.0" "remaining" (func $left (param i32)))"#;

/// Those that take more than there is.
pub(super) fn limits() -> Vec<Guest> {
    let endless = "(loop $again (br $again)) (i32.const 1024)";
    let memory = "(loop $more (drop (memory.grow (i32.const 16))) (br $more)) (i32.const 1024)";
    let table = "(loop $more (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $more)) (i32.const 1024)";
    let deeper = "(func $deeper (param i32) (result i32) \
        (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))";
    // Twenty-five violations of four megabytes each, all the same ones.
    let hundred = "(drop (memory.grow (i32.const 100))) \
        (loop $more \
            (i32.store offset=2068 (i32.mul (local.get $i) (i32.const 28)) (i32.const 131072)) \
            (i32.store offset=2072 (i32.mul (local.get $i) (i32.const 28)) (i32.const 4000000)) \
            (local.set $i (i32.add (local.get $i) (i32.const 1))) \
            (br_if $more (i32.lt_u (local.get $i) (i32.const 25)))) \
        (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 25)) (i32.const 1024)";
    let line = "(loop $more (call $log (i32.const 64) (i32.const 4) (i32.const 72) (i32.const 5)) (br $more)) \
        (i32.const 1024)";
    let novel = "(call $log (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 15000)) (i32.const 1024)";
    let calls = "(loop $more (call $left (i32.const 2048)) (br $more)) (i32.const 1024)";
    let resources = r#"(import "[export]test:extra/things@1.0.0" "[resource-new]thing"
        (func $new (param i32) (result i32)))"#;
    let make = r#"(func (export "test:extra/things@1.0.0#make") (result i32) (call $new (i32.const 1)))"#;
    let many = "(loop $more (drop (call $new (i32.const 1))) (br $more)) (i32.const 1024)";
    vec![
        Guest::new("endless-loop", endless, LIMIT, "cpu-ms"),
        Guest::new("memory-bomb", memory, LIMIT, "memory-bytes"),
        Guest::new("table-bomb", table, LIMIT, "table-elements").with("(table $table 1 funcref)"),
        Guest::new("deep-recursion", "(drop (call $deeper (i32.const 0))) (i32.const 1024)", TRAP, "stack")
            .with(deeper),
        Guest::new("hundred-megabytes", hundred, LIMIT, "output-bytes"),
        Guest::new("log-flood", line, LIMIT, "log-lines")
            .importing(LOG)
            .with(r#"(data (i32.const 64) "warn    hello")"#),
        Guest::new("log-novel", novel, LIMIT, "log-bytes").importing(LOG),
        Guest::new("host-call-flood", calls, LIMIT, "host-calls").importing(LEFT),
        Guest::new("many-resources", many, LIMIT, "handles").importing(resources).with(make),
        Guest::new("trap", "(unreachable)", TRAP, "unreachable"),
    ]
}

/// A hook that sets one field: its name, the kind of its value, and the eight bytes that go with that.
fn set(name: (i32, i32), kind: i32, value: &str) -> String {
    let (at, length) = name;
    format!(
        "(i32.store8 (i32.const 1032) (i32.const 1)) \
         (i32.store (i32.const 1040) (i32.const 2048)) (i32.store (i32.const 1044) (i32.const 1)) \
         (i32.store (i32.const 2048) (i32.const {at})) (i32.store (i32.const 2052) (i32.const {length})) \
         (i32.store8 (i32.const 2056) (i32.const {kind})) (i64.store (i32.const 2064) {value}) \
         (i64.store (i32.const 2072) (i64.const 0x3_00000070)) \
         (i32.const 1024)"
    )
}

/// `note` at 64, `size` at 68, `other` at 72, `name` at 77, `thing` at 88, text with a NUL at 96, `xyz` at 112.
const WORDS: &str = r#"(data (i32.const 64) "notesizeothername       thing   a\00b             xyz")"#;
const NOTE: (i32, i32) = (64, 4);
const SIZE: (i32, i32) = (68, 4);
const OTHER: (i32, i32) = (72, 5);
const NAME: (i32, i32) = (77, 4);

/// Those whose answers are none.
pub(super) fn answers() -> Vec<Guest> {
    let violation = |at: i64, length: i64| {
        format!(
            "(i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1)) \
             (i32.store (i32.const 2068) (i32.const {at})) (i32.store (i32.const 2072) (i32.const {length})) \
             (i32.const 1024)"
        )
    };
    let hook =
        |name, body: String, outcome, detail| Guest::new(name, body, outcome, detail).hook().with(WORDS);
    let cannot_set = |name, body| Guest { refusal: "plugin.cannot_set", ..hook(name, body, OUTPUT, "") };
    let text = "(i64.const 0x3_00000070)";
    vec![
        Guest::new("no-utf-8", violation(64, 3), TRAP, "utf-8").with(r#"(data (i32.const 64) "\ff\fe\fd")"#),
        Guest::new("outside-of-memory", violation(-8, 100), TRAP, ""),
        Guest::new("unknown-case", "(i32.store8 (i32.const 1024) (i32.const 7)) (i32.const 1024)", TRAP, ""),
        Guest::new("answer-at-no-address", "(i32.const -4)", TRAP, ""),
        hook(
            "not-a-number",
            set(SIZE, 3, "(i64.reinterpret_f64 (f64.const nan))"),
            OUTPUT,
            "no finite number",
        ),
        hook("infinity", set(SIZE, 3, "(i64.reinterpret_f64 (f64.const inf))"), OUTPUT, "no finite number"),
        hook("no-decimal", set(SIZE, 4, text), OUTPUT, "no decimal"),
        hook("no-json", set(NOTE, 11, text), OUTPUT, "no JSON"),
        hook("undeclared-field", set(NAME, 5, text), OUTPUT, "not among the fields"),
        cannot_set("wrong-type", set(SIZE, 5, text)),
        cannot_set("forged-id", set(OTHER, 9, "(i64.const 0x5_00000058)")),
        cannot_set("nul-in-text", set(NOTE, 5, "(i64.const 0x3_00000060)")),
    ]
}

const GET: &str =
    r#"(import "mortise:records/read@1.0.0" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32)))"#;
const SEND: &str = r#"(import "mortise:http/client@1.0.0" "send" (func $send
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// Those that reach for what was not granted, and hand on what they are told.
pub(super) fn rights() -> Vec<Guest> {
    // `thing` at 64, `note` at 96, and at 80 a list with that text.
    let words = r#"(data (i32.const 64) "thing") (data (i32.const 80) "\60\00\00\00\04\00\00\00") (data (i32.const 96) "note")"#;
    let read = "(call $get (i32.const 64) (i32.const 5) (local.get $name) (i32.const 4) (i32.const 80) \
        (i32.const 1) (i32.const 1024)) \
        (if (i32.eqz (i32.load8_u (i32.const 1024))) (then (i64.store (i32.const 1032) (i64.const 0)))) \
        (i32.const 1024)";
    let reads = |fields: &[&str]| json!({"records.read": [{"entity": "thing", "fields": fields}]});
    let url = r#"(data (i32.const 64) "GET     https://api.example.com/v1")"#;
    let none = "(i32.const 0) ".repeat(10);
    let send = format!(
        "(call $send (i32.const 64) (i32.const 3) (i32.const 72) (i32.const 26) {none} (i32.const 1024)) \
         (if (i32.eqz (i32.load8_u (i32.const 1024))) (then unreachable)) (i32.const 1024)"
    );
    let http = json!({"http": [{"host": "https://api.example.com", "methods": ["GET"]}]});
    let denied = |name, granted: Json| {
        let guest = Guest::new(name, read, FAULT, "may not").importing(GET).with(words);
        guest.asking(reads(&["name", "note"]), granted)
    };
    vec![
        denied("ungranted-field", reads(&["name"])),
        denied("ungranted-kind", json!({})),
        // Nobody waits for other systems while somebody saves, whatever was granted.
        Guest::new("blocks-on-http", send, FAULT, "").importing(SEND).with(url).asking(http.clone(), http),
    ]
}

/// Those that drown whoever reads, with how many complaints are left of it.
pub(super) fn floods() -> Vec<(Guest, usize)> {
    // Its own fault, in half a megabyte, and as many violations as fit into the limit, with NULs in them.
    let fault = "(i32.store8 (i32.const 1024) (i32.const 1)) (drop (memory.grow (i32.const 16))) \
        (i32.store (i32.const 1032) (i32.const 131072)) (i32.store (i32.const 1036) (i32.const 200000)) \
        (i32.store (i32.const 1040) (i32.const 131072)) (i32.store (i32.const 1044) (i32.const 500000)) \
        (i32.const 1024)";
    let violations = "(drop (memory.grow (i32.const 16))) \
        (i32.store (i32.const 1032) (i32.const 131072)) (i32.store (i32.const 1036) (i32.const 8000)) \
        (loop $more \
            (i32.store offset=131092 (i32.mul (local.get $i) (i32.const 28)) (i32.const 64)) \
            (i32.store offset=131096 (i32.mul (local.get $i) (i32.const 28)) (i32.const 3)) \
            (local.set $i (i32.add (local.get $i) (i32.const 1))) \
            (br_if $more (i32.lt_u (local.get $i) (i32.const 8000)))) \
        (i32.const 1024)";
    let novel = "(drop (memory.grow (i32.const 16))) \
        (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1)) \
        (i32.store (i32.const 2060) (i32.const 131072)) (i32.store (i32.const 2064) (i32.const 100000)) \
        (i32.store (i32.const 2068) (i32.const 131072)) (i32.store (i32.const 2072) (i32.const 500000)) \
        (i32.const 1024)";
    let nul = r#"(data (i32.const 64) "a\00b")"#;
    vec![
        (Guest::new("long-fault", fault, FAULT, ""), 1),
        (Guest::new("many-violations", violations, "", "").with(nul), 100),
        (Guest::new("long-violation", novel, "", ""), 1),
    ]
}

/// Reads the note of the thing whose id stands behind the W, after a save, and tells what it found as its fault.
pub(super) fn reader() -> Guest {
    let words = r#"(data (i32.const 64) "thing") (data (i32.const 80) "\60\00\00\00\04\00\00\00") (data (i32.const 96) "note")"#;
    let body = "(call $get (i32.const 64) (i32.const 5) (i32.add (local.get $name) (i32.const 1)) (i32.const 36) \
        (i32.const 80) (i32.const 1) (i32.const 1024)) \
        (if (i32.load8_u (i32.const 1024)) (then (return (i32.const 1024)))) \
        (if (i32.eqz (i32.load8_u (i32.const 1032))) (then (return (i32.const 1024)))) \
        (local.set $i (i32.load (i32.const 1056))) \
        (i32.store8 (i32.const 1024) (i32.const 1)) \
        (i32.store (i32.const 1032) (i32.const 64)) (i32.store (i32.const 1036) (i32.const 5)) \
        (i32.store (i32.const 1040) (i32.load offset=16 (local.get $i))) \
        (i32.store (i32.const 1044) (i32.load offset=20 (local.get $i))) \
        (i64.store (i32.const 1048) (i64.const 0)) (i32.const 1024)";
    let reads = json!({"records.read": [{"entity": "thing", "fields": ["note"]}]});
    let guest = Guest::new("reader", body, FAULT, "").importing(GET).with(words).asking(reads.clone(), reads);
    Guest { point: Point::AfterCommit, ..guest }
}
