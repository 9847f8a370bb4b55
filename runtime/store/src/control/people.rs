//! People and departments of a tenant. What is written here is checked by the server before (existing departments and
//! roles, no circle of supervisors); this module keeps rows of different tenants apart and versions right.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Set,
    TransactionTrait,
};
use uuid::Uuid;

use super::entity::{department, session, token, user, user_role};
use super::{Control, Department, User};
use crate::Result;

/// What a new user is made of.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// Name used to sign in, lower case.
    pub login: String,
    /// Name shown to people.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Argon2id in PHC form.
    pub password_hash: Option<String>,
    /// May do everything in the tenant.
    pub administrator: bool,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Department.
    pub department_id: Option<Uuid>,
    /// Supervisor.
    pub supervisor_id: Option<Uuid>,
    /// Roles as `app.role`.
    pub roles: Vec<String>,
}

/// Changes of a user; what is `None` stays, an inner `None` empties.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// Sign-in name.
    pub login: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// Telephone number.
    pub phone: Option<Option<String>>,
    /// Argon2id in PHC form.
    pub password_hash: Option<String>,
    /// May sign in.
    pub active: Option<bool>,
    /// May do everything.
    pub administrator: Option<bool>,
    /// Language.
    pub language: Option<Option<String>>,
    /// Department.
    pub department_id: Option<Option<Uuid>>,
    /// Supervisor.
    pub supervisor_id: Option<Option<Uuid>>,
    /// All roles.
    pub roles: Option<Vec<String>>,
}

/// Changes of a department.
#[derive(Debug, Clone, Default)]
pub struct DepartmentPatch {
    /// Name.
    pub name: Option<String>,
    /// Department above.
    pub parent_id: Option<Option<Uuid>>,
    /// Order among siblings.
    pub position: Option<i32>,
}

impl Control {
    /// All users of a tenant by name, with their roles.
    pub async fn users(&self, tenant: Uuid) -> Result<Vec<(User, Vec<String>)>> {
        let rows = user::Entity::find().filter(user::Column::TenantId.eq(tenant));
        let users =
            rows.order_by_asc(user::Column::Name).order_by_asc(user::Column::Id).all(&self.db).await?;
        let ids = Query::select()
            .column(user::Column::Id)
            .from(user::Entity)
            .and_where(Expr::col(user::Column::TenantId).eq(tenant))
            .to_owned();
        let roles = user_role::Entity::find().filter(user_role::Column::UserId.in_subquery(ids));
        let mut by_user: HashMap<Uuid, Vec<String>> = HashMap::new();
        for row in roles.order_by_asc(user_role::Column::Role).all(&self.db).await? {
            by_user.entry(row.user_id).or_default().push(row.role);
        }
        let with_roles = |user: User| {
            let roles = by_user.remove(&user.id).unwrap_or_default();
            (user, roles)
        };
        Ok(users.into_iter().map(with_roles).collect())
    }

    /// A user of the tenant.
    pub async fn user(&self, tenant: Uuid, id: Uuid) -> Result<Option<User>> {
        let row = user::Entity::find_by_id(id).filter(user::Column::TenantId.eq(tenant));
        Ok(row.one(&self.db).await?)
    }

    /// A user of the tenant by the name used to sign in.
    pub async fn user_by_login(&self, tenant: Uuid, login: &str) -> Result<Option<User>> {
        let row = user::Entity::find()
            .filter(user::Column::TenantId.eq(tenant))
            .filter(user::Column::Login.eq(login.to_lowercase()));
        Ok(row.one(&self.db).await?)
    }

