//! What a set of roles may do, worked out once per model: operations with their row scopes, and fields.
//! Roles add up record by record: a record is open to a person as far as a role that covers it opens it. Rows of one
//! role are never joined with operations or fields of another; what no role permits is denied (PLAT-20, decision 6).

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, Model, RoleModel, Slot, roots, system};
use mortise_definition::source::{FieldAccess, Operation};
use mortise_expr::{Context, Equality, Expression, Value};
use mortise_store::select;
use parking_lot::RwLock;
use sea_query::{Alias, Expr, ExprTrait};

use crate::error::Error;
use crate::people::UserContext;
use crate::published::Published;
use crate::values::Issue;

/// A condition on records, and the app whose settings it sees.
pub(crate) type Rows = (Expression, usize);

/// Which records something covers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Scope {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// Those for which one of the conditions holds.
    Where(Vec<Rows>),
}

impl Scope {
    /// Those that one of these covers; without a condition it is all of them.
    fn of<'a>(parts: impl Iterator<Item = Option<&'a Rows>>) -> Scope {
        let mut scope = Scope::Nothing;
        for rows in parts {
            match (&mut scope, rows) {
                (_, None) => return Scope::Everything,
                (Scope::Where(conditions), Some(rows)) => conditions.push(rows.clone()),
                (_, Some(rows)) => scope = Scope::Where(vec![rows.clone()]),
            }
        }
        scope
    }

    /// Whether the scope depends on the present moment.
    pub(crate) fn volatile(&self) -> bool {
        matches!(self, Scope::Where(conditions) if conditions.iter().any(|(condition, _)| condition.volatile()))
    }

    /// Whether it can be expected to cover few records: those where a field is a value of the person.
    pub(crate) fn narrow(&self) -> bool {
        let one = |part: &Expression| part.equality().is_some_and(|equality| !equality.null);
        matches!(self, Scope::Where(conditions)
            if conditions.iter().flat_map(|(condition, _)| condition.disjuncts()).all(|part| one(&part)))
    }
}

/// What one role permits on an entity.
#[derive(Debug)]
struct Grant {
    operations: Vec<Operation>,
    rows: Option<Rows>,
    fields: Vec<FieldAccess>,
}

impl Grant {
    fn of(entity: &EntityModel, role: &RoleModel) -> Option<Grant> {
        let permission = role.permissions.get(&entity.index)?;
        let access = |slot: Slot| permission.fields.get(&slot).copied().unwrap_or(FieldAccess::Write);
        Some(Grant {
            operations: permission.operations.clone(),
            rows: permission.rows.clone().map(|rows| (rows, role.app)),
            fields: (0..entity.fields.len()).map(access).collect(),
        })
    }

    fn everything(entity: &EntityModel) -> Grant {
        let fields = vec![FieldAccess::Write; entity.fields.len()];
        Grant { operations: OPERATIONS.to_vec(), rows: None, fields }
    }

    /// Whether the role opens a field for an operation.
    fn opens(&self, operation: Operation, slot: Slot) -> bool {
        match operation {
            // Without its id a record could not be pointed at.
            _ if slot == system::ID => true,
            Operation::Read | Operation::Export | Operation::Delete => {
                self.fields[slot] > FieldAccess::Hidden
            }
            Operation::Create | Operation::Update | Operation::Import => {
                self.fields[slot] == FieldAccess::Write
            }
        }
    }
}

/// On which of the records that an operation covers a field is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Nowhere,
    Somewhere,
    Everywhere,
}

/// What an operation covers.
#[derive(Debug)]
struct Reach {
    scope: Scope,
    /// By slot.
    fields: Vec<Extent>,
    /// Fields that are open on some records only.
    partial: Vec<Slot>,
}

impl Reach {
    fn of(operation: Operation, grants: &[Grant], slots: usize) -> Reach {
        let permitting = || grants.iter().filter(|grant| grant.operations.contains(&operation));
        // A new record is nowhere yet: what may be given does not depend on it.
        let anew = matches!(operation, Operation::Create | Operation::Import);
        let extent = |slot: Slot| {
            let opening = || permitting().filter(|grant| grant.opens(operation, slot));
            let unlimited = || opening().any(|grant| grant.rows.is_none());
            match opening().count() {
                0 => Extent::Nowhere,
                some if anew || some == permitting().count() || unlimited() => Extent::Everywhere,
                _ => Extent::Somewhere,
            }
        };
        let fields: Vec<Extent> = (0..slots).map(extent).collect();
        Reach {
            scope: Scope::of(permitting().map(|grant| grant.rows.as_ref())),
            partial: (0..slots).filter(|slot| fields[*slot] == Extent::Somewhere).collect(),
            fields,
        }
    }
}

