//! The people of a tenant as the engine sees them: who they are, what they may do, whom they report to.
//! Built from the control plane whenever somebody changes there; immutable in between.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use chrono_tz::Tz;
use mortise_expr::Value;
use uuid::Uuid;

use crate::values::People;

/// A user.
#[derive(Debug, Clone)]
pub struct Person {
    /// Id.
    pub id: Uuid,
    /// Name for signing in.
    pub login: String,
    /// Name shown to people.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// May sign in.
    pub active: bool,
    /// May do everything and administrate.
    pub administrator: bool,
    /// Department.
    pub department: Option<Uuid>,
    /// Whom the person reports to.
    pub supervisor: Option<Uuid>,
    /// Roles as `app.role`.
    pub roles: Vec<String>,
    /// Language, where the person chose one.
    pub language: Option<String>,
}

impl Person {
    /// Somebody who may sign in, and nothing else yet.
    pub fn new(id: Uuid, login: &str) -> Person {
        Person {
            id,
            login: login.to_owned(),
            name: login.to_owned(),
            email: None,
            active: true,
            administrator: false,
            department: None,
            supervisor: None,
            roles: Vec::new(),
            language: None,
        }
    }
}

/// A department or team.
#[derive(Debug, Clone)]
pub struct Department {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// The one above.
    pub parent: Option<Uuid>,
}

/// Everybody of a tenant.
#[derive(Debug, Clone)]
pub struct Directory {
    users: HashMap<Uuid, Person>,
    departments: HashMap<Uuid, Department>,
    contexts: HashMap<Uuid, Arc<UserContext>>,
    /// Zone of local times.
    pub tz: Tz,
    /// Language of people who chose none.
    pub language: String,
    /// Address of the tenant's pages without a slash at its end; only a path, where nobody has said more.
    pub address: String,
}

/// A person with all that rules and scopes may ask about them.
#[derive(Debug)]
pub struct UserContext {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Language.
    pub language: String,
    /// Zone.
    pub tz: Tz,
    /// Roles as `app.role`.
    pub roles: Vec<String>,
    /// May do everything and administrate.
    pub admin: bool,
    /// The root `user` of expressions, by `model::user_slots`.
    pub root: Arc<[Value]>,
    /// Names what the person may do, for caches: people with the same roles share it.
    pub(crate) access_key: String,
}

/// Through which door a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A page.
    Page,
    /// The API.
    Api,
    /// An import.
    Import,
    /// The command line.
    Cli,
    /// The system itself (data that comes with an app).
    System,
    /// What happens by itself: rules, clocks and schedules.
    Automation,
    /// A signed call of another system.
    Inbound,
    /// A plugin, as a service of the tenant.
    Plugin,
}

impl Channel {
    /// Name in the audit trail.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Page => "page",
            Channel::Api => "api",
            Channel::Import => "import",
            Channel::Cli => "cli",
            Channel::System => "system",
            Channel::Automation => "automation",
            Channel::Inbound => "inbound",
            Channel::Plugin => "plugin",
        }
    }
}

/// From where a request came.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The door.
    pub channel: Channel,
    /// Address.
    pub ip: Option<IpAddr>,
    /// Browser or program.
    pub device: Option<Arc<str>>,
}

/// Who acts, and from where.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person.
    pub user: Arc<UserContext>,
    /// From where.
    pub origin: Origin,
}

impl Actor {
    /// The system itself: may do everything, has no user id in the audit trail.
    pub fn system(tz: Tz) -> Actor {
        let root: Vec<Value> = vec![
            Value::Null,
            Value::text("system"),
            Value::Null,
            Value::list([]),
            Value::list([]),
            Value::list([]),
        ];
        let user = UserContext {
            id: Uuid::nil(),
            name: "system".to_owned(),
            language: "en".to_owned(),
            tz,
            roles: Vec::new(),
            admin: true,
            root: root.into(),
            access_key: "*".to_owned(),
        };
        Actor { user: Arc::new(user), origin: Origin { channel: Channel::System, ip: None, device: None } }
    }

    /// The acting user's id; none for the system.
    pub fn id(&self) -> Option<Uuid> {
        (!self.user.id.is_nil()).then_some(self.user.id)
    }
}

impl Default for Directory {
    fn default() -> Self {
        Directory::new(Vec::new(), Vec::new(), Tz::UTC, "en".to_owned())
    }
}

