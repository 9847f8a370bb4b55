//! How SQLite reads the views of the shipped apps: straight from an index, in order, for each kind of person, on the
//! first page and on those that follow.

use std::collections::BTreeSet;

use expect_test::expect;

use mortise_definition::model::ViewModel;
use mortise_definition::source::ViewKind;

use super::*;
use crate::access::Scope;
use crate::demo::DemoOptions;
use crate::demo::tests::tenant_with_templates;
use crate::people::{Actor, Channel, Origin};
use crate::tenant::Tenant;

/// What SQLite says about how it would run a statement.
async fn explain(tenant: &Tenant, (sql, params): &(String, Vec<Param>)) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    tenant.store.fetch(&sql, params, |row| Ok(row.text(3)?.unwrap_or_default())).await.unwrap()
}

/// The statement of a page.
fn whole(work: &Work, entity: &EntityModel, plan: &Plan, query: &Query) -> (String, Vec<Param>) {
    statement(work, plan, query, Select { limit: 51, ..plan.select(entity, query) }).unwrap()
}

/// Somebody of the demo, by login.
fn somebody(tenant: &Tenant, login: &str) -> Actor {
    let directory = tenant.directory();
    let id = directory.users().find(|user| user.login == login).unwrap().id;
    let user = directory.context(id).unwrap();
    Actor { user, origin: Origin { channel: Channel::Page, ip: None, device: None } }
}

/// The steps for a view: its first page, and the one behind some record.
async fn steps(tenant: &Tenant, work: &Work, view: &ViewModel, key: &str) -> Vec<String> {
    let entity = work.model().entities[view.entity].clone();
    let view = work.model().views[key].clone();
    let mut query = Query { sort: view.sort.clone(), view: Some(view), ..Query::all(&entity.key) };
    let plan = plan(work, &entity, &query, Operation::Read).unwrap();
    let mut steps = explain(tenant, &whole(work, &entity, &plan, &query)).await;
    let mut record = vec![Value::Null; entity.fields.len()];
    record[system::ID] = Value::Id(Uuid::from_u128(7));
    for slot in [system::CREATED_AT, system::UPDATED_AT] {
        record[slot] = Value::DateTime(work.now);
    }
    query.cursor = Some(query::write_cursor(&plan.sort, &record));
    steps.push("then".to_owned());
    steps.extend(explain(tenant, &whole(work, &entity, &plan, &query)).await);
    steps
}