/// What may be done with the records of one entity.
#[derive(Debug)]
pub(crate) struct EntityAccess {
    grants: Vec<Grant>,
    /// By operation, in the order of [`OPERATIONS`]: it is looked at for every value that is shown.
    reaches: [Reach; OPERATIONS.len()],
}

impl EntityAccess {
    fn new(model: &Model, entity: &EntityModel, user: &UserContext) -> EntityAccess {
        let roles = user.roles.iter().filter_map(|key| model.roles.get(key));
        let grants: Vec<Grant> = match user.admin {
            true => vec![Grant::everything(entity)],
            false => roles.filter_map(|role| Grant::of(entity, role)).collect(),
        };
        let reach = |operation| Reach::of(operation, &grants, entity.fields.len());
        EntityAccess { reaches: OPERATIONS.map(reach), grants }
    }

    fn reach(&self, operation: Operation) -> &Reach {
        &self.reaches[operation as usize]
    }

    /// Which records the operation covers.
    pub(crate) fn scope(&self, operation: Operation) -> &Scope {
        &self.reach(operation).scope
    }

    /// Whether the operation is permitted for any record.
    pub(crate) fn may(&self, operation: Operation) -> bool {
        !matches!(self.scope(operation), Scope::Nothing)
    }

    /// Whether a field may be seen on some records.
    pub(crate) fn sees(&self, slot: Slot) -> bool {
        self.opens(Operation::Read, slot)
    }

    /// Whether a field may be seen on every record that may be seen.
    pub(crate) fn sees_everywhere(&self, slot: Slot) -> bool {
        self.reach(Operation::Read).fields[slot] == Extent::Everywhere
    }

    /// Whether a field is open to an operation on some records.
    pub(crate) fn opens(&self, operation: Operation, slot: Slot) -> bool {
        self.reach(operation).fields[slot] != Extent::Nowhere
    }

    /// Fields that are open to the operation on some of its records only.
    pub(crate) fn partial(&self, operation: Operation) -> &[Slot] {
        &self.reach(operation).partial
    }

    /// Of the records that the operation covers, those on which it may touch the field.
    pub(crate) fn opening(&self, operation: Operation, slot: Slot) -> Scope {
        let opening = |grant: &&Grant| grant.operations.contains(&operation) && grant.opens(operation, slot);
        match self.reach(operation).fields[slot] {
            Extent::Everywhere => Scope::Everything,
            _ => Scope::of(self.grants.iter().filter(opening).map(|grant| grant.rows.as_ref())),
        }
    }

    /// What has to be read of a record to tell which of its fields are open.
    pub(crate) fn decisive(&self, operation: Operation) -> Vec<Slot> {
        if self.partial(operation).is_empty() {
            return Vec::new();
        }
        let conditions = self.grants.iter().filter_map(|grant| grant.rows.as_ref());
        let references = conditions.flat_map(|(condition, _)| condition.references());
        references
            .filter(|reference| reference.root == roots::RECORD)
            .map(|reference| reference.slot)
            .collect()
    }

    /// Fields of a record that the operation may not touch, although it may on others. `holds` tells whether a
    /// condition covers the record.
    pub(crate) fn closed(&self, operation: Operation, holds: impl Fn(&Rows) -> bool) -> Vec<Slot> {
        let partial = self.partial(operation);
        if partial.is_empty() {
            return Vec::new();
        }
        let covers =
            |grant: &&Grant| grant.operations.contains(&operation) && grant.rows.as_ref().is_none_or(&holds);
        let covering: Vec<&Grant> = self.grants.iter().filter(covers).collect();
        let closed = |slot: &Slot| !covering.iter().any(|grant| grant.opens(operation, *slot));
        partial.iter().copied().filter(closed).collect()
    }

    /// Fails when the operation is permitted for no record.
    pub(crate) fn demand(&self, operation: Operation, entity: &EntityModel) -> Result<(), Error> {
        match self.may(operation) {
            true => Ok(()),
            false => Err(denied(entity)),
        }
    }
}

/// The person may not do this with records of the entity.
pub(crate) fn denied(entity: &EntityModel) -> Error {
    Error::Forbidden(Issue::new("permission.denied").with("entity", &entity.key))
}

/// What may be done in a tenant, by index of the entity.
#[derive(Debug)]
pub(crate) struct Access(Vec<EntityAccess>);

