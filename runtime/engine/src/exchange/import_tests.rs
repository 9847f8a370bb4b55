//! Tests of imports and exports on a real tenant with the shipped apps.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono_tz::Asia::Shanghai;
use mortise_definition::model::system;
use tempfile::TempDir;

use super::*;
use crate::demo::tests::{directory, tenant_with_templates};
use crate::people::{Actor, Channel, Origin};
use crate::query::Query;
use crate::{Engine, Error, Record, Tenant};

const LEAD: &str = "lead-management.lead";

struct World {
    folder: TempDir,
    _engine: Engine,
    tenant: Arc<Tenant>,
}

impl World {
    async fn new() -> World {
        let (folder, engine, tenant, _) = tenant_with_templates().await;
        World { folder, _engine: engine, tenant }
    }

    /// Somebody of the demo, on a page.
    fn person(&self, login: &str) -> Actor {
        let directory = self.tenant.directory();
        let id = directory.users().find(|user| user.login == login).unwrap().id;
        let origin = Origin { channel: Channel::Page, ip: None, device: None };
        Actor { user: directory.context(id).unwrap(), origin }
    }

    fn importer(&self) -> Actor {
        Actor { origin: Origin { channel: Channel::Page, ip: None, device: None }, ..Actor::system(Shanghai) }
    }

