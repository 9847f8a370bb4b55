//! Cards that show records instead of figures: those of a view, what the person has to do or may claim, what is overdue,
//! what changed. Each reads a bounded number of records by a bounded number of statements.

use mortise_definition::model::{
    CardModel, EntityModel, FieldKind, FieldModel, Model, Shown, Slot, ViewModel, system,
};
use mortise_definition::source::{CardKind, Operation};
use mortise_engine::{Page, Record, Task};
use mortise_expr::Value;
use serde::Serialize;
use std::sync::Arc;

use crate::Failure;
use crate::pages::form::{self, FormContext};
use crate::pages::list::title_of;
use crate::pages::record::course::{self, Clock, origin};
use crate::pages::record::timeline;
use crate::pages::shell::entity_path;
use crate::pages::show::{Cell, Show, grouped};
use crate::pages::visit::Visit;

/// Short values beside a title.
const CELLS: usize = 3;

/// What a card without figures shows.
#[derive(Default, Serialize)]
pub(super) struct Own {
    records: Vec<Item>,
    /// How many there are in all.
    total: Option<String>,
    /// The list with all of them.
    all: Option<String>,
    /// How many clocks are beyond their limit, by the step that was reached.
    steps: Vec<Step>,
    changes: Vec<Changed>,
    entry: Option<Entry>,
}

/// A form to fill in right there.
#[derive(Serialize)]
pub(super) struct Entry {
    form: FormContext,
    /// The page that has it for itself.
    href: String,
}

/// A record.
#[derive(Serialize)]
struct Item {
    title: String,
    href: String,
    subtitle: Option<Cell>,
    cells: Vec<Cell>,
    /// Whose it is.
    owner: Option<String>,
    clock: Option<Clock>,
    /// What stops the clock: words and address.
    action: Option<(String, String)>,
    /// Key of the policy by which it can be claimed.
    claim: Option<String>,
}

#[derive(Serialize)]
struct Step {
    clock: String,
    label: String,
    count: String,
}

#[derive(Serialize)]
struct Changed {
    title: String,
    href: String,
    kind: String,
    entry: timeline::Entry,
}

/// What a card shows.
pub(super) async fn read(visit: &Visit, card: &CardModel) -> Result<Own, Failure> {
    match (&card.shows, card.kind) {
        (Shown::View(key), _) => of_view(visit, card, key).await,
        (Shown::Form(key), _) => Ok(Own { entry: Some(entry(visit, key).await?), ..Own::default() }),
        (_, CardKind::Tasks) => tasks(visit, card).await,
        (_, CardKind::Alerts) => alerts(visit, card).await,
        (_, CardKind::Pool) => pool(visit, card).await,
        (_, CardKind::Changes) => changes(visit, card).await,
        _ => Ok(Own::default()),
    }
}

/// Keys of the entities whose changes change the card.
pub(super) fn entities(visit: &Visit, model: &Model, card: &CardModel) -> Vec<String> {
    let key = |index: usize| model.entities[index].key.clone();
    let mut keys: Vec<String> = match (&card.shows, card.kind) {
        (Shown::View(view), _) => model.views.get(view).map(|view| key(view.entity)).into_iter().collect(),
        (_, CardKind::Tasks | CardKind::Alerts) => {
            model.automation.slas.values().map(|sla| key(sla.entity)).collect()
        }
        (_, CardKind::Pool) => {
            model.automation.assignments.values().map(|policy| key(policy.entity)).collect()
        }
        (_, CardKind::Changes) => {
            let read = model.entities.iter().filter(|entity| visit.may(entity, Operation::Read));
            read.map(|entity| entity.key.clone()).collect()
        }
        _ => Vec::new(),
    };
    keys.sort_unstable();
    keys.dedup();
    keys
}

async fn of_view(visit: &Visit, card: &CardModel, key: &str) -> Result<Own, Failure> {
    let model = visit.tenant.engine.model();
    let unknown = || Failure::not_found("query.unknown_view").with("name", key);
    let view: &ViewModel = model.views.get(key).ok_or_else(unknown)?;
    let entity = &model.entities[view.entity];
    let page = page(visit, entity, view, card.limit, None).await?;
    let path = visit.base.path(&entity_path(&model, entity));
    Ok(Own {
        records: items(visit, entity, Some(view), &page.rows, None),
        total: total(&page),
        all: Some(format!("{path}?view={}", view.key)),
        ..Own::default()
    })
}

