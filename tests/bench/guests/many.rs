//! A hundred plugins in each of two hundred tenants: what the server holds in memory when every one of them was called in
//! every tenant, above the same server with the same tenants without plugins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use mortise_tests::{Installation, Server};
use rusqlite::Connection;
use serde_json::json;

use super::sheet::{About, Goal, Sheet};
use super::{Sizes, called_in, install, packages, tenant};
use crate::process;
use crate::report::Unit;

/// What an installation writes into a tenant's database.
const TABLES: [&str; 2] = ["_plugin", "_plugin_version"];
/// Exports of the plugin that are called by a save.
const EXPORTS: usize = 2;
/// After this the server has done what it does behind an answer, and given back what it needed for it.
const REST: Duration = Duration::from_secs(3);

/// A tenant with what a person needs to write into it.
struct Tenant {
    slug: String,
    token: String,
}

/// Measures once: what is in memory varies little.
pub(super) fn measure(sheet: &mut Sheet, sizes: &Sizes, guard: &[u8]) -> Result<()> {
    let installation = Installation::new();
    // One save calls all of them here, which is more than a save is allowed otherwise.
    let limits = json!({ "limits": {
        "transaction": { "wall_ms": 600_000, "invocations": 10_000 },
        "save": { "wall_ms": 60_000, "cpu_ms": 10_000 },
    }});
    std::fs::write(installation.data().join("plugins.json"), limits.to_string())?;
    let server = installation.serve();
    let make = |number| {
        let slug = format!("t{number:03}");
        Ok(Tenant { token: tenant(&installation, &slug)?, slug })
    };
    let tenants: Vec<Tenant> = (0..sizes.tenants).map(make).collect::<Result<_>>()?;
    server.stop();

    let server = installation.serve();
    let idle = after_a_save_in_each(&server, &tenants)?;
    let packages = packages::copies(&packages::read(guard)?, sizes.plugins)?;
    for package in &packages {
        install(&server, &tenants[0].slug, &tenants[0].token, package)?;
    }
    server.stop();
    let source = file(&installation, &tenants[0]);
    for tenant in &tenants[1..] {
        copy(&source, &file(&installation, tenant))?;
    }

    let server = installation.serve();
    let full = after_a_save_in_each(&server, &tenants)?;
    let calls = called_in(&server, "")?;
    let expected = (sizes.plugins * sizes.tenants * EXPORTS) as f64;
    ensure!((calls - expected).abs() < 0.5, "{calls} of {expected} calls were made");
    let code = megabytes_below(&installation.data().join("plugins/code"))?;
    let what = format!(
        "memory with {} different plugins in each of {} tenants, all called in all ({code:.0} MB of machine code)",
        sizes.plugins, sizes.tenants
    );
    let goals = &[Goal::Above(150.0)];
    let about = About { what, beside: "the same tenants without plugins", unit: Unit::Megabytes, goals };
    sheet.add(about, vec![(full, Some(idle))]);
    Ok(())
}

/// Saves a record in each tenant; the memory of the server a while later.
fn after_a_save_in_each(server: &Server, tenants: &[Tenant]) -> Result<f64> {
    for tenant in tenants {
        let path = format!("/t/{}/api/v1/records/bench.item", tenant.slug);
        let body = json!({ "name": "Item", "status": "new", "company": "Example Ltd", "quantity": 7 });
        server.client().with_token(&tenant.token).json("POST", &path, &body)?.expect(201);
    }
    std::thread::sleep(REST);
    process::memory_mb(server.process_id())
}

fn file(installation: &Installation, tenant: &Tenant) -> PathBuf {
    installation.data().join("tenants").join(&tenant.slug).join("tenant.db")
}

/// Installs what is installed in one tenant in another: its rows, as installing would write them. No server is running.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let connection = Connection::open(to)?;
    connection.execute("ATTACH ?1 AS source", [from.to_string_lossy()])?;
    for table in TABLES {
        connection.execute(&format!("INSERT INTO main.{table} SELECT * FROM source.{table}"), [])?;
    }
    Ok(())
}

fn megabytes_below(folder: &Path) -> Result<f64> {
    let sizes = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len()));
    Ok(sizes.sum::<std::io::Result<u64>>()? as f64 / 1e6)
}
