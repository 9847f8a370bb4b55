//! Sessions, tokens and failed sign-ins. Secrets never come here: callers give SHA-256 sums.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Set};
use uuid::Uuid;

use super::entity::{session, sign_in_failure, token};
use super::{Control, Session, Token};
use crate::Result;

impl Control {
    /// Stores a session.
    pub async fn create_session(&self, session: Session) -> Result<()> {
        session::Entity::insert(session.into_active_model()).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The session with this hash, expired or not.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>> {
        Ok(session::Entity::find_by_id(hash).one(&self.db).await?)
    }

    /// Sessions of a user that have not ended, newest first.
    pub async fn sessions(&self, tenant: Uuid, user: Uuid, now: DateTime<Utc>) -> Result<Vec<Session>> {
        let rows = session::Entity::find()
            .filter(session::Column::TenantId.eq(tenant))
            .filter(session::Column::UserId.eq(user))
            .filter(session::Column::ExpiresAt.gt(now));
        Ok(rows.order_by_desc(session::Column::CreatedAt).all(&self.db).await?)
    }

    /// Lets a session last longer.
    pub async fn extend_session(&self, hash: &str, expires_at: DateTime<Utc>) -> Result<()> {
        let change = session::Entity::update_many()
            .col_expr(session::Column::ExpiresAt, expires_at.into())
            .filter(session::Column::Hash.eq(hash));
        change.exec(&self.db).await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn delete_session(&self, hash: &str) -> Result<()> {
        session::Entity::delete_by_id(hash).exec(&self.db).await?;
        Ok(())
    }

    /// Forgets what has expired; called at start and from time to time.
    pub async fn delete_expired(&self, now: DateTime<Utc>, failures_before: DateTime<Utc>) -> Result<()> {
        session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(now)).exec(&self.db).await?;
        token::Entity::delete_many().filter(token::Column::ExpiresAt.lt(now)).exec(&self.db).await?;
        let failures = sign_in_failure::Entity::delete_many();
        failures.filter(sign_in_failure::Column::LastAt.lt(failures_before)).exec(&self.db).await?;
        Ok(())
    }

    /// Stores a token.
    pub async fn create_token(&self, token: Token) -> Result<()> {
        token::Entity::insert(token.into_active_model()).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The token with this hash, expired or not.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<Token>> {
        Ok(token::Entity::find().filter(token::Column::Hash.eq(hash)).one(&self.db).await?)
    }

    /// Tokens of a tenant, of one user when given, newest first.
    pub async fn tokens(&self, tenant: Uuid, user: Option<Uuid>) -> Result<Vec<Token>> {
        let mut rows = token::Entity::find().filter(token::Column::TenantId.eq(tenant));
        if let Some(user) = user {
            rows = rows.filter(token::Column::UserId.eq(user));
        }
        Ok(rows.order_by_desc(token::Column::CreatedAt).all(&self.db).await?)
    }

    /// Removes a token; of one user only when given. The removed token, if there was one.
    pub async fn delete_token(&self, tenant: Uuid, user: Option<Uuid>, id: Uuid) -> Result<Option<Token>> {
        let row = token::Entity::find_by_id(id).filter(token::Column::TenantId.eq(tenant));
        let Some(row) = row.one(&self.db).await? else { return Ok(None) };
        if user.is_some_and(|user| user != row.user_id) {
            return Ok(None);
        }
        token::Entity::delete_by_id(id).exec(&self.db).await?;
        Ok(Some(row))
    }

    /// Failures in a row and the last one, for a key.
    pub async fn sign_in_failures(&self, key: &str) -> Result<Option<(i32, DateTime<Utc>)>> {
        let row = sign_in_failure::Entity::find_by_id(key).one(&self.db).await?;
        Ok(row.map(|row| (row.count, row.last_at)))
    }

    /// Stores how often it failed.
    pub async fn set_sign_in_failures(&self, key: &str, count: i32, now: DateTime<Utc>) -> Result<()> {
        let row =
            sign_in_failure::ActiveModel { key: Set(key.to_owned()), count: Set(count), last_at: Set(now) };
        let mut conflict = OnConflict::column(sign_in_failure::Column::Key);
        conflict.update_columns([sign_in_failure::Column::Count, sign_in_failure::Column::LastAt]);
        let insert = sign_in_failure::Entity::insert(row).on_conflict(conflict);
        insert.exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// Forgets failures after a success.
    pub async fn clear_sign_in_failures(&self, key: &str) -> Result<()> {
        sign_in_failure::Entity::delete_by_id(key).exec(&self.db).await?;
        Ok(())
    }
}
