//! What a list request asks for, read from its parameters: view, filters, search, order, place in the list.
//! Everything is checked against the model and the person's fields before any SQL is made.

mod cursor;

use std::sync::Arc;

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, ViewModel, system};
use mortise_definition::source::Operation;
use mortise_expr::{Expression, Type, Value};
use mortise_store::{Param, column, select};
use sea_query::{Expr, ExprTrait};

use crate::access::EntityAccess;
use crate::commands::Work;
use crate::error::Error;
use crate::values::{self, Issue, Parsed};

pub(crate) use cursor::{read_cursor, write_cursor};

/// Records of one page at most.
pub const LIMIT_MAX: u64 = 1_000;
/// Records of a page unless asked otherwise.
pub const LIMIT: u64 = 50;
/// Records that a request passes over at most; walking past so many takes about a second.
pub(crate) const OFFSET_MAX: u64 = 1_000_000;
/// Conditions of one request at most.
const CONDITIONS_MAX: usize = 30;
/// Values of one `in` condition at most.
const IN_MAX: usize = 200;
/// Longest filter expression in bytes.
const FILTER_MAX: usize = 4_000;
/// Longest search text in characters.
const SEARCH_MAX: usize = 200;

/// A list request.
#[derive(Debug, Clone)]
pub struct Query {
    /// Key of the entity.
    pub entity: String,
    /// The view, when one was named.
    pub view: Option<Arc<ViewModel>>,
    /// Conditions of `where.<field>` parameters.
    pub conditions: Vec<Condition>,
    /// The filter expression.
    pub filter: Option<Expression>,
    /// Words to be found.
    pub search: Option<String>,
    /// Order, without the id at its end.
    pub sort: Vec<(Slot, bool)>,
    /// Columns to read; `None` is all that the person may see.
    pub columns: Option<Vec<Slot>>,
    /// Records on the page.
    pub limit: u64,
    /// Where the page begins.
    pub cursor: Option<String>,
    /// Where the page ends instead: it has the records before.
    pub before: Option<String>,
    /// How many records from there are passed over, for jumps into the midst of a long list.
    pub offset: u64,
    /// The trash instead of the living.
    pub trash: bool,
    /// Whether the total is wanted.
    pub total: bool,
    /// Whether it is counted to the end, for scroll bars.
    pub exact: bool,
    /// Digest of the model that the slots belong to; under another one the request is refused.
    pub model: Option<String>,
}

/// One condition on one field.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The field.
    pub slot: Slot,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub values: Vec<Value>,
    /// As it was written, for showing it again.
    pub text: String,
}

/// Ways of comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal (also: one of).
    Eq,
    /// Not equal; empty values count as different.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// One of several, separated by commas.
    In,
    /// Contains the text; a choices field contains the choice.
    Contains,
    /// Begins with the text.
    Starts,
    /// Has no value (`true`) or has one (`false`).
    Empty,
    /// The tree node or one below it.
    Under,
}

impl Op {
    /// The operator of this name.
    pub fn parse(name: &str) -> Option<Op> {
        Some(match name {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "lt" => Op::Lt,
            "lte" => Op::Lte,
            "gt" => Op::Gt,
            "gte" => Op::Gte,
            "in" => Op::In,
            "contains" => Op::Contains,
            "starts" => Op::Starts,
            "empty" => Op::Empty,
            "under" => Op::Under,
            _ => return None,
        })
    }
}

impl Query {
    /// A request for everything of an entity, newest first.
    pub fn all(entity: &str) -> Query {
        Query {
            entity: entity.to_owned(),
            view: None,
            conditions: Vec::new(),
            filter: None,
            search: None,
            // Ids begin with the time at which they were made, and every table is kept in their order.
            sort: vec![(system::ID, true)],
            columns: None,
            limit: LIMIT,
            cursor: None,
            before: None,
            offset: 0,
            trash: false,
            total: true,
            exact: false,
            model: None,
        }
    }

