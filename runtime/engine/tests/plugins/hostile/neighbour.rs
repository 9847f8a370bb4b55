//! The tenant next door, while plugins of this one run wild: it waits for none of what they hold, and the slowest of its saves
//! take less than twice as long as when all is quiet. Nothing here depends on how fast the machine is: quiet and wild moments
//! take turns, and several of each kind that lie side by side are compared. Others may use the machine, too, and then it is
//! looked again: plugins that are in the way are so every time, and several times as much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mortise_engine::plugins::PluginOptions;
use mortise_engine::{
    Actor, Channel, Command, Database, Directory, Engine, EngineOptions, Origin, Person, RunOptions, System,
    Tenant,
};
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::code::Component;
use super::guests::{Guest, limits};
use super::{app, create, three};
use crate::common::databases;
use crate::support::{GOOD, manifest, package};

/// Saves of the neighbour in one moment.
const SAVES: usize = 40;
/// Moments of each kind that are compared, and most of them until the comparison is believed.
const SIDE_BY_SIDE: usize = 5;
const MOMENTS_MAX: usize = 30;
/// Wild saves that are over before a wild moment begins: by then the plugin has used up what any plugin may take at once.
const WARM_UP: u64 = 8;

/// Two tenants of one engine whose plugins have little time on a processor, but are never stopped from trying again.
struct Street {
    engine: Engine,
    wild: Arc<Tenant>,
    next: Arc<Tenant>,
    root: Actor,
    _folder: tempfile::TempDir,
}

impl Street {
    async fn open(database: Database, cpu_ms: u64) -> Street {
        let folder = tempfile::tempdir().unwrap();
        let mut plugins = PluginOptions::default();
        // Time on a processor ends a plugin; the clock on the wall is also that of everything else on this machine.
        (plugins.settings.save.cpu_ms, plugins.settings.save.wall_ms) = (cpu_ms, 120_000);
        plugins.settings.transaction.wall_ms = 120_000;
        plugins.settings.breaker.failures = u32::MAX;
        let options = EngineOptions {
            data_dir: folder.path().to_owned(),
            database,
            env: Arc::new(System),
            file_bytes_max: mortise_engine::FILE_BYTES_MAX,
            plugins,
        };
        let engine = Engine::open(options).await.unwrap();
        let slug = format!("t{}", &Uuid::new_v4().simple().to_string()[..12]);
        let wild = engine.tenant(&slug).await.unwrap();
        let next = engine.tenant(&format!("{slug}n")).await.unwrap();
        let root = staffed([&wild, &next]);
        for tenant in [&wild, &next] {
            tenant.install(&root, Arc::new(app()), &[]).await.unwrap();
        }
        let street = Street { engine, wild, next, root, _folder: folder };
        // The neighbour's saves are checked by a plugin, too, so that they need what the other's plugins hold.
        street.install(&street.next, package(&manifest("1.0.0", &json!({})), GOOD)).await;
        street
    }

    async fn install(&self, tenant: &Tenant, package: Vec<u8>) {
        let report = tenant.install_plugin(&self.root, package, None).await.unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }

    async fn save(&self) {
        let saved = self.next.run(&self.root, create("calm"), RunOptions::default()).await;
        saved.expect("the neighbour saves as always");
    }

