//! `mortise user …`: the first administrator of a tenant, forgotten passwords, a list.

use std::io::{BufRead, IsTerminal};

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::words::Words;

const COLUMNS: [&str; 5] = ["login", "name", "active", "administrator", "roles"];

#[derive(Subcommand)]
pub(super) enum Task {
    /// Make a user; without a password one is made and printed.
    Create(Create),
    /// Set a password; read from standard input, or made and printed.
    Password {
        /// Tenant.
        tenant: String,
        /// Name used to sign in.
        login: String,
        /// Read the password from standard input.
        #[arg(long)]
        stdin: bool,
    },
    /// Make an API token in a person's name; printed once.
    Token {
        /// Tenant.
        tenant: String,
        /// Name used to sign in.
        login: String,
        /// What the token is for.
        #[arg(long, default_value = "command line")]
        name: String,
        /// read, write, admin, or one of the first two for an entity (read:app.entity); may be given several times.
        #[arg(long = "scope", default_values_t = ["read".to_owned()])]
        scopes: Vec<String>,
    },
    /// List users.
    List {
        /// Tenant.
        tenant: String,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// Tenant.
    tenant: String,
    /// Name used to sign in.
    login: String,
    /// Name shown to people; the login unless given.
    #[arg(long)]
    name: Option<String>,
    /// E-mail address.
    #[arg(long)]
    email: Option<String>,
    /// May do everything in the tenant.
    #[arg(long)]
    administrator: bool,
    /// Role as app.role; may be given several times.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Login of the supervisor.
    #[arg(long)]
    supervisor: Option<String>,
    /// Name of the department; made when there is none.
    #[arg(long)]
    department: Option<String>,
    /// Language chosen for the person.
    // An id of its own: `language` is that of the terminal.
    #[arg(id = "user_language", long = "user-language", value_name = "LANGUAGE")]
    language: Option<String>,
    /// Read the password from standard input.
    #[arg(long)]
    stdin: bool,
}

impl Task {
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        match self {
            Task::Create(create) => create.run(client, words).await,
            Task::Password { tenant, login, stdin } => {
                let id = id_of(client, words, &tenant, &login).await?;
                let (password, made) = password(stdin)?;
                let path = format!("/t/{tenant}/api/v1/users/{id}");
                client.call(Method::PATCH, &path, Some(&json!({"password": password}))).await?;
                words.say("cli.user.password_set", &[("login", &login)]);
                show(words, &login, made.then_some(password));
                Ok(())
            }
            Task::Token { tenant, login, name, scopes } => {
                let user = id_of(client, words, &tenant, &login).await?;
                let body = json!({"name": name, "scopes": scopes, "user": user});
                let token = client.post(&format!("/t/{tenant}/api/v1/tokens"), &body).await?;
                words.result(&token);
                let secret = token["token"].as_str().unwrap_or_default();
                words.say("cli.user.token", &[("login", &login), ("token", secret)]);
                Ok(())
            }
            Task::List { tenant } => {
                let users = client.get(&format!("/t/{tenant}/api/v1/users")).await?;
                words.table(users["rows"].as_array().map_or(&[], Vec::as_slice), &COLUMNS);
                Ok(())
            }
        }
    }
}

impl Create {
    async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        let tenant = &self.tenant;
        let (password, made) = password(self.stdin)?;
        let mut body = json!({
            "login": self.login,
            "name": self.name.as_ref().unwrap_or(&self.login),
            "password": password,
            "administrator": self.administrator,
            "roles": self.roles,
            "email": self.email,
            "language": self.language,
        });
        if let Some(supervisor) = &self.supervisor {
            body["supervisor"] = id_of(client, words, tenant, supervisor).await?.into();
        }
        if let Some(department) = &self.department {
            body["department"] = department_id(client, tenant, department).await?;
        }
        let user = client.post(&format!("/t/{tenant}/api/v1/users"), &body).await?;
        words.result(&user);
        words.say("cli.user.created", &[("login", &self.login), ("tenant", tenant)]);
        show(words, &self.login, made.then_some(password));
        Ok(())
    }
}

/// A made-up password is told once; for programs on standard error, because standard output has the result.
fn show(words: &Words, login: &str, password: Option<String>) {
    if let Some(password) = password {
        let text = words.text("cli.user.password", &[("login", login), ("password", &password)]);
        if words.json { eprintln!("{text}") } else { println!("{text}") }
    }
}

/// A password from standard input, or a new one (then true).
fn password(stdin: bool) -> anyhow::Result<(String, bool)> {
    if !stdin {
        let secret = crate::auth::new_secret("");
        return Ok((secret.chars().take(16).collect(), true));
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("> ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    Ok((line.trim_end_matches(['\r', '\n']).to_owned(), false))
}

async fn id_of(client: &Client<'_>, words: &Words, tenant: &str, login: &str) -> anyhow::Result<String> {
    let users = client.get(&format!("/t/{tenant}/api/v1/users")).await?;
    let login = login.to_lowercase();
    let mut rows = users["rows"].as_array().into_iter().flatten();
    let found = rows.find(|row| row["login"] == login.as_str()).and_then(|row| row["id"].as_str());
    let found = found.map(str::to_owned);
    found.ok_or_else(|| {
        anyhow::anyhow!(words.text("cli.user.unknown", &[("login", &login), ("tenant", tenant)]))
    })
}

async fn department_id(client: &Client<'_>, tenant: &str, name: &str) -> anyhow::Result<Value> {
    let path = format!("/t/{tenant}/api/v1/departments");
    let all = client.get(&path).await?;
    let found = all["rows"].as_array().into_iter().flatten().find(|row| row["name"] == name);
    match found {
        Some(row) => Ok(row["id"].clone()),
        None => Ok(client.post(&path, &json!({"name": name})).await?["id"].clone()),
    }
}