    /// Reads the parameters of a request. Unknown ones are refused: a mistyped filter must not show everything.
    pub(crate) fn parse<'a>(
        work: &Work,
        entity: &EntityModel,
        params: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Query, Error> {
        let access = work.access(entity);
        let mut query = Query { model: Some(work.published.digest.clone()), ..Query::all(&entity.key) };
        let mut sort = None;
        let mut limit = None;
        for (name, value) in params {
            match name {
                _ if value.contains('\0') => return Err(bad("query.value").with("name", name).into_error()),
                "view" if value.is_empty() => {}
                "view" => query.view = Some(find_view(work, entity, value)?),
                "q" => query.search = search_text(value)?,
                "sort" if value.is_empty() => {}
                "sort" => sort = Some(parse_sort(entity, access, value)?),
                "limit" => limit = Some(number(name, value)?),
                "cursor" => query.cursor = (!value.is_empty()).then(|| value.to_owned()),
                "before" => query.before = (!value.is_empty()).then(|| value.to_owned()),
                "offset" => query.offset = Ord::min(number(name, value)?, OFFSET_MAX),
                "total" => (query.total, query.exact) = (value != "false", value == "exact"),
                "trash" => query.trash = value == "true",
                "filter" if value.is_empty() => {}
                "filter" => query.filter = Some(compile(work, entity, access, value)?),
                "fields" => query.columns = Some(parse_fields(entity, access, value)?),
                _ => match name.strip_prefix("where.") {
                    Some(_) if value.is_empty() => {}
                    Some(target) => query.conditions.push(condition(work, entity, access, target, value)?),
                    None => return Err(bad("query.unknown_parameter").with("name", name).into_error()),
                },
            }
        }
        if query.cursor.is_some() && query.before.is_some() {
            return Err(bad("query.cursor").into_error());
        }
        if query.conditions.len() > CONDITIONS_MAX {
            return Err(bad("query.too_many").with("limit", CONDITIONS_MAX).into_error());
        }
        let (view_sort, view_limit) = match &query.view {
            Some(view) => (Some(view.sort.clone()), Some(u64::from(view.page_size))),
            None => (None, None),
        };
        if let Some(sort) = sort.or(view_sort) {
            query.sort = sort;
        }
        query.limit = limit.or(view_limit).unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
        Ok(query)
    }

    /// The order with the id at its end, so that it is total. Fields that the person may not see are left out: the
    /// order, and the cursor, would tell them.
    pub(crate) fn total_order(&self, access: &EntityAccess) -> Vec<(Slot, bool)> {
        let mut sort = self.sort.clone();
        sort.retain(|(slot, _)| access.sees_everywhere(*slot));
        if !sort.iter().any(|(slot, _)| *slot == system::ID) {
            let descending = sort.last().is_some_and(|(_, descending)| *descending);
            sort.push((system::ID, descending));
        }
        sort
    }
}

struct Complaint(Issue);

fn bad(code: &'static str) -> Complaint {
    Complaint(Issue::new(code))
}

impl Complaint {
    fn with(self, name: &'static str, value: impl ToString) -> Complaint {
        Complaint(self.0.with(name, value))
    }

    fn into_error(self) -> Error {
        Error::BadRequest(self.0)
    }
}

fn find_view(work: &Work, entity: &EntityModel, name: &str) -> Result<Arc<ViewModel>, Error> {
    let model = &work.published.model;
    let own = || format!("{}.{name}", model.apps[entity.app].id);
    let view = model.views.get(name).or_else(|| model.views.get(&own()));
    view.filter(|view| view.entity == entity.index)
        .cloned()
        .ok_or_else(|| bad("query.unknown_view").with("name", name).into_error())
}

fn search_text(value: &str) -> Result<Option<String>, Error> {
    let value = value.trim();
    if value.chars().count() > SEARCH_MAX {
        return Err(bad("query.search_too_long").with("limit", SEARCH_MAX).into_error());
    }
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

fn number(name: &str, value: &str) -> Result<u64, Error> {
    value.parse().map_err(|_| bad("query.not_number").with("name", name).with("value", value).into_error())
}

/// A field that the person may see; others are as unknown as misspelt ones.
fn field<'a>(entity: &'a EntityModel, access: &EntityAccess, name: &str) -> Result<&'a FieldModel, Error> {
    let visible = entity.field(name).filter(|field| access.sees(field.slot) && field.stored());
    visible.ok_or_else(|| {
        let names =
            entity.fields.iter().filter(|field| access.sees(field.slot)).map(|field| field.name.as_ref());
        let complaint = bad("query.unknown_field").with("name", name);
        match mortise_expr::suggest(name, names) {
            Some(suggestion) => complaint.with("suggestion", suggestion),
            None => complaint,
        }
        .into_error()
    })
}

fn parse_sort(entity: &EntityModel, access: &EntityAccess, value: &str) -> Result<Vec<(Slot, bool)>, Error> {
    let mut sort = Vec::new();
    for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, descending) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
        let field = field(entity, access, name)?;
        if !sortable(entity, access, field.slot) {
            return Err(bad("query.not_sortable").with("name", name).into_error());
        }
        if !sort.iter().any(|(slot, _)| *slot == field.slot) {
            sort.push((field.slot, descending));
        }
    }
    Ok(sort)
}