    /// Makes a user. A login that is taken is [`crate::Error::Unique`].
    pub async fn create_user(
        &self,
        tenant: Uuid,
        id: Uuid,
        new: NewUser,
        now: DateTime<Utc>,
    ) -> Result<User> {
        let transaction = self.db.begin().await?;
        let row = user::ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            login: Set(new.login.to_lowercase()),
            name: Set(new.name),
            email: Set(new.email),
            phone: Set(new.phone),
            password_hash: Set(new.password_hash),
            active: Set(true),
            administrator: Set(new.administrator),
            language: Set(new.language),
            department_id: Set(new.department_id),
            supervisor_id: Set(new.supervisor_id),
            version: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let user = row.insert(&transaction).await?;
        write_roles(&transaction, id, new.roles).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Changes a user. `None` when there is no such user in the tenant, or when `version` is given and has passed.
    pub async fn update_user(
        &self,
        tenant: Uuid,
        id: Uuid,
        version: Option<i64>,
        patch: UserPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<User>> {
        let transaction = self.db.begin().await?;
        // Written first, so that nobody else writes between what is read here and what is written.
        let own =
            user::Entity::update_many().col_expr(user::Column::Version, Expr::col(user::Column::Version));
        own.filter(user::Column::Id.eq(id)).exec(&transaction).await?;
        let row = user::Entity::find_by_id(id).filter(user::Column::TenantId.eq(tenant));
        let Some(row) = row.one(&transaction).await? else { return Ok(None) };
        if version.is_some_and(|version| version != row.version) {
            return Ok(None);
        }
        let roles = patch.roles.clone();
        let user = patched(row, patch, now).update(&transaction).await?;
        if let Some(roles) = roles {
            let old = user_role::Entity::delete_many().filter(user_role::Column::UserId.eq(id));
            old.exec(&transaction).await?;
            write_roles(&transaction, id, roles).await?;
        }
        transaction.commit().await?;
        Ok(Some(user))
    }

    /// All departments of a tenant in order.
    pub async fn departments(&self, tenant: Uuid) -> Result<Vec<Department>> {
        let rows = department::Entity::find().filter(department::Column::TenantId.eq(tenant));
        let rows = rows.order_by_asc(department::Column::Position).order_by_asc(department::Column::Name);
        Ok(rows.all(&self.db).await?)
    }

    /// Makes a department.
    pub async fn create_department(
        &self,
        tenant: Uuid,
        id: Uuid,
        name: String,
        parent_id: Option<Uuid>,
        position: i32,
    ) -> Result<Department> {
        let row = department::ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            name: Set(name),
            parent_id: Set(parent_id),
            position: Set(position),
        };
        Ok(row.insert(&self.db).await?)
    }

    /// Changes a department.
    pub async fn update_department(
        &self,
        tenant: Uuid,
        id: Uuid,
        patch: DepartmentPatch,
    ) -> Result<Option<Department>> {
        let row = department::Entity::find_by_id(id).filter(department::Column::TenantId.eq(tenant));
        let Some(row) = row.one(&self.db).await? else { return Ok(None) };
        let mut row = department::ActiveModel::from(row);
        if let Some(name) = patch.name {
            row.name = Set(name);
        }
        if let Some(parent) = patch.parent_id {
            row.parent_id = Set(parent);
        }
        if let Some(position) = patch.position {
            row.position = Set(position);
        }
        Ok(Some(row.update(&self.db).await?))
    }

    /// Removes a department; its people and the departments below move to the one above.
    pub async fn delete_department(&self, tenant: Uuid, id: Uuid) -> Result<bool> {
        let transaction = self.db.begin().await?;
        let row = department::Entity::find_by_id(id).filter(department::Column::TenantId.eq(tenant));
        let Some(row) = row.one(&transaction).await? else { return Ok(false) };
        let above = Expr::value(row.parent_id);
        let people = user::Entity::update_many().col_expr(user::Column::DepartmentId, above.clone());
        people.filter(user::Column::DepartmentId.eq(id)).exec(&transaction).await?;
        let below = department::Entity::update_many().col_expr(department::Column::ParentId, above);
        below.filter(department::Column::ParentId.eq(id)).exec(&transaction).await?;
        department::Entity::delete_by_id(id).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends all sessions and, when asked, all tokens of a user: after a new password or a deactivation.
    pub async fn end_access(&self, user: Uuid, tokens: bool) -> Result<()> {
        session::Entity::delete_many().filter(session::Column::UserId.eq(user)).exec(&self.db).await?;
        if tokens {
            token::Entity::delete_many().filter(token::Column::UserId.eq(user)).exec(&self.db).await?;
        }
        Ok(())
    }
}

async fn write_roles(connection: &impl ConnectionTrait, user: Uuid, roles: Vec<String>) -> Result<()> {
    let row = |role: String| user_role::ActiveModel { user_id: Set(user), role: Set(role) };
    let mut roles = roles;
    roles.sort();
    roles.dedup();
    if !roles.is_empty() {
        user_role::Entity::insert_many(roles.into_iter().map(row)).exec_without_returning(connection).await?;
    }
    Ok(())
}

fn patched(row: User, patch: UserPatch, now: DateTime<Utc>) -> user::ActiveModel {
    let version = row.version + 1;
    let mut row = user::ActiveModel::from(row);
    if let Some(login) = patch.login {
        row.login = Set(login.to_lowercase());
    }
    if let Some(name) = patch.name {
        row.name = Set(name);
    }
    if let Some(email) = patch.email {
        row.email = Set(email);
    }
    if let Some(phone) = patch.phone {
        row.phone = Set(phone);
    }
    if let Some(hash) = patch.password_hash {
        row.password_hash = Set(Some(hash));
    }
    if let Some(active) = patch.active {
        row.active = Set(active);
    }
    if let Some(administrator) = patch.administrator {
        row.administrator = Set(administrator);
    }
    if let Some(language) = patch.language {
        row.language = Set(language);
    }
    if let Some(department) = patch.department_id {
        row.department_id = Set(department);
    }
    if let Some(supervisor) = patch.supervisor_id {
        row.supervisor_id = Set(supervisor);
    }
    row.version = Set(version);
    row.updated_at = Set(now);
    row
}
