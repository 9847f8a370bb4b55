//! What a set of roles may do, worked out once per model: operations with their row scopes, and access by field.
//! Roles add up: a person may do what any of the roles permits; what none permits is denied (PLAT-20).

use std::collections::HashMap;
use std::sync::Arc;

use mortise_definition::model::{EntityModel, Model, Slot, system};
use mortise_definition::source::{FieldAccess, Operation};
use mortise_expr::{Context, Equality, Expression, Value};
use mortise_store::select;
use parking_lot::RwLock;
use sea_query::{Expr, ExprTrait};

use crate::error::Error;
use crate::people::UserContext;
use crate::published::Published;
use crate::values::Issue;
use chrono::{DateTime, Utc};

/// Which records an operation covers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Scope {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// Those for which one of the conditions holds; each sees the settings of an app.
    Where(Vec<(Expression, usize)>),
}

impl Scope {
    fn widen(&mut self, rows: Option<&Expression>, app: usize) {
        match (&mut *self, rows) {
            (Scope::Everything, _) => {}
            (_, None) => *self = Scope::Everything,
            (Scope::Nothing, Some(condition)) => *self = Scope::Where(vec![(condition.clone(), app)]),
            (Scope::Where(conditions), Some(condition)) => conditions.push((condition.clone(), app)),
        }
    }

    /// Whether the scope depends on the present moment.
    pub(crate) fn volatile(&self) -> bool {
        matches!(self, Scope::Where(conditions) if conditions.iter().any(|(condition, _)| condition.volatile()))
    }
}

/// What may be done with the records of one entity.
#[derive(Debug)]
pub(crate) struct EntityAccess {
    scopes: HashMap<Operation, Scope>,
    fields: Vec<FieldAccess>,
}

impl EntityAccess {
    /// Which records the operation covers.
    pub(crate) fn scope(&self, operation: Operation) -> &Scope {
        static NOTHING: Scope = Scope::Nothing;
        self.scopes.get(&operation).unwrap_or(&NOTHING)
    }

    /// Whether the operation is permitted for any record.
    pub(crate) fn may(&self, operation: Operation) -> bool {
        !matches!(self.scope(operation), Scope::Nothing)
    }

    /// Whether a field may be seen.
    pub(crate) fn sees(&self, slot: Slot) -> bool {
        self.fields[slot] > FieldAccess::Hidden
    }

    /// Whether a field may be given.
    pub(crate) fn gives(&self, slot: Slot) -> bool {
        self.fields[slot] == FieldAccess::Write
    }

    /// Fails when the operation is permitted for no record.
    pub(crate) fn demand(&self, operation: Operation, entity: &EntityModel) -> Result<(), Error> {
        match self.may(operation) {
            true => Ok(()),
            false => Err(Error::Forbidden(Issue::new("permission.denied").with("entity", &entity.key))),
        }
    }
}

/// What may be done in a tenant, by index of the entity.
#[derive(Debug)]
pub(crate) struct Access(Vec<EntityAccess>);

impl Access {
    /// Works out what a person's roles permit.
    fn of(model: &Model, user: &UserContext) -> Access {
        Access(model.entities.iter().map(|entity| entity_access(model, entity, user)).collect())
    }

    /// Access to one entity.
    pub(crate) fn entity(&self, index: usize) -> &EntityAccess {
        &self.0[index]
    }
}

const OPERATIONS: [Operation; 6] = [
    Operation::Read,
    Operation::Create,
    Operation::Update,
    Operation::Delete,
    Operation::Export,
    Operation::Import,
];

fn entity_access(model: &Model, entity: &EntityModel, user: &UserContext) -> EntityAccess {
    if user.admin {
        let scopes = OPERATIONS.into_iter().map(|operation| (operation, Scope::Everything)).collect();
        return EntityAccess { scopes, fields: vec![FieldAccess::Write; entity.fields.len()] };
    }
    let mut scopes: HashMap<Operation, Scope> = HashMap::new();
    let mut fields = vec![FieldAccess::Hidden; entity.fields.len()];
    for role in user.roles.iter().filter_map(|key| model.roles.get(key)) {
        let Some(permission) = role.permissions.get(&entity.index) else { continue };
        for operation in &permission.operations {
            scopes.entry(*operation).or_default().widen(permission.rows.as_ref(), role.app);
        }
        for (slot, access) in fields.iter_mut().enumerate() {
            *access = (*access).max(permission.fields.get(&slot).copied().unwrap_or(FieldAccess::Write));
        }
    }
    // Without its id a record could not be pointed at.
    fields[system::ID] = FieldAccess::Write;
    EntityAccess { scopes, fields }
}