#[tokio::test]
async fn views_are_read_in_order_from_an_index() {
    let (_folder, _engine, tenant, _) = tenant_with_templates().await;
    let directory = tenant.directory();
    let mut told = BTreeSet::new();
    for user in directory.users() {
        let user = directory.context(user.id).unwrap();
        let actor = Actor { user, origin: Origin { channel: Channel::Page, ip: None, device: None } };
        let work = tenant.work(&actor);
        for (key, view) in &work.model().views {
            let entity = work.model().entities[view.entity].clone();
            let scope = work.access(&entity).scope(Operation::Read);
            // A board is read column by column, never as a whole.
            if !work.access(&entity).may(Operation::Read) || view.kind == ViewKind::Board {
                continue;
            }
            let steps = steps(&tenant, &work, view, key).await;
            let table = |step: &&String| step.starts_with("SCAN") || step.starts_with("SEARCH");
            assert!(steps.iter().filter(table).all(|step| step.contains("USING INDEX")), "{key} {steps:#?}");
            // People of a team or department are a list of owners; whose records come first is for the database to
            // sort. Everybody else reads in order.
            let listed = matches!(scope, Scope::Where(_))
                && work.scope_sql(&entity, Operation::Read).unwrap().branches.is_empty();
            let alone =
                matches!(scope, Scope::Where(parts) if parts.len() == 1 && parts[0].0.equality().is_some());
            if !listed || alone {
                assert!(
                    !steps.iter().any(|step| step.contains("TEMP")),
                    "{:?} {key} {steps:#?}",
                    actor.user.roles
                );
            }
            if key.starts_with("lead-management")
                && actor.user.roles.iter().any(|role| role.ends_with("representative"))
            {
                let used = steps
                    .iter()
                    .take_while(|step| *step != "then")
                    .filter_map(|step| step.split("USING INDEX ").nth(1));
                told.insert(format!("{key}: {}", used.collect::<Vec<_>>().join(" | ")));
            }
        }
    }
    expect![[r#"
        lead-management.all_leads: lead_management__lead__owner_created_at_desc_id_desc (owner=?) | lead_management__lead__owner_created_at_desc_id_desc (owner=?)
        lead-management.doubtful_accounts: sales_core__account__owner_name_match_id (owner=? AND name_match<?) | sales_core__account__owner_name_match_id (owner=? AND name_match<?)
        lead-management.due_soon: lead_management__lead__owner_open_follow_up_due_at_id (owner=? AND open=? AND follow_up_due_at>? AND follow_up_due_at<?) | lead_management__lead__owner_open_follow_up_due_at_id (owner=? AND open=? AND follow_up_due_at>? AND follow_up_due_at<?)
        lead-management.grades: lead_management__grade__position_id
        lead-management.lead_map: lead_management__lead__owner_open_created_at_desc_id_desc (owner=? AND open=?) | lead_management__lead__owner_open_created_at_desc_id_desc (owner=? AND open=?)
        lead-management.lost_leads: lead_management__lead__owner_status_updated_at_desc_id_desc (owner=? AND status=?) | lead_management__lead__owner_status_updated_at_desc_id_desc (owner=? AND status=?)
        lead-management.my_leads: lead_management__lead__owner_open_follow_up_due_at_id (owner=? AND open=?) | lead_management__lead__owner_open_follow_up_due_at_id (owner=? AND open=?)
        lead-management.my_tasks: lead_management__task__owner_status_due_on_id (owner=? AND status=?)
        lead-management.next_steps: lead_management__lead__owner_open_next_step_on_id (owner=? AND open=?) | lead_management__lead__owner_open_next_step_on_id (owner=? AND open=?)
        lead-management.open_leads: lead_management__lead__owner_open_created_at_desc_id_desc (owner=? AND open=?) | lead_management__lead__owner_open_created_at_desc_id_desc (owner=? AND open=?)
        lead-management.overdue: lead_management__lead__owner_open_follow_up_due_at_id (owner=? AND open=? AND follow_up_due_at<?) | lead_management__lead__owner_open_follow_up_due_at_id (owner=? AND open=? AND follow_up_due_at<?)
        lead-management.pool: lead_management__lead__owner_open_heat_rank_desc_he_73f3067b (owner=? AND open=?) | lead_management__lead__owner_open_heat_rank_desc_he_73f3067b (owner=? AND open=?)
        lead-management.recently_closed: lead_management__lead__owner_open_updated_at_desc_id_desc (owner=? AND open=? AND updated_at>?) | lead_management__lead__owner_open_updated_at_desc_id_desc (owner=? AND open=? AND updated_at>?)
        lead-management.region_ranges: lead_management__region_range__first_id
        lead-management.sales_profiles: lead_management__sales_profile__name_id
        lead-management.tasks: lead_management__task__created_at_desc_id_desc
        lead-management.touches: lead_management__touch__happened_at_desc_id_desc
        lead-management.without_region: lead_management__lead__owner_region_open_created_at_5e812e6a (owner=? AND region=? AND open=?) | lead_management__lead__owner_region_open_created_at_5e812e6a (owner=? AND region=? AND open=?)"#]].assert_eq(&told.into_iter().collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn rows_of_the_few_records_of_a_person_are_found_through_them_and_others_look_up() {
    let (_folder, _engine, tenant, _) = tenant_with_templates().await;
    let mut told = BTreeSet::new();
    for user in tenant.directory().users() {
        let user = tenant.directory().context(user.id).unwrap();
        let actor = Actor { user, origin: Origin { channel: Channel::Page, ip: None, device: None } };
        let work = tenant.work(&actor);
        let query = Query::all("sales-core.opportunity_line");
        let entity = work.entity(&query.entity).unwrap().clone();
        if !work.access(&entity).may(Operation::Read) {
            continue;
        }
        let plan = plan(&work, &entity, &query, Operation::Read).unwrap();
        let steps = explain(&tenant, &whole(&work, &entity, &plan, &query)).await;
        let scope = work.access(work.entity("sales-core.opportunity").unwrap()).scope(Operation::Read);
        let kind = match scope {
            Scope::Everything => "all",
            scope if scope.narrow() => "few",
            _ => "many",
        };
        told.insert(format!("{kind}: {}", steps.join(" | ")));
    }
    expect![[r#"
        all: SCAN sales_core__opportunity_line USING INDEX sqlite_autoindex_sales_core__opportunity_line_1
        few: SEARCH sales_core__opportunity_line USING INDEX sales_core__opportunity_line__opportunity (opportunity=?) | LIST SUBQUERY 2 | COMPOUND QUERY | LEFT-MOST SUBQUERY | SEARCH above1 USING INDEX sales_core__opportunity__owner_status_closed_on_desc_id_desc (owner=?) | CREATE BLOOM FILTER | UNION ALL | SEARCH above1 USING INDEX sales_core__opportunity__trash (deleted_at>?) | CREATE BLOOM FILTER | USE TEMP B-TREE FOR ORDER BY
        many: SCAN sales_core__opportunity_line USING INDEX sqlite_autoindex_sales_core__opportunity_line_1 | SEARCH above1 EXISTS USING INDEX sqlite_autoindex_sales_core__opportunity_1 (id=?)"#]].assert_eq(&told.into_iter().collect::<Vec<_>>().join("\n"));
}

/// How a view is read in the order of the title when so many match.
async fn by_title(tenant: &Tenant, login: &str, key: &str, count: i64) -> String {
    let work = tenant.work(&somebody(tenant, login));
    let view = work.model().views[key].clone();
    let entity = work.model().entities[view.entity].clone();
    let sort = vec![(entity.title, false), (system::ID, false)];
    let query = Query { sort, view: Some(view), ..Query::all(&entity.key) };
    let mut plan = plan(&work, &entity, &query, Operation::Read).unwrap();
    walk::steer(&work, &entity, &mut plan, &query, Some(Total { count, exact: false }));
    explain(tenant, &whole(&work, &entity, &plan, &query)).await.join(" | ")
}

#[tokio::test]
async fn many_records_are_walked_in_the_order_of_the_title_and_few_are_sorted() {
    let (_folder, _engine, tenant, _) = tenant_with_templates().await;
    let mut told = Vec::new();
    for (login, key) in [
        ("zhou.jianguo", "sales-core.contacts"),
        ("zhou.jianguo", "lead-management.open_leads"),
        ("zhou.jianguo", "lead-management.recently_closed"),
        ("lin.xiaoyu", "lead-management.open_leads"),
    ] {
        for count in [10_000, 100] {
            told.push(format!("{login}, {key}, {count}: {}", by_title(&tenant, login, key, count).await));
        }
    }
    expect![[r#"
        zhou.jianguo, sales-core.contacts, 10000: SCAN sales_core__contact USING INDEX sales_core__contact__name_id
        zhou.jianguo, sales-core.contacts, 100: SEARCH sales_core__contact USING INDEX sales_core__contact__left_created_at_desc_id_desc (left=?) | USE TEMP B-TREE FOR ORDER BY
        zhou.jianguo, lead-management.open_leads, 10000: SCAN lead_management__lead USING INDEX lead_management__lead__name_id
        zhou.jianguo, lead-management.open_leads, 100: SEARCH lead_management__lead USING INDEX lead_management__lead__open_updated_at_desc_id_desc (open=?) | USE TEMP B-TREE FOR ORDER BY
        zhou.jianguo, lead-management.recently_closed, 10000: SCAN lead_management__lead USING INDEX lead_management__lead__name_id
        zhou.jianguo, lead-management.recently_closed, 100: SEARCH lead_management__lead USING INDEX lead_management__lead__open_updated_at_desc_id_desc (open=? AND updated_at>?) | USE TEMP B-TREE FOR ORDER BY
        lin.xiaoyu, lead-management.open_leads, 10000: SCAN lead_management__lead USING INDEX lead_management__lead__name_id
        lin.xiaoyu, lead-management.open_leads, 100: MERGE (UNION ALL) | LEFT | SEARCH lead_management__lead USING INDEX lead_management__lead__owner_open_updated_at_desc_id_desc (owner=? AND open=?) | USE TEMP B-TREE FOR ORDER BY | RIGHT | SEARCH lead_management__lead USING INDEX lead_management__lead__owner_open_updated_at_desc_id_desc (owner=? AND open=?) | USE TEMP B-TREE FOR ORDER BY"#]].assert_eq(&told.join("\n"));
}

/// Records of a page: as the database finds it by itself, and as it finds it when it believes that many match.
async fn both_ways(work: &Work, tenant: &Tenant, query: &Query) -> (Way, Vec<Uuid>, Vec<Uuid>) {
    let (store, totals) = (&tenant.store, Totals::default());
    let entity = work.entity(&query.entity).unwrap().clone();
    let mut plan = plan(work, &entity, query, Operation::Read).unwrap();
    let ids = |rows: Vec<Record>| rows.iter().map(Record::id).collect();
    let plain = read(work, store, &entity, &plan, query, query.limit).await.unwrap();
    let way = walk::steer(work, &entity, &mut plan, query, Some(Total { count: 10_000, exact: true }));
    let steered = match way {
        Way::Read => read(work, store, &entity, &plan, query, query.limit).await,
        Way::Sort => sorted(work, store, &totals, &entity, &plan, query, query.limit).await,
    };
    (way, ids(plain), ids(steered.unwrap()))
}

#[tokio::test]
async fn a_page_is_the_same_whichever_way_it_is_found() {
    let (_folder, _engine, tenant, demo) = tenant_with_templates().await;
    let options =
        DemoOptions { seed: 7, base: tenant.work(&Actor::system(chrono_tz::Tz::UTC)).now, scale: 0.02 };
    crate::demo::generate(&tenant, &demo, options, |_, _, _| {}).await.unwrap();
    let (mut kept, mut full) = (0, 0);
    for login in ["zhou.jianguo", "lin.xiaoyu", "zhao.lei"] {
        let work = tenant.work(&somebody(&tenant, login));
        for view in work.model().views.values().filter(|view| view.kind != ViewKind::Board) {
            let entity = work.model().entities[view.entity].clone();
            if !work.access(&entity).may(Operation::Read) {
                continue;
            }
            let columns = view.columns.iter().map(|column| column.slot);
            let shown = |slot: &Slot| {
                entity.fields[*slot].stored() && work.access(&entity).opens(Operation::Read, *slot)
            };
            for (position, slot) in columns.chain([system::ID]).filter(shown).enumerate() {
                let sort = vec![(slot, position % 2 == 0), (system::ID, position % 2 == 0)];
                let sort = if slot == system::ID { vec![(slot, true)] } else { sort };
                let query =
                    Query { sort, offset: 3, limit: 20, view: Some(view.clone()), ..Query::all(&entity.key) };
                let (way, plain, steered) = both_ways(&work, &tenant, &query).await;
                assert_eq!(plain, steered, "{login} {} by {}", view.id, entity.fields[slot].name);
                kept += usize::from(way == Way::Sort);
                full += usize::from(plain.len() == 20);
            }
        }
    }
    assert!(kept > 50 && full > 50, "{kept} {full}");
}