    /// Saves of the neighbour, one after the other as requests come to a server, and how long each takes.
    async fn moment(&self) -> Vec<Duration> {
        let (tenant, root) = (self.next.clone(), self.root.clone());
        let saving = tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..SAVES {
                let begun = Instant::now();
                tenant.run(&root, create("calm"), RunOptions::default()).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        });
        saving.await.unwrap()
    }

    /// The same while people save again and again, each after this pause, what the wild plugin refuses in the end.
    async fn wild_moment(&self, wildness: &Wildness) -> Vec<Duration> {
        let (on, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let saving = (0..wildness.savers).map(|_| {
            let (tenant, root, pause) = (self.wild.clone(), self.root.clone(), wildness.pause);
            let (on, tries) = (on.clone(), tries.clone());
            tokio::spawn(async move {
                while on.load(Ordering::Relaxed) {
                    let saved = tenant.run(&root, create("Wild"), RunOptions::default()).await;
                    assert!(saved.is_err(), "the plugin is stopped, and the save with it");
                    tries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
            })
        });
        let saving: Vec<_> = saving.collect();
        while tries.load(Ordering::Relaxed) < WARM_UP {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let times = self.moment().await;
        on.store(false, Ordering::Relaxed);
        for saver in saving {
            saver.await.unwrap();
        }
        times
    }

    /// Whether the neighbour's saves take less than twice as long in wild moments as in quiet ones, at the 95th percentile.
    async fn is_spared(&self, wildness: &Wildness, seen: &mut Vec<(Duration, Duration)>) -> bool {
        while seen.len() < MOMENTS_MAX {
            seen.push((slowest(self.moment().await), slowest(self.wild_moment(wildness).await)));
            if let Some(last) = seen.last_chunk::<SIDE_BY_SIDE>()
                && middle(last.map(|(_, wild)| wild)) < 2 * middle(last.map(|(quiet, _)| quiet))
            {
                return true;
            }
        }
        false
    }

    async fn close(self) {
        for tenant in [self.wild, self.next] {
            let slug = tenant.slug.clone();
            drop(tenant);
            self.engine.drop_tenant_storage(&slug).await.unwrap();
        }
    }
}

/// How a plugin is made to run wild.
struct Wildness {
    guest: &'static str,
    savers: usize,
    /// Of a saver between two saves.
    pause: Duration,
}

const WILD: [Wildness; 2] = [
    Wildness { guest: "endless-loop", savers: 4, pause: Duration::ZERO },
    // It is refused at once: without a pause the saves themselves would be what is in the way, and not the plugin.
    Wildness { guest: "host-call-flood", savers: 1, pause: Duration::from_millis(5) },
];

/// Gives tenants the same administrator.
fn staffed(tenants: [&Tenant; 2]) -> Actor {
    let root =
        Person { administrator: true, language: Some("en".into()), ..Person::new(Uuid::new_v4(), "root") };
    for tenant in tenants {
        let people = vec![root.clone()];
        tenant.set_directory(Directory::new(people, Vec::new(), chrono_tz::Asia::Shanghai, "en".into()));
    }
    let user = tenants[0].directory().context(root.id).unwrap();
    Actor { user, origin: Origin { channel: Channel::Api, ip: None, device: None } }
}

fn guest(name: &str) -> Guest {
    limits().into_iter().find(|guest| guest.name == name).unwrap()
}

/// All but the slowest twentieth are faster.
fn slowest(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 95 / 100]
}

fn middle(mut times: [Duration; SIDE_BY_SIDE]) -> Duration {
    times.sort();
    times[SIDE_BY_SIDE / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbour_s_saves_take_less_than_twice_as_long_while_plugins_run_wild() {
    for (name, database) in databases() {
        let street = Street::open(database, 20).await;
        for wildness in &WILD {
            let wild = wildness.guest;
            let guest = guest(wild);
            let package = Component::of(&guest).package("test.wild", "1.0.0", &guest, "reject");
            street.install(&street.wild, package).await;
            let mut seen = Vec::new();
            let spared = street.is_spared(wildness, &mut seen).await;
            eprintln!("{name} {wild}: quiet and wild {seen:?}");
            assert!(spared, "{name} {wild}: {seen:?}");
            let calls = &street.wild.plugin_calls()["test.wild"];
            assert_eq!(calls.failures["plugin.run.limit"], calls.calls, "all of them ran wild");
            assert!(street.next.plugin_calls().values().all(|calls| calls.failures.is_empty()));
            street.wild.remove_plugin(&street.root, "test.wild", false).await.unwrap();
        }
        street.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbour_waits_neither_for_the_places_nor_for_the_writer_that_wild_plugins_hold() {
    for (name, database) in databases() {
        let street = Street::open(database, 5_000).await;
        let guest = guest("endless-loop");
        let package = Component::of(&guest).package("test.wild", "1.0.0", &guest, "reject");
        street.install(&street.wild, package).await;
        // One is asked about inside of the writer, since it is made by the same batch.
        let inside = || {
            let id = Uuid::now_v7();
            let Command::Create { entity, values, .. } = create("calm") else { unreachable!() };
            let made =
                Command::Create { entity: entity.clone(), values, id: Some(id), allow_duplicates: false };
            let values = json!({ "name": "Wild" }).as_object().unwrap().clone();
            let changed = Command::Update { entity, id, version: None, values };
            Command::Batch { commands: vec![made, changed], atomic: true }
        };
        let begun = |command: Command| {
            let (tenant, root) = (street.wild.clone(), street.root.clone());
            tokio::spawn(async move { tenant.run(&root, command, RunOptions::default()).await.is_ok() })
        };
        let mut running = vec![begun(inside())];
        // More than its plugins may be called at once.
        running.extend((0..20).map(|_| begun(three())));
        for _ in 0..10 {
            street.save().await;
        }
        assert!(!running[0].is_finished(), "{name}: the writer was in the middle of it all the time");
        let over = running.iter().filter(|one| one.is_finished()).count();
        assert!(over < 8, "{name}: all places were taken: {over}");
        // Whoever has queued up in vain goes; what is inside of the writer comes to its end.
        running[1..].iter().for_each(JoinHandle::abort);
        assert!(!running.swap_remove(0).await.unwrap(), "{name}: refused in the end");
        street.save().await;
        street.close().await;
    }
}
