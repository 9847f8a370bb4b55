//! Whether a record is open to a person: the roles have to cover it, and where it is a child row of another record
//! (a field of type `lines` there), that record has to be open as well. A child row is never seen by somebody who does
//! not see what it belongs to, and never changed by somebody who may not change that.
//!
//! The record above is asked for in the same statement, by its primary key or through the index of the reference.
//! Entities that lie below themselves are followed one step, else the statement would have no end. A row may be without
//! a record above it where the reference is not required; it is like any record then.

use mortise_definition::model::{EntityModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use mortise_store::{Param, Session, TenantStore, select};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, UnionType};

use crate::access::{Scope, ScopeSql, denied};
use crate::commands::Work;
use crate::error::Error;

type Statement = (String, Vec<Param>);

impl Work {
    /// Which records the roles cover by themselves, as SQL.
    pub(crate) fn own_scope_sql(
        &self,
        entity: &EntityModel,
        operation: Operation,
    ) -> Result<ScopeSql, Error> {
        self.asker().sql(self.access(entity).scope(operation), entity, None)
    }

    /// Which records are open to an operation, as SQL over the table of the entity.
    pub(crate) fn scope_sql(&self, entity: &EntityModel, operation: Operation) -> Result<ScopeSql, Error> {
        self.scope_sql_within(entity, operation, None)
    }

    /// The same for child rows of a record that was asked about already: it is not asked about again.
    pub(crate) fn scope_sql_within(
        &self,
        entity: &EntityModel,
        operation: Operation,
        within: Option<Slot>,
    ) -> Result<ScopeSql, Error> {
        let mut scope = self.own_scope_sql(entity, operation)?;
        let everything = matches!(self.access(entity).scope(operation), Scope::Everything);
        for (parent, via) in self.parents(entity, within) {
            let Some(above) = self.open_above(parent, operation, &mut vec![entity.index])? else { continue };
            // A few records are looked up first, and their rows through the index of the reference; where there may
            // be many, or the rows are few by themselves, each row looks for the one above it.
            let few = everything && self.access(parent).scope(Operation::Read).narrow();
            let reference = Expr::col((Alias::new(&entity.table), Alias::new(&*entity.fields[via].name)));
            let mut condition = match few {
                true => reference.clone().in_subquery(above.ids()),
                false => Expr::exists(above.of(reference.clone())),
            };
            if !entity.fields[via].required {
                condition = reference.is_null().or(condition);
            }
            scope.condition = Some(match scope.condition {
                Some(own) => own.and(condition),
                None => condition,
            });
        }
        Ok(scope)
    }

    /// Entities whose changes may open or close records of this one to the person.
    pub(crate) fn above(&self, entity: &EntityModel) -> Vec<usize> {
        let mut found = Vec::new();
        let mut waiting = vec![entity.index];
        while let Some(index) = waiting.pop() {
            for (parent, _) in &self.published.parents[index] {
                if *parent != entity.index && !found.contains(parent) {
                    found.push(*parent);
                    waiting.push(*parent);
                }
            }
        }
        found
    }