async fn page(
    visit: &Visit,
    entity: &EntityModel,
    view: &ViewModel,
    limit: usize,
    empty: Option<Slot>,
) -> Result<Page, Failure> {
    let (limit, field) =
        (limit.to_string(), empty.map(|slot| format!("where.{}.empty", entity.fields[slot].name)));
    let mut params = vec![("view", view.key.as_str()), ("limit", limit.as_str())];
    params.extend(field.as_deref().map(|name| (name, "true")));
    let query = visit.tenant.engine.query(visit.actor(), &entity.key, params.into_iter())?;
    Ok(visit.tenant.engine.list(visit.actor(), &query).await?)
}

fn total(page: &Page) -> Option<String> {
    page.total.map(|total| format!("{}{}", grouped(total.count), if total.exact { "" } else { "+" }))
}

fn items(
    visit: &Visit,
    entity: &Arc<EntityModel>,
    view: Option<&ViewModel>,
    rows: &[Record],
    claim: Option<&str>,
) -> Vec<Item> {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, entity));
    let (subtitle, cells) = beside(visit, entity, view);
    let item = |row: &Record| Item {
        title: title_of(&show, entity, row),
        href: format!("{path}/{}", row.id()),
        subtitle: subtitle.map(|slot| show.cell(entity, row, slot)),
        cells: cells.iter().map(|slot| show.cell(entity, row, *slot)).collect(),
        owner: None,
        clock: None,
        action: None,
        claim: claim.map(str::to_owned),
    };
    rows.iter().map(item).collect()
}

/// What stands below and beside a title: the first text of the view, and its first short values.
fn beside(visit: &Visit, entity: &EntityModel, view: Option<&ViewModel>) -> (Option<Slot>, Vec<Slot>) {
    let columns = view.into_iter().flat_map(|view| &view.columns);
    let slots: Vec<Slot> = columns
        .filter(|column| column.through.is_none() && column.slot != entity.title)
        .map(|column| column.slot)
        .filter(|slot| visit.by.sees(entity, *slot))
        .collect();
    let text =
        |field: &FieldModel| matches!(field.kind, FieldKind::Text { .. } | FieldKind::Reference { .. });
    let short = |field: &FieldModel| {
        matches!(
            field.kind,
            FieldKind::Choice { .. } | FieldKind::Date | FieldKind::Datetime | FieldKind::Decimal { .. }
        )
    };
    let subtitle = slots.iter().copied().find(|slot| text(&entity.fields[*slot]));
    let cells = slots.into_iter().filter(|slot| short(&entity.fields[*slot])).take(CELLS).collect();
    (subtitle, cells)
}

/// A form, if the person may create what it is for.
pub(super) async fn entry(visit: &Visit, key: &str) -> Result<Entry, Failure> {
    let model = visit.tenant.engine.model();
    let known = model.forms.get(key).ok_or_else(|| Failure::not_found("http.not_found"))?;
    let entity = &model.entities[known.entity];
    if !visit.may(entity, Operation::Create) {
        return Err(Failure::forbidden().with("entity", &entity.key));
    }
    let path = visit.base.path(&entity_path(&model, entity));
    let href = format!("{path}/new?_form={key}");
    Ok(Entry { form: form::entry(visit, entity.clone(), key).await?, href })
}

async fn tasks(visit: &Visit, card: &CardModel) -> Result<Own, Failure> {
    let tasks = visit.tenant.engine.tasks(visit.actor(), card.limit).await?;
    Ok(Own { records: tasks.iter().map(|task| task_item(visit, task, false)).collect(), ..Own::default() })
}

async fn alerts(visit: &Visit, card: &CardModel) -> Result<Own, Failure> {
    let engine = &visit.tenant.engine;
    let steps = engine.overdue_by_step(visit.actor()).await?;
    let tasks = engine.overdue(visit.actor(), card.limit).await?;
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let step = |one: &mortise_engine::Overdue| {
        let sla = model.automation.slas.get(&one.sla)?;
        let reached = one.step.as_ref().and_then(|id| sla.ladder.iter().find(|step| step.id == *id));
        Some(Step {
            clock: origin(&show, &one.sla),
            label: match reached {
                Some(step) => step.label.get(visit.language).to_owned(),
                None => visit.t("dashboard.no_step", &[]),
            },
            count: grouped(one.count),
        })
    };
    Ok(Own {
        total: Some(grouped(steps.iter().map(|one| one.count).sum())),
        steps: steps.iter().filter_map(step).collect(),
        records: tasks.iter().map(|task| task_item(visit, task, true)).collect(),
        ..Own::default()
    })
}

