//! Two nodes on one PostgreSQL server: what one changes, the other goes by.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::desk::{desk, plain, thing};
use common::{Bench, check_bare, databases};
use mortise_engine::{
    Actor, Command, Engine, EngineOptions, Error, News, Outcome, RunOptions, System, Tenant,
};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc::unbounded_channel;

/// What is awaited comes in milliseconds; a machine that is busy takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tenant with the app `desk`, open on two nodes.
async fn check(test: impl AsyncFn(&Bench, &Engine, &Tenant)) {
    check_bare(async |bench: &Bench| {
        if bench.database != "postgres" {
            return;
        }
        bench.install(desk("1.0.0", vec![thing(vec![])])).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = EngineOptions {
            data_dir: folder.path().to_owned(),
            database: databases().pop().unwrap().1,
            env: Arc::new(System),
            file_bytes_max: mortise_engine::FILE_BYTES_MAX,
            plugins: mortise_engine::plugins::PluginOptions::default(),
        };
        let engine = Engine::open(options).await.unwrap();
        let tenant = engine.tenant(&bench.tenant.slug).await.unwrap();
        test(bench, &engine, &tenant).await;
        engine.shutdown().await;
    })
    .await;
}

async fn create(tenant: &Tenant, actor: &Actor, values: Json) -> Result<Json, Error> {
    let values = values.as_object().unwrap().clone();
    let command = Command::Create { entity: "desk.thing".into(), values, id: None, allow_duplicates: false };
    match tenant.run(actor, command, RunOptions::default()).await? {
        Outcome::Record(written) => {
            Ok(serde_json::from_slice(&tenant.written_json(actor, written).await?).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

/// Whether the definitions in force on a node have this field.
fn knows(tenant: &Tenant, field: &str) -> bool {
    tenant.model().entities[0].fields.iter().any(|known| known.name.as_ref() == field)
}

async fn count(tenant: &Tenant, actor: &Actor) -> i64 {
    let query = tenant.query(actor, "desk.thing", std::iter::empty()).unwrap();
    tenant.list(actor, &query).await.unwrap().total.unwrap().count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_heard_nothing_writes_by_the_definitions_in_force_all_the_same() {
    check(async |bench: &Bench, _engine: &Engine, tenant: &Tenant| {
        let admin = bench.admin();
        create(tenant, &admin, json!({"name": "one"})).await.unwrap();
        let mut fields = Vec::new();
        for (version, field) in [("1.1.0", "size"), ("1.2.0", "weight")] {
            fields.push(plain(field, "integer"));
            bench.install(desk(version, vec![thing(fields.clone())])).await.unwrap();
            // The write is refused inside, the definitions are read, and it is prepared again.
            let made = create(tenant, &admin, json!({"name": "two"})).await.unwrap();
            assert_eq!(made[field], Json::Null);
            assert!(knows(tenant, field));
            assert_eq!(create(tenant, &admin, json!({"name": "three", field: 3})).await.unwrap()[field], 3);
        }
        // And the other way round.
        fields.push(plain("colour", "text"));
        let package = Arc::new(desk("1.3.0", vec![thing(fields)]));
        tenant.install(&admin, package, &[]).await.unwrap();
        bench.create(&admin, "desk.thing", json!({"name": "four"})).await;
        assert!(knows(&bench.tenant, "colour"));
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_listens_follows_definitions_totals_and_people() {
    check(async |bench: &Bench, engine: &Engine, tenant: &Tenant| {
        let admin = bench.admin();
        let (send, mut news) = unbounded_channel();
        let slug = tenant.slug.clone();
        let listening = engine.listen(move |what| {
            if matches!(&what, News::People(other) if *other == slug) {
                let _ = send.send(what);
            }
        });
        let _listening = listening.await.unwrap().unwrap();
        assert_eq!(count(tenant, &admin).await, 0);
        bench.create(&admin, "desk.thing", json!({"name": "one"})).await;
        let counted = async {
            while count(tenant, &admin).await != 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.unwrap();
        bench.install(desk("1.1.0", vec![thing(vec![plain("size", "integer")])])).await.unwrap();
        let followed = async {
            while !knows(tenant, "size") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, followed).await.unwrap();
        bench.tenant.announce_people().await.unwrap();
        let told = tokio::time::timeout(PATIENCE, news.recv()).await.unwrap();
        assert_eq!(told, Some(News::People(tenant.slug.clone())));
    })
    .await;
}