/// Whether records can be sorted by a field: its order would tell of it on records where it may not be seen.
pub(crate) fn sortable(entity: &EntityModel, access: &EntityAccess, slot: Slot) -> bool {
    access.sees_everywhere(slot)
        && !matches!(entity.shape.members()[slot].ty, Type::List(_) | Type::Geo | Type::Json)
}

fn parse_fields(entity: &EntityModel, access: &EntityAccess, value: &str) -> Result<Vec<Slot>, Error> {
    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Ok(field(entity, access, name)?.slot)).collect()
}

fn compile(
    work: &Work,
    entity: &EntityModel,
    access: &EntityAccess,
    source: &str,
) -> Result<Expression, Error> {
    if source.len() > FILTER_MAX {
        return Err(bad("query.filter_too_long").with("limit", FILTER_MAX).into_error());
    }
    let wrong = |diagnostic: &mortise_expr::Diagnostic| {
        bad("query.filter").with("column", diagnostic.column).with("reason", &diagnostic.message).into_error()
    };
    let scope = work.published.model.scope(entity, entity.app);
    let expression = Expression::compile_as(source, &scope, &Type::Bool)
        .map_err(|diagnostics| diagnostics.first().map_or_else(|| bad("query.filter").into_error(), wrong))?;
    expression.check_sql().map_err(|diagnostic| wrong(&diagnostic))?;
    // A filter on a hidden field would tell its values one question at a time.
    for reference in expression.references().iter().filter(|reference| reference.root == 0) {
        if !access.sees(reference.slot) {
            return Err(bad("query.unknown_field").with("name", &reference.name).into_error());
        }
    }
    Ok(expression)
}

fn condition(
    work: &Work,
    entity: &EntityModel,
    access: &EntityAccess,
    target: &str,
    text: &str,
) -> Result<Condition, Error> {
    let (name, op) = match target.rsplit_once('.') {
        Some((name, op)) => (name, op),
        None => (target, "eq"),
    };
    let op = Op::parse(op).ok_or_else(|| bad("query.unknown_operator").with("name", op).into_error())?;
    let field = field(entity, access, name)?;
    let single = |text: &str| value(work, field, text);
    let values = match op {
        Op::Empty => vec![Value::Bool(text != "false")],
        Op::In => {
            let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
            if parts.len() > IN_MAX {
                return Err(bad("query.too_many").with("limit", IN_MAX).into_error());
            }
            parts.into_iter().map(single).collect::<Result<_, _>>()?
        }
        Op::Contains | Op::Starts | Op::Under => vec![Value::text(text)],
        _ => vec![single(text)?],
    };
    let condition = Condition { slot: field.slot, op, values, text: text.to_owned() };
    check_op(entity, &condition)?;
    Ok(condition)
}

pub(crate) fn check_op(entity: &EntityModel, condition: &Condition) -> Result<(), Error> {
    let ty = &entity.shape.members()[condition.slot].ty;
    let plain = !matches!(ty, Type::List(_) | Type::Geo | Type::Json);
    let fits = match condition.op {
        Op::Empty => true,
        Op::Contains => matches!(ty, Type::Text | Type::List(_)),
        Op::Starts | Op::Under => *ty == Type::Text,
        _ => plain,
    };
    let complaint = || bad("query.operator_does_not_fit").with("name", &entity.fields[condition.slot].name);
    if fits { Ok(()) } else { Err(complaint().into_error()) }
}

/// The value of a condition: `me` for the person, a day for a moment's field means the beginning of that day.
fn value(work: &Work, field: &FieldModel, text: &str) -> Result<Value, Error> {
    if matches!(field.kind, FieldKind::User) && text == "me" {
        return Ok(work.actor.id().map_or(Value::Null, Value::Id));
    }
    match values::from_text(field, text, &work.values()) {
        Ok(Parsed::Value(value)) => Ok(value),
        Ok(Parsed::Reference(_)) => {
            Err(bad("query.value").with("name", &field.name).with("value", text).into_error())
        }
        Err(issue) => {
            let reason = issue.to_string();
            Err(bad("query.value")
                .with("name", &field.name)
                .with("value", text)
                .with("reason", reason)
                .into_error())
        }
    }
}