fn task_item(visit: &Visit, task: &Task, with_owner: bool) -> Item {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let entity = &model.entities[task.entity];
    let path = visit.base.path(&entity_path(&model, entity));
    let href = format!("{path}/{}", task.record.id());
    let owner = &task.record.values[system::OWNER];
    let (subtitle, _) = beside(visit, entity, model.views_of(entity).next().map(|view| &**view));
    Item {
        title: title_of(&show, entity, &task.record),
        subtitle: subtitle.map(|slot| show.cell(entity, &task.record, slot)),
        cells: Vec::new(),
        owner: (with_owner && !owner.is_null()).then(|| show.words(&entity.fields[system::OWNER], owner)),
        action: if with_owner { None } else { action(visit, &model, task, &href) },
        clock: Some(course::clock(visit, &show, &task.clock, task.counted)),
        claim: None,
        href,
    }
}

/// The form that stops a clock, as far as the person may fill it in.
fn action(visit: &Visit, model: &Model, task: &Task, href: &str) -> Option<(String, String)> {
    let sla = model.automation.slas.get(&task.clock.sla)?;
    let (key, slot) = sla.form.as_ref()?;
    let form = model.forms.get(key)?;
    let entity = &model.entities[form.entity];
    let label = form.label.get(visit.language).to_owned();
    match slot {
        None => visit.may(entity, Operation::Update).then(|| (label, format!("{href}/edit?_form={key}"))),
        Some(slot) => visit.may(entity, Operation::Create).then(|| {
            let path = visit.base.path(&entity_path(model, entity));
            let name = &entity.fields[*slot].name;
            (label, format!("{path}/new?_form={key}&{name}={}", task.record.id()))
        }),
    }
}

async fn pool(visit: &Visit, card: &CardModel) -> Result<Own, Failure> {
    let engine = &visit.tenant.engine;
    let model = engine.model();
    let mut own = Own::default();
    for policy in model.automation.assignments.values() {
        let entity = &model.entities[policy.entity];
        let open = engine.may_claim(visit.actor(), &policy.key) && visit.may(entity, Operation::Read);
        let Some(view) = free_view(&model, entity, policy.field).filter(|_| open) else { continue };
        let room = card.limit.saturating_sub(own.records.len());
        let page = page(visit, entity, view, room.max(1), Some(policy.field)).await?;
        own.total = own.total.or_else(|| total(&page));
        let path = visit.base.path(&entity_path(&model, entity));
        own.all.get_or_insert_with(|| format!("{path}?view={}", view.key));
        own.records.extend(items(visit, entity, Some(view), &page.rows, Some(&policy.key)));
    }
    own.records.truncate(card.limit);
    Ok(own)
}

/// The view of records that belong to nobody: the one that asks for it, else the first.
fn free_view<'a>(model: &'a Model, entity: &'a EntityModel, field: Slot) -> Option<&'a ViewModel> {
    let asks = format!("record.{} == null", entity.fields[field].name);
    let free =
        |view: &&Arc<ViewModel>| view.filter.as_ref().is_some_and(|filter| filter.source().contains(&asks));
    let found = model.views_of(entity).find(free).or_else(|| model.views_of(entity).next());
    found.map(|view| &**view)
}

async fn changes(visit: &Visit, card: &CardModel) -> Result<Own, Failure> {
    let engine = &visit.tenant.engine;
    let changes = engine.latest_changes(visit.actor(), card.limit).await?;
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let told = changes.into_iter().map(|one| {
        let entity = &model.entities[one.entity];
        let path = visit.base.path(&entity_path(&model, entity));
        let title = &one.record.values[entity.title];
        Changed {
            title: match title {
                Value::Null => visit.t("record.untitled", &[]),
                title => show.words(&entity.fields[entity.title], title),
            },
            href: format!("{path}/{}", one.record.id()),
            kind: entity.label.get(visit.language).to_owned(),
            entry: timeline::tell(visit, &show, one.entry),
        }
    });
    Ok(Own { changes: told.collect(), ..Own::default() })
}