impl Access {
    /// Works out what a person's roles permit.
    fn of(model: &Model, user: &UserContext) -> Access {
        Access(model.entities.iter().map(|entity| EntityAccess::new(model, entity, user)).collect())
    }

    /// Access to one entity.
    pub(crate) fn entity(&self, index: usize) -> &EntityAccess {
        &self.0[index]
    }
}

/// All operations, in the order in which they are declared.
const OPERATIONS: [Operation; 6] = [
    Operation::Read,
    Operation::Create,
    Operation::Update,
    Operation::Delete,
    Operation::Export,
    Operation::Import,
];

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

/// For whom and when a scope is asked about.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) published: &'a Published,
    pub(crate) user: &'a UserContext,
    pub(crate) now: DateTime<Utc>,
}

impl Asker<'_> {
    /// Whether a condition holds on a record; one that fails to evaluate covers nothing.
    pub(crate) fn holds(&self, (condition, app): &Rows, record: &[Value]) -> bool {
        let roots: [&[Value]; 3] = [record, &self.user.root, &self.published.model.apps[*app].setting_values];
        condition
            .test(&Context { now: self.now, tz: self.user.tz, roots: &roots, functions: None })
            .unwrap_or(false)
    }

    /// Whether a record is within a scope.
    pub(crate) fn covers(&self, scope: &Scope, record: &[Value]) -> bool {
        match scope {
            Scope::Nothing => false,
            Scope::Everything => true,
            Scope::Where(conditions) => conditions.iter().any(|rows| self.holds(rows, record)),
        }
    }

    /// Translates a scope; columns are those of `alias`, where given. Definitions whose scopes cannot be translated are
    /// refused when they are published.
    pub(crate) fn sql(
        &self,
        scope: &Scope,
        entity: &EntityModel,
        alias: Option<&str>,
    ) -> Result<ScopeSql, Error> {
        let conditions = match scope {
            Scope::Everything => return Ok(ScopeSql::default()),
            Scope::Nothing => return Ok(ScopeSql { branches: vec![], condition: Some(Expr::cust("1 = 0")) }),
            Scope::Where(conditions) => conditions,
        };
        let mut parts = Vec::new();
        for (condition, app) in conditions {
            let roots: [&[Value]; 3] =
                [&[], &self.user.root, &self.published.model.apps[*app].setting_values];
            let cx = Context { now: self.now, tz: self.user.tz, roots: &roots, functions: None };
            for part in condition.disjuncts() {
                let sql =
                    part.to_sql(self.published.layout.naming.dialect, alias, &cx).map_err(|diagnostic| {
                        Error::BadRequest(Issue::new("query.scope").with("reason", diagnostic.message))
                    })?;
                parts.push((part.equality(), sql));
            }
        }
        Ok(ScopeSql::of(entity, alias, parts))
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
    fn of(entity: &EntityModel, alias: Option<&str>, parts: Vec<(Option<Equality>, Expr)>) -> ScopeSql {
        // `owner == me || owner == null`: one value and null of the same field exclude each other.
        let exclusive = match parts.as_slice() {
            [(Some(one), _), (Some(other), _)] => one.slot == other.slot && one.null != other.null,
            _ => false,
        };
        if !exclusive {
            let condition = parts.into_iter().map(|(_, sql)| sql).reduce(ExprTrait::or);
            return ScopeSql { branches: vec![], condition };
        }
        // What the field is compared with may be null as well (`user.department` of somebody without one); then the
        // two cases would be the same, and each record would be there twice.
        let apart = |(equality, sql): (Option<Equality>, Expr)| match equality {
            Some(Equality { slot, null: false }) => sql.and(column(entity, slot, alias).is_not_null()),
            _ => sql,
        };
        ScopeSql { branches: parts.into_iter().map(apart).collect(), condition: None }
    }

    /// As one condition.
    pub(crate) fn single(self) -> Option<Expr> {
        let any = self.branches.into_iter().reduce(ExprTrait::or);
        match (any, self.condition) {
            (Some(any), Some(condition)) => Some(any.and(condition)),
            (any, condition) => any.or(condition),
        }
    }
}

fn column(entity: &EntityModel, slot: Slot, alias: Option<&str>) -> Expr {
    match alias {
        Some(alias) => Expr::col((Alias::new(alias), Alias::new(entity.fields[slot].name.as_ref()))),
        None => select::column(entity, slot),
    }
}

#[cfg(test)]
mod tests {
    use super::OPERATIONS;

    #[test]
    fn operations_stand_at_their_places() {
        assert!(OPERATIONS.iter().enumerate().all(|(place, operation)| *operation as usize == place));
    }
}