    /// Whether the operation is open on this record.
    pub(crate) async fn reaches(
        &self,
        store: &TenantStore,
        entity: &EntityModel,
        operation: Operation,
        record: &[Value],
    ) -> Result<bool, Error> {
        let Some(questions) = self.questions(entity, operation, record, None)? else { return Ok(false) };
        for (sql, params) in &questions {
            if store.fetch(sql, params, |row| row.id(0)).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same inside a write, for child rows perhaps within a record that was asked about already.
    pub(crate) fn reaches_in(
        &self,
        session: &mut Session<'_>,
        entity: &EntityModel,
        operation: Operation,
        record: &[Value],
        within: Option<Slot>,
    ) -> Result<bool, Error> {
        let Some(questions) = self.questions(entity, operation, record, within)? else { return Ok(false) };
        for (sql, params) in &questions {
            if session.query(sql, params, |row| row.id(0))?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fails with "not found" for records out of sight, with "denied" for those that may be seen but not so treated.
    pub(crate) async fn demand(
        &self,
        store: &TenantStore,
        entity: &EntityModel,
        operation: Operation,
        record: &[Value],
    ) -> Result<(), Error> {
        if !self.reaches(store, entity, Operation::Read, record).await? {
            return Err(Error::no_record());
        }
        match self.reaches(store, entity, operation, record).await? {
            true => Ok(()),
            false => Err(denied(entity)),
        }
    }

    /// The same inside a write.
    pub(crate) fn demand_in(
        &self,
        session: &mut Session<'_>,
        entity: &EntityModel,
        operation: Operation,
        record: &[Value],
        within: Option<Slot>,
    ) -> Result<(), Error> {
        if !self.reaches_in(session, entity, Operation::Read, record, within)? {
            return Err(Error::no_record());
        }
        match self.reaches_in(session, entity, operation, record, within)? {
            true => Ok(()),
            false => Err(denied(entity)),
        }
    }

    /// Fails when a record becomes a child row, by a reference in one of these slots, of a record that the person may
    /// not change.
    pub(crate) fn demand_above(
        &self,
        session: &mut Session<'_>,
        entity: &EntityModel,
        record: &[Value],
        slots: &[Slot],
    ) -> Result<(), Error> {
        let becomes = |via: &Slot| slots.contains(via) && !record[*via].is_null();
        for (parent, via) in self.parents(entity, None).filter(|(_, via)| becomes(via)) {
            if let Some((sql, params)) = self.question(entity, parent, Operation::Update, &record[via])?
                && session.query(&sql, &params, |row| row.id(0))?.is_empty()
            {
                return Err(denied(parent));
            }
        }
        Ok(())
    }

    /// What has to be asked about a record, each question to be answered by a row; none when the answer is no.
    fn questions(
        &self,
        entity: &EntityModel,
        operation: Operation,
        record: &[Value],
        within: Option<Slot>,
    ) -> Result<Option<Vec<Statement>>, Error> {
        if !self.asker().covers(self.access(entity).scope(operation), record) {
            return Ok(None);
        }
        let mut questions = Vec::new();
        for (parent, via) in self.parents(entity, within) {
            if record[via].is_null() && !entity.fields[via].required {
                continue;
            }
            questions.extend(self.question(entity, parent, operation, &record[via])?);
        }
        Ok(Some(questions))
    }

    /// Whether the record of an id is open to those who do this with rows below it; none where all are.
    fn question(
        &self,
        entity: &EntityModel,
        parent: &EntityModel,
        operation: Operation,
        id: &Value,
    ) -> Result<Option<Statement>, Error> {
        let Some(above) = self.open_above(parent, operation, &mut vec![entity.index])? else {
            return Ok(None);
        };
        let id = Expr::val(Param::Uuid(id.as_id()));
        Ok(Some(select::build(&above.of(id), self.published.layout.naming.dialect)))
    }

    /// The entities that records of this one are child rows of.
    fn parents(
        &self,
        entity: &EntityModel,
        within: Option<Slot>,
    ) -> impl Iterator<Item = (&EntityModel, Slot)> {
        let parents =
            self.published.parents[entity.index].iter().filter(move |(_, via)| Some(*via) != within);
        parents.map(|(parent, via)| (&*self.published.model.entities[*parent], *via))
    }

    /// Records that are open to somebody who does this with rows below them; none where all are. `path` are the
    /// entities below.
    fn open_above(
        &self,
        parent: &EntityModel,
        operation: Operation,
        path: &mut Vec<usize>,
    ) -> Result<Option<Above>, Error> {
        let alias = format!("above{}", path.len());
        // Changing the rows of a record is changing the record.
        let demanded: &[Operation] = match operation {
            Operation::Read | Operation::Export => &[Operation::Read],
            _ => &[Operation::Read, Operation::Update],
        };
        let mut conditions: Vec<Expr> = Vec::new();
        for demanded in demanded {
            let scope = self.access(parent).scope(*demanded);
            let sql = self.asker().sql(scope, parent, Some(&alias))?.single();
            conditions.extend(sql.filter(|sql| !conditions.contains(sql)));
        }
        let known = path.contains(&parent.index);
        path.push(parent.index);
        for (grandparent, via) in self.parents(parent, None).filter(|_| !known) {
            let Some(above) = self.open_above(grandparent, operation, path)? else { continue };
            let reference = Expr::col((Alias::new(&alias), Alias::new(&*parent.fields[via].name)));
            let open = Expr::exists(above.of(reference.clone()));
            conditions.push(match parent.fields[via].required {
                true => open,
                false => reference.is_null().or(open),
            });
        }
        path.pop();
        if conditions.is_empty() {
            return Ok(None);
        }
        let column = |slot: Slot| Expr::col((Alias::new(&alias), Alias::new(system::NAMES[slot])));
        let id = column(system::ID);
        let mut select = Query::select();
        select.expr(id.clone());
        select.from_as(self.published.layout.tables[parent.index].from.clone(), Alias::new(&alias));
        for condition in conditions {
            select.and_where(condition);
        }
        Ok(Some(Above { select, id, deleted_at: column(system::DELETED_AT) }))
    }
}

/// The records of an entity that are open.
struct Above {
    select: SelectStatement,
    id: Expr,
    deleted_at: Expr,
}

impl Above {
    /// Their ids. Indexes hold either the living or the trash.
    fn ids(self) -> SelectStatement {
        let mut living = self.select.clone();
        let mut trash = self.select;
        living.and_where(self.deleted_at.clone().is_null());
        trash.and_where(self.deleted_at.is_not_null());
        living.union(UnionType::All, trash).take()
    }

    /// The one of an id.
    fn of(mut self, id: Expr) -> SelectStatement {
        self.select.and_where(self.id.eq(id));
        self.select
    }
}