impl Directory {
    /// Everybody, with what follows from departments and reporting lines worked out once.
    pub fn new(users: Vec<Person>, departments: Vec<Department>, tz: Tz, language: String) -> Directory {
        let mut directory = Directory {
            users: users.into_iter().map(|user| (user.id, user)).collect(),
            departments: departments.into_iter().map(|department| (department.id, department)).collect(),
            contexts: HashMap::new(),
            tz,
            language,
            address: String::new(),
        };
        let contexts =
            directory.users.values().map(|user| (user.id, Arc::new(directory.work_out(user)))).collect();
        directory.contexts = contexts;
        directory
    }

    /// The same, with pages at this address.
    #[must_use]
    pub fn at(mut self, address: String) -> Directory {
        self.address = address;
        self
    }

    /// A user.
    pub fn user(&self, id: Uuid) -> Option<&Person> {
        self.users.get(&id)
    }

    /// All users.
    pub fn users(&self) -> impl Iterator<Item = &Person> {
        self.users.values()
    }

    /// A department.
    pub fn department(&self, id: Uuid) -> Option<&Department> {
        self.departments.get(&id)
    }

    /// All departments.
    pub fn departments(&self) -> impl Iterator<Item = &Department> {
        self.departments.values()
    }

    /// What rules may ask about a user; none for unknown or inactive ones.
    pub fn context(&self, id: Uuid) -> Option<Arc<UserContext>> {
        self.users.get(&id).filter(|user| user.active).and_then(|_| self.contexts.get(&id)).cloned()
    }

    fn work_out(&self, user: &Person) -> UserContext {
        let team = self
            .users
            .values()
            .filter(|other| user.department.is_some() && other.department == user.department);
        let team: HashSet<Uuid> = team.map(|other| other.id).chain([user.id]).collect();
        let below = self.departments_below(user.department);
        let mut reach: HashSet<Uuid> = self
            .users
            .values()
            .filter(|other| other.department.is_some_and(|id| below.contains(&id)))
            .map(|other| other.id)
            .collect();
        reach.extend(self.reports(user.id));
        reach.insert(user.id);
        let mut roles = user.roles.clone();
        roles.sort();
        let root: Vec<Value> = vec![
            Value::Id(user.id),
            Value::text(user.name.as_str()),
            user.department.map_or(Value::Null, Value::Id),
            Value::list(roles.iter().map(|role| Value::text(role.as_str()))),
            ids(&team),
            ids(&reach),
        ];
        UserContext {
            id: user.id,
            name: user.name.clone(),
            language: user.language.clone().unwrap_or_else(|| self.language.clone()),
            tz: self.tz,
            admin: user.administrator,
            access_key: if user.administrator { "*".to_owned() } else { roles.join(",") },
            roles,
            root: root.into(),
        }
    }

    fn departments_below(&self, top: Option<Uuid>) -> HashSet<Uuid> {
        let mut found: HashSet<Uuid> = top.into_iter().collect();
        loop {
            let more: Vec<Uuid> = self
                .departments
                .values()
                .filter(|department| {
                    department.parent.is_some_and(|parent| found.contains(&parent))
                        && !found.contains(&department.id)
                })
                .map(|department| department.id)
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// Everybody who reports to a person, directly or through others; a circle in the chain ends the search.
    fn reports(&self, top: Uuid) -> HashSet<Uuid> {
        let mut found = HashSet::from([top]);
        let mut newest = vec![top];
        while let Some(supervisor) = newest.pop() {
            for user in self.users.values().filter(|user| user.supervisor == Some(supervisor)) {
                if found.insert(user.id) {
                    newest.push(user.id);
                }
            }
        }
        found
    }
}

/// Ids in a fixed order, so that statements made of them are the same each time.
fn ids(set: &HashSet<Uuid>) -> Value {
    let mut ids: Vec<Uuid> = set.iter().copied().collect();
    ids.sort_unstable();
    Value::list(ids.into_iter().map(Value::Id))
}

impl People for Directory {
    fn user_name(&self, id: Uuid) -> Option<&str> {
        self.users.get(&id).map(|user| user.name.as_str())
    }

    fn find_user(&self, text: &str) -> Vec<Uuid> {
        let text = text.to_lowercase();
        let fits = |user: &&Person| {
            user.active
                && (user.login.to_lowercase() == text
                    || user.name.to_lowercase() == text
                    || user.email.as_ref().is_some_and(|email| email.to_lowercase() == text))
        };
        self.users.values().filter(fits).map(|user| user.id).collect()
    }

    fn team_name(&self, id: Uuid) -> Option<&str> {
        self.departments.get(&id).map(|department| department.name.as_str())
    }

    fn find_team(&self, text: &str) -> Vec<Uuid> {
        let text = text.to_lowercase();
        self.departments
            .values()
            .filter(|department| department.name.to_lowercase() == text)
            .map(|department| department.id)
            .collect()
    }
}