/// Work that was already done, by what the roles permit.
#[derive(Debug, Default)]
pub(crate) struct AccessCache(RwLock<HashMap<String, Arc<Access>>>);

impl AccessCache {
    /// What this person may do.
    pub(crate) fn of(&self, model: &Model, user: &UserContext) -> Arc<Access> {
        if let Some(access) = self.0.read().get(&user.access_key) {
            return access.clone();
        }
        let access = Arc::new(Access::of(model, user));
        self.0.write().insert(user.access_key.clone(), access.clone());
        access
    }
}

/// Whether a record is within a scope.
pub(crate) fn covers(
    scope: &Scope,
    published: &Published,
    user: &UserContext,
    now: DateTime<Utc>,
    record: &[Value],
) -> bool {
    match scope {
        Scope::Nothing => false,
        Scope::Everything => true,
        Scope::Where(conditions) => conditions.iter().any(|(condition, app)| {
            let roots: [&[Value]; 3] = [record, &user.root, &published.model.apps[*app].setting_values];
            // A condition that fails to evaluate covers nothing.
            condition.test(&Context { now, tz: user.tz, roots: &roots }).unwrap_or(false)
        }),
    }
}

/// A scope as SQL: cases that exclude each other where an index can serve each of them, else one condition.
#[derive(Debug, Default)]
pub(crate) struct ScopeSql {
    /// Cases; empty when there is no restriction by cases.
    pub(crate) branches: Vec<Expr>,
    /// A condition.
    pub(crate) condition: Option<Expr>,
}

impl ScopeSql {
    /// As one condition.
    pub(crate) fn single(self) -> Option<Expr> {
        let any = self.branches.into_iter().reduce(ExprTrait::or);
        match (any, self.condition) {
            (Some(any), Some(condition)) => Some(any.and(condition)),
            (any, condition) => any.or(condition),
        }
    }
}

/// Translates a scope. Definitions whose scopes cannot be translated are refused when they are published.
pub(crate) fn scope_sql(
    scope: &Scope,
    entity: &EntityModel,
    published: &Published,
    user: &UserContext,
    now: DateTime<Utc>,
) -> Result<ScopeSql, Error> {
    let conditions = match scope {
        Scope::Everything => return Ok(ScopeSql::default()),
        Scope::Nothing => return Ok(ScopeSql { branches: vec![], condition: Some(Expr::cust("1 = 0")) }),
        Scope::Where(conditions) => conditions,
    };
    let mut parts = Vec::new();
    for (condition, app) in conditions {
        let roots: [&[Value]; 3] = [&[], &user.root, &published.model.apps[*app].setting_values];
        let cx = Context { now, tz: user.tz, roots: &roots };
        for part in condition.disjuncts() {
            let sql = part.to_sql(published.layout.naming.dialect, None, &cx).map_err(|diagnostic| {
                Error::BadRequest(Issue::new("query.scope").with("reason", diagnostic.message))
            })?;
            parts.push((part.equality(), sql));
        }
    }
    // `owner == me || owner == null`: one value and null of the same field exclude each other.
    let exclusive = match parts.as_slice() {
        [(Some(one), _), (Some(other), _)] => one.slot == other.slot && one.null != other.null,
        _ => false,
    };
    if exclusive {
        // What the field is compared with may be null as well (`user.department` of somebody without one); then the
        // two cases would be the same, and each record would be there twice.
        let apart = |(equality, sql): (Option<Equality>, Expr)| match equality {
            Some(Equality { slot, null: false }) => sql.and(select::column(entity, slot).is_not_null()),
            _ => sql,
        };
        return Ok(ScopeSql { branches: parts.into_iter().map(apart).collect(), condition: None });
    }
    let condition = parts.into_iter().map(|(_, sql)| sql).reduce(ExprTrait::or);
    Ok(ScopeSql { branches: vec![], condition })
}
