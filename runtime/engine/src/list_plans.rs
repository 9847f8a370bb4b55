//! How SQLite reads the views of the shipped apps: straight from an index, in order, for each kind of person.

use mortise_store::Param;

use super::*;
use crate::demo::tests::tenant_with_templates;
use crate::people::{Actor, Channel, Origin};

/// What SQLite says about how it would run a statement.
async fn explain(store: &TenantStore, sql: &str, params: &[Param]) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    store.fetch(&sql, params, |row| Ok(row.text(3)?.unwrap_or_default())).await.unwrap()
}

#[tokio::test]
async fn views_are_read_in_order_from_an_index() {
    let (_folder, _engine, tenant, _) = tenant_with_templates().await;
    let directory = tenant.directory();
    let mut lines = Vec::new();
    for login in directory.users().map(|user| user.login.clone()).collect::<std::collections::BTreeSet<_>>() {
        let id = directory.users().find(|user| user.login == login).unwrap().id;
        let user = directory.context(id).unwrap();
        let actor = Actor { user, origin: Origin { channel: Channel::Page, ip: None, device: None } };
        let work = tenant.work(&actor);
        for view in work.model().views.values() {
            let entity = work.model().entities[view.entity].clone();
            if !work.access(&entity).may(Operation::Read) {
                continue;
            }
            let query =
                Query { view: Some(view.clone()), sort: view.sort.clone(), ..Query::all(&entity.key) };
            let plan = plan(&work, &entity, &query, Operation::Read).unwrap();
            let (sql, params) = statement(&work, &entity, &plan, &query, 51).unwrap();
            let steps = explain(&tenant.store, &sql, &params).await;
            if steps.iter().any(|step| step.contains("TEMP") || step.contains("SCAN")) {
                lines.push(format!(
                    "{login} {:?} {} {sql}\n    {}",
                    actor.user.roles,
                    view.key,
                    steps.join("\n    ")
                ));
            }
        }
    }
    println!("{}", lines.join("\n"));
}