    async fn upload(&self, actor: &Actor, name: &str, bytes: &[u8]) -> Result<Job, Error> {
        let stream = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(bytes))]);
        self.tenant.imports().upload(&self.tenant, actor, LEAD, name, stream).await
    }

    /// Starts an import and waits for its end.
    async fn import(&self, actor: &Actor, job: &Job, mapping: Option<Mapping>) -> Job {
        let imports = self.tenant.imports();
        imports.start(&self.tenant, actor, job.id, mapping).await.unwrap();
        self.end(actor, job).await
    }

    async fn end(&self, actor: &Actor, job: &Job) -> Job {
        loop {
            let job = self.tenant.imports().job(actor, job.id).unwrap();
            if job.state != State::Running {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn leads(&self) -> Vec<Record> {
        let query = Query { limit: 10_000, sort: vec![(system::ID, false)], ..Query::all(LEAD) };
        self.tenant.list(&self.importer(), &query).await.unwrap().rows
    }

    fn text(&self, record: &Record, field: &str) -> String {
        let model = self.tenant.model();
        let slot = model.entity(LEAD).unwrap().field(field).unwrap().slot;
        record.values[slot].as_text().unwrap_or_default().to_owned()
    }
}

/// What the guess proposes.
fn guessed(job: &Job) -> Mapping {
    let columns = job.guessed.iter().enumerate();
    let columns = columns.filter_map(|(column, field)| Some(ColumnMapping { column, field: field.clone()? }));
    Mapping { columns: columns.collect(), allow_duplicates: true, ..Mapping::default() }
}

fn numbered(rows: std::ops::Range<usize>) -> String {
    let row = |n: usize| format!("客户{n},{},第{n}号公司,需要报价\n", 13_800_000_000u64 + n as u64);
    "姓名,手机号,公司,需求\n".to_owned() + &rows.map(row).collect::<String>()
}

#[tokio::test]
async fn a_file_is_guessed_previewed_imported_and_its_wrong_rows_reported() {
    let world = World::new().await;
    let actor = world.importer();
    let text = "2026 年展会线索\n\n姓名*,手机号,公司名称,客户需求,线索等级,所在地区,状态,备用\n\
        王芳,138-0013-8000,上海明德医疗器械有限公司,需要报价,L2,上海,新线索,x\n\
        李雷,12345,北京公司,试用,L1,北京,新线索,\n\
        ,13900139000,无名公司,试用,,,,\n\
        韩梅,13700137000,某某公司,试用,L9,,未知,=1+1\n";
    let job = world.upload(&actor, "线索.csv", &encoding_rs::GBK.encode(text).0).await.unwrap();
    assert_eq!(job.sniffed.encoding.as_deref(), Some("gb18030"));
    assert_eq!(job.total_rows, 4);
    let fields =
        ["name", "phone", "company", "need", "grade", "region", "status"].map(|name| Some(name.to_owned()));
    assert_eq!(job.guessed[..7], fields);
    assert_eq!(job.guessed[7], None);

    let preview =
        world.tenant.imports().preview(&world.tenant, &actor, job.id, &Mapping::default()).await.unwrap();
    let told: Vec<(u64, Option<usize>, &str)> =
        preview.errors.iter().map(|error| (error.row, error.column, error.complaint.code.as_str())).collect();
    let expected = [
        (5, Some(1), "value.not_phone"),
        (6, Some(0), "field.required"),
        (7, Some(6), "value.not_choice"),
        (7, Some(4), "import.unknown_reference"),
    ];
    assert_eq!(told, expected);
    assert!(world.leads().await.is_empty(), "a preview writes nothing");

    let job = world.import(&actor, &job, Some(guessed(&job))).await;
    assert_eq!(job.state, State::Done, "{:?}", job.failure);
    assert_eq!((job.progress.created, job.progress.updated, job.progress.failed), (1, 0, 3));
    let leads = world.leads().await;
    assert_eq!(world.text(&leads[0], "phone"), "+8613800138000");
    assert!(
        leads[0].title(world.tenant.model().entity(LEAD).unwrap().field("grade").unwrap().slot).is_some()
    );

    let report = std::fs::read_to_string(world.tenant.imports().report(&actor, job.id).unwrap()).unwrap();
    let mut lines = report.trim_start_matches('\u{FEFF}').lines();
    assert_eq!(
        lines.next().unwrap(),
        "姓名*,手机号,公司名称,客户需求,线索等级,所在地区,状态,备用,Row,Errors"
    );
    assert!(lines.next().unwrap().starts_with("李雷,12345,北京公司,试用,L1,北京,新线索,,5,Phone: "));
    assert!(report.contains("'=1+1"), "formulas are made harmless");
}

#[tokio::test]
async fn importing_again_by_key_changes_records_instead_of_doubling_them() {
    let world = World::new().await;
    let actor = world.importer();
    let job = world.upload(&actor, "a.csv", numbered(0..30).as_bytes()).await.unwrap();
    world.import(&actor, &job, Some(guessed(&job))).await;

    // The same people with another company, two new ones, one of them twice.
    let again = numbered(20..32).replace("第", "新第") + "客户31,13800000031,最后的公司,需要报价\n";
    let job = world.upload(&actor, "b.csv", again.as_bytes()).await.unwrap();
    let mapping = Mapping { key: Some("phone".into()), ..guessed(&job) };
    let job = world.import(&actor, &job, Some(mapping)).await;
    assert_eq!(
        (job.progress.created, job.progress.updated, job.progress.failed),
        (2, 11, 0),
        "{:?}",
        job.errors
    );
    let leads = world.leads().await;
    assert_eq!(leads.len(), 32);
    let companies: Vec<String> = leads.iter().map(|lead| world.text(lead, "company")).collect();
    assert!(companies.contains(&"新第25号公司".to_owned()) && companies.contains(&"最后的公司".to_owned()));
}

#[tokio::test]
async fn after_a_crash_an_import_goes_on_without_doing_anything_twice() {
    let world = World::new().await;
    let actor = world.importer();
    let mut text = numbered(0..1_200);
    text.push_str("坏的,1,公司,需求\n");
    let job = world.upload(&actor, "a.csv", text.as_bytes()).await.unwrap();
    let done = world.import(&actor, &job, Some(guessed(&job))).await;
    assert_eq!((done.progress.created, done.progress.failed, done.progress.batches), (1_200, 1, 3));

    // As if the power had failed after the last commit, before the progress was written down.
    let path = world.folder.path().join(format!("tenants/acme/imports/{}/job.json", job.id));
    let before = Job {
        state: State::Running,
        progress: Progress { rows: 1_000, created: 1_000, batches: 2, ..Progress::default() },
        errors: Vec::new(),
        ..done.clone()
    };
    std::fs::write(&path, serde_json::to_vec(&before).unwrap()).unwrap();
    world.tenant.imports().resume(&world.tenant).unwrap();
    let again = world.end(&actor, &job).await;
    assert_eq!(again.state, State::Done, "{:?}", again.failure);
    assert_eq!(again.progress, done.progress);
    assert_eq!(again.errors, done.errors);
    assert_eq!(world.leads().await.len(), 1_200);
}

#[tokio::test]
async fn a_stopped_import_can_be_resumed() {
    let world = World::new().await;
    let actor = world.importer();
    let job = world.upload(&actor, "a.csv", numbered(0..3_000).as_bytes()).await.unwrap();
    let imports = world.tenant.imports();
    imports.start(&world.tenant, &actor, job.id, Some(guessed(&job))).await.unwrap();
    imports.cancel(&actor, job.id).unwrap();
    let stopped = world.end(&actor, &job).await;
    assert_eq!(stopped.state, State::Cancelled);
    assert!(stopped.progress.rows < 3_000);
    let done = world.import(&actor, &job, None).await;
    assert_eq!((done.state, done.progress.created), (State::Done, 3_000));
    assert_eq!(world.leads().await.len(), 3_000);
    assert!(matches!(imports.cancel(&actor, job.id), Err(Error::BadRequest(_))));
    imports.remove(&actor, job.id).unwrap();
    assert_eq!(imports.job(&actor, job.id).unwrap_err().code(), "import.not_found");
}

#[tokio::test]
async fn an_import_that_is_started_twice_is_done_once() {
    let world = World::new().await;
    let actor = world.importer();
    let job = world.upload(&actor, "a.csv", numbered(0..1_200).as_bytes()).await.unwrap();
    let imports = world.tenant.imports();
    let start = || imports.start(&world.tenant, &actor, job.id, Some(guessed(&job)));
    let (one, other) = tokio::join!(start(), start());
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    let refused = one.err().or(other.err()).unwrap();
    assert_eq!(refused.code(), "import.state");
    let done = world.end(&actor, &job).await;
    assert_eq!((done.state, done.progress.created), (State::Done, 1_200));
}

#[tokio::test]
async fn only_those_may_import_who_have_the_right_and_nobody_sees_others_imports() {
    let world = World::new().await;
    let seller = world.person("lin.xiaoyu");
    let refused = world.upload(&seller, "a.csv", b"a,b\n1,2\n").await.unwrap_err();
    assert_eq!(refused.code(), "permission.denied");
    let other = world.person("admin.chen");
    let job = world.upload(&other, "a.csv", numbered(0..2).as_bytes()).await.unwrap();
    assert_eq!(world.tenant.imports().job(&seller, job.id).unwrap_err().code(), "import.not_found");
    assert!(world.tenant.imports().list(&seller).unwrap().is_empty());
    let done = world.import(&other, &job, Some(guessed(&job))).await;
    assert_eq!((done.state, done.progress.created), (State::Done, 2), "{:?}", done.errors);
    // Rights are looked at again for every batch.
    let job = world.upload(&other, "b.csv", numbered(2..4).as_bytes()).await.unwrap();
    let mut people = crate::demo::Demo::read_folders(&crate::demo::tests::templates()).unwrap().people;
    people.users.retain(|user| user.login != "admin.chen");
    world.tenant.imports().start(&world.tenant, &other, job.id, Some(guessed(&job))).await.unwrap();
    world.tenant.set_directory(directory(&people));
    assert_ne!(world.end(&other, &job).await.state, State::Running);
}

#[tokio::test]
async fn wrong_files_and_mappings_are_refused_and_leave_nothing_behind() {
    let world = World::new().await;
    let actor = world.importer();
    assert_eq!(world.upload(&actor, "a.csv", b"").await.unwrap_err().code(), "file.empty");
    let wide = "a,".repeat(2_000);
    assert_eq!(
        world.upload(&actor, "a.csv", wide.as_bytes()).await.unwrap_err().code(),
        "file.too_many_columns"
    );
    assert!(world.tenant.imports().list(&actor).unwrap().is_empty());
    assert_eq!(std::fs::read_dir(world.folder.path().join("tenants/acme/imports")).unwrap().count(), 0);

    let job = world.upload(&actor, "a.csv", numbered(0..2).as_bytes()).await.unwrap();
    let column = |column: usize, field: &str| ColumnMapping { column, field: field.to_owned() };
    let refusals = [
        (vec![], None, "import.no_columns"),
        (vec![column(0, "nothing")], None, "import.unknown_field"),
        (vec![column(0, "completeness")], None, "import.unknown_field"),
        (vec![column(9, "name")], None, "import.unknown_column"),
        (vec![column(0, "name"), column(1, "name")], None, "import.field_twice"),
        (vec![column(0, "name")], Some("phone"), "import.no_key"),
        (vec![column(0, "grade")], Some("grade"), "import.key_type"),
    ];
    for (columns, key, code) in refusals {
        let mapping = Mapping { columns, key: key.map(str::to_owned), ..Mapping::default() };
        let refused =
            world.tenant.imports().start(&world.tenant, &actor, job.id, Some(mapping)).await.unwrap_err();
        assert_eq!(refused.code(), code);
        let words = format!("error.{code}");
        assert!(mortise_definition::locale::lookup("zh-CN", &words).is_some(), "{words} has no text");
    }
}

#[tokio::test]
async fn an_export_is_read_back_by_an_import() {
    let world = World::new().await;
    let actor = world.importer();
    let text = "姓名,手机号,公司,需求,线索等级,所在地区,预计金额\n\
        =cmd,13800138000,\"甲, 乙\",\"第一行\n第二行\",L2,广东/深圳,1.5万\n";
    let job = world.upload(&actor, "a.csv", text.as_bytes()).await.unwrap();
    let done = world.import(&actor, &job, Some(guessed(&job))).await;
    assert_eq!(done.progress.created, 1, "{:?}", done.errors);
    let before = world.leads().await;

    for format in [Format::Csv, Format::Xlsx] {
        let export = export(&world.tenant, &actor, Query::all(LEAD), format).await.unwrap();
        assert_eq!(export.rows, 1);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut { export.file }, &mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, export.bytes);
        if format == Format::Csv {
            assert!(bytes.starts_with(b"\xEF\xBB\xBF"));
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                text.contains("'=cmd") && text.contains("+8613800138000") && !text.contains("'+86"),
                "{text}"
            );
        }
        let job = world.upload(&actor, &export.name, &bytes).await.unwrap();
        let mapping = Mapping { key: Some("number".into()), ..guessed(&job) };
        assert!(mapping.columns.iter().any(|column| column.field == "number"), "{:?}", job.guessed);
        let done = world.import(&actor, &job, Some(mapping)).await;
        assert_eq!((done.progress.updated, done.progress.failed), (1, 0), "{format:?}: {:?}", done.errors);
        let after = world.leads().await;
        assert_eq!(before[0].values[system::FIRST..], after[0].values[system::FIRST..], "{format:?}");
    }
}