/// The condition as SQL.
pub(crate) fn condition_sql(work: &Work, entity: &EntityModel, condition: &Condition) -> Expr {
    let ty = &entity.shape.members()[condition.slot].ty;
    let name = || select::column(entity, condition.slot);
    let bind = |value: &Value| -> Expr { Expr::val(column::param(value, ty)) };
    let first = condition.values.first().unwrap_or(&Value::Null);
    let text = first.as_text().unwrap_or_default();
    let sqlite = work.published.layout.naming.dialect == mortise_expr::Dialect::Sqlite;
    match condition.op {
        Op::Eq if first.is_null() => name().is_null(),
        Op::Eq => name().eq(bind(first)),
        Op::Ne if first.is_null() => name().is_not_null(),
        Op::Ne => name().ne(bind(first)).or(name().is_null()),
        Op::Lt => name().lt(bind(first)),
        Op::Lte => name().lte(bind(first)),
        Op::Gt => name().gt(bind(first)),
        Op::Gte => name().gte(bind(first)),
        Op::In => name().is_in(condition.values.iter().map(bind)),
        Op::Empty if first.is_true() => name().is_null(),
        Op::Empty => name().is_not_null(),
        Op::Under => {
            let below = format!("{text}/");
            let end = format!("{text}0");
            name().eq(Expr::val(text)).or(name().gte(Expr::val(below)).and(name().lt(Expr::val(end))))
        }
        Op::Contains | Op::Starts => {
            let column = mortise_store::quote(&entity.fields[condition.slot].name);
            let list = matches!(ty, Type::List(_));
            let (sql, param): (String, Param) = match (sqlite, list, condition.op) {
                (true, true, _) => {
                    (format!("EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ?)"), text.into())
                }
                (false, true, _) => (format!("{column} @> $1"), serde_json::json!([text]).into()),
                (true, false, Op::Starts) => (format!("instr({column}, ?) = 1"), text.into()),
                (true, false, _) => (format!("instr({column}, ?) > 0"), text.into()),
                (false, false, Op::Starts) => (format!("strpos({column}, $1) = 1"), text.into()),
                (false, false, _) => (format!("strpos({column}, $1) > 0"), text.into()),
            };
            Expr::cust_with_values(sql, [param])
        }
    }
}

/// Where the person may see the fields that a request asks about: those that are closed on some records are asked about
/// on the others only.
pub(crate) fn openings(work: &Work, entity: &EntityModel, query: &Query) -> Result<Vec<Expr>, Error> {
    let filtered = query.filter.iter().flat_map(Expression::references);
    let filtered = filtered.filter(|reference| reference.root == 0).map(|reference| reference.slot);
    let mut slots: Vec<Slot> =
        query.conditions.iter().map(|condition| condition.slot).chain(filtered).collect();
    slots.sort_unstable();
    slots.dedup();
    let openings: Vec<Option<Expr>> =
        slots.into_iter().map(|slot| opening(work, entity, slot)).collect::<Result<_, _>>()?;
    Ok(openings.into_iter().flatten().collect())
}

/// Records on which the person sees a field; none where it is seen on all.
pub(crate) fn opening(work: &Work, entity: &EntityModel, slot: Slot) -> Result<Option<Expr>, Error> {
    let scope = work.access(entity).opening(Operation::Read, slot);
    Ok(work.asker().sql(&scope, entity, None)?.single())
}

/// Where the search index also holds fields that the person may not see: each word has to stand in one that may be
/// seen, so that nobody finds out by searching what is hidden.
pub(crate) fn in_visible_fields(work: &Work, entity: &EntityModel, words: &str) -> Result<Vec<Expr>, Error> {
    let access = work.access(entity);
    if entity.search.iter().all(|slot| access.sees_everywhere(*slot)) {
        return Ok(Vec::new());
    }
    let find = match work.published.layout.naming.dialect {
        mortise_expr::Dialect::Sqlite => "instr(lower(CAST({} AS text)), ?) > 0",
        mortise_expr::Dialect::Postgres => "strpos(lower(CAST({} AS text)), $1) > 0",
    };
    let visible = entity.search.iter().copied().filter(|slot| access.sees(*slot));
    let visible: Vec<(Slot, Option<Expr>)> =
        visible.map(|slot| Ok((slot, opening(work, entity, slot)?))).collect::<Result<_, Error>>()?;
    let somewhere = |word: String| {
        let in_field = |(slot, opening): &(Slot, Option<Expr>)| {
            let column = mortise_store::quote(&entity.fields[*slot].name);
            let found = Expr::cust_with_values(find.replace("{}", &column), [Param::from(word.as_str())]);
            match opening {
                Some(opening) => found.and(opening.clone()),
                None => found,
            }
        };
        visible.iter().map(in_field).reduce(|one, other| one.or(other)).unwrap_or_else(|| Expr::cust("1 = 0"))
    };
    Ok(mortise_store::search::words(words).into_iter().map(somewhere).collect())
}

/// Which operation a list is, for the scope: what is in the trash is shown to those who may take it out.
pub(crate) fn operation(query: &Query) -> Operation {
    if query.trash { Operation::Delete } else { Operation::Read }
}
