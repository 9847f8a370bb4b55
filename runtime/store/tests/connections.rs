//! The connections that all tenants of a PostgreSQL server share: writers that have to wait for a read get it, however many of
//! them there are.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use mortise_store::{Error, Session, TenantStore, drop_postgres};
use tokio::runtime::Handle;

use common::{Place, check_postgres};

/// More tenants than there are connections.
const TENANTS: usize = 24;

/// A write that reads what is committed before it is done, as a plugin does that is asked about a record.
async fn write_and_read(store: Arc<TenantStore>) -> Result<i64, Error> {
    let reader = store.clone();
    let write = move |_: &mut Session<'_>| {
        // Long enough for all others to have begun.
        std::thread::sleep(Duration::from_millis(200));
        let read = Handle::current().block_on(reader.fetch("SELECT 1::bigint", &[], |row| row.int(0)))?;
        Ok::<_, Error>(read[0].unwrap())
    };
    store.write(write).await
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_many_tenants_that_wait_for_reads_do_not_wait_for_each_other() {
    check_postgres(async |place: &Place| {
        let server = place.server();
        let schema = |number: usize| format!("{}_{number}", place.schema);
        let mut writes = Vec::new();
        for number in 0..TENANTS {
            let store = Arc::new(TenantStore::open_postgres(server, &schema(number)).await.unwrap());
            writes.push(write_and_read(store));
        }
        for read in futures_util::future::join_all(writes).await {
            assert_eq!(read.unwrap(), 1);
        }
        for number in 0..TENANTS {
            drop_postgres(server, &schema(number)).await.unwrap();
        }
    })
    .await;
}