#[tokio::test]
async fn an_export_shows_what_the_person_may_see() {
    let world = World::new().await;
    let actor = world.importer();
    let mut text = numbered(0..4).replace("需求\n", "需求,负责人\n");
    text = text.replacen("需要报价\n", "需要报价,lin.xiaoyu\n", 1).replacen(
        "需要报价\n",
        "需要报价,wang.hao\n",
        1,
    );
    text = text.replace("需要报价\n", "需要报价,chen.junhao\n");
    let job = world.upload(&actor, "a.csv", text.as_bytes()).await.unwrap();
    assert_eq!(world.import(&actor, &job, Some(guessed(&job))).await.progress.created, 4);
    let lines = |export: Export| {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut { export.file }, &mut text).unwrap();
        text.lines().count() - 1
    };
    assert_eq!(lines(export(&world.tenant, &actor, Query::all(LEAD), Format::Csv).await.unwrap()), 4);
    let supervisor = world.person("zhao.lei");
    let seen = world.tenant.list(&supervisor, &Query::all(LEAD)).await.unwrap().rows.len();
    assert!(seen < 4);
    let exported = export(&world.tenant, &supervisor, Query::all(LEAD), Format::Csv).await.unwrap();
    assert_eq!(lines(exported), seen);
}

/// The old list of a sales team in four formats, with the faults that its README names.
#[tokio::test]
async fn the_old_list_gives_the_same_records_and_the_same_faults_in_every_format() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let readme = std::fs::read_to_string(data.join("README.md")).unwrap();
    let faults =
        readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u64>().ok());
    let faults: Vec<u64> = faults.collect();
    assert!(!faults.is_empty());
    for name in ["leads.csv", "leads-gbk.csv", "leads-utf16.csv", "leads.xlsx"] {
        let world = World::new().await;
        let actor = world.importer();
        let job = world.upload(&actor, name, &std::fs::read(data.join(name)).unwrap()).await.unwrap();
        assert!(job.guessed.iter().all(Option::is_some), "{name}: {:?} → {:?}", job.headers, job.guessed);
        let mapping = Mapping { allow_duplicates: false, ..guessed(&job) };
        let done = world.import(&actor, &job, Some(mapping)).await;
        let mut rows: Vec<u64> = done.errors.iter().map(|error| error.row).collect();
        rows.dedup();
        let found: Vec<u64> = rows.iter().copied().filter(|row| faults.contains(row)).collect();
        assert_eq!(found, faults, "{name}: {:?}", done.errors);
        // Two people of the list happen to have the name of somebody else.
        let odd = done.errors.iter().filter(|error| !faults.contains(&error.row));
        assert!(
            odd.clone().all(|error| error.complaint.code == "import.duplicate"),
            "{:?}",
            odd.collect::<Vec<_>>()
        );
        assert_eq!(done.progress.created, job.total_rows - rows.len() as u64);
    }
}
