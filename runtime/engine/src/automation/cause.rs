//! Why something happens by itself. The cause is carried along and stored with every event, so that each effect can be
//! traced to its beginning, and rules that set each other off without end are stopped.

use std::sync::Arc;

use mortise_store::Session;
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::people::{Actor, Channel, Origin, UserContext};
use crate::values::Issue;

/// Longest chain of rules that set each other off. Sensible apps need three or four; beyond this it is a circle.
pub(crate) const DEPTH_MAX: i32 = 16;

/// Why something happens by itself.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// The event that set it off; none for schedules and steps of clocks.
    pub(crate) event: Option<i64>,
    /// Depth of that event: 0 for what people do, and one more for each thing that followed by itself.
    pub(crate) depth: i32,
    /// Key of the rule, clock step or policy.
    pub(crate) rule: String,
    /// The person with whom it began.
    pub(crate) actor: Option<Uuid>,
    /// The rule that said to run this one, where it was not an event.
    pub(crate) via: Option<Arc<Cause>>,
}

impl Cause {
    /// What a point in time sets off.
    pub(crate) fn time(rule: impl Into<String>) -> Cause {
        Cause { event: None, depth: 0, rule: rule.into(), actor: None, via: None }
    }

    /// The cause of what another rule does because this one says so.
    pub(crate) fn run(self: &Arc<Self>, rule: &str) -> Cause {
        Cause {
            event: self.event,
            depth: self.depth + 1,
            rule: rule.to_owned(),
            actor: self.actor,
            via: Some(self.clone()),
        }
    }

    /// Fails when the chain has become so long that it must be a circle.
    pub(crate) fn limit(&self, session: &mut Session<'_>) -> Result<(), Error> {
        if self.depth < DEPTH_MAX {
            return Ok(());
        }
        let mut chain = vec![self.rule.clone()];
        let mut before = self.via.clone();
        while let Some(cause) = before {
            chain.push(cause.rule.clone());
            before = cause.via.clone();
        }
        let sql = session
            .naming
            .sql(&format!("SELECT cause, rule FROM {} WHERE seq = ?1", session.naming.table("_event")));
        let mut event = self.event;
        while let Some(seq) = event.filter(|_| chain.len() <= DEPTH_MAX as usize) {
            let found = session.query(&sql, &[seq.into()], |row| Ok((row.int(0)?, row.text(1)?)))?.pop();
            let Some((cause, rule)) = found else { break };
            chain.extend(rule);
            event = cause;
        }
        chain.reverse();
        let issue = Issue::new("automation.loop").with("limit", DEPTH_MAX).with("chain", chain.join(" → "));
        Err(Error::BadRequest(issue))
    }
}

/// Who acts when something happens by itself: with all rights, with the eyes of the person with whom it began.
pub(crate) fn automaton(work: &Work, person: Option<Uuid>) -> Arc<UserContext> {
    let directory = &work.directory;
    let begun_by = person.and_then(|person| directory.context(person));
    let root =
        begun_by.map_or_else(|| Actor::system(directory.tz).user.root.clone(), |user| user.root.clone());
    Arc::new(UserContext {
        id: Uuid::nil(),
        name: "system".to_owned(),
        language: directory.language.clone(),
        tz: directory.tz,
        roles: Vec::new(),
        admin: true,
        root,
        access_key: "*".to_owned(),
    })
}

impl Work {
    /// The surroundings of what follows from a cause.
    pub(crate) fn because(&self, cause: Cause) -> Work {
        let user = automaton(self, cause.actor);
        self.because_as(cause, user)
    }

    /// The same person with all rights: for what a definition lets people do that their roles do not.
    pub(crate) fn with_all_rights(&self) -> Work {
        let user = &self.actor.user;
        let user = Arc::new(UserContext {
            id: user.id,
            name: user.name.clone(),
            language: user.language.clone(),
            tz: user.tz,
            roles: user.roles.clone(),
            admin: true,
            root: user.root.clone(),
            access_key: "*".to_owned(),
        });
        let actor = Actor { user: user.clone(), origin: self.actor.origin.clone() };
        Work { access: self.published.access(&user), actor, ..self.clone() }
    }

    /// The same, where who acts is known already.
    pub(crate) fn because_as(&self, cause: Cause, user: Arc<UserContext>) -> Work {
        let device = Some(cause.rule.as_str().into());
        // One budget for all that one piece of work sets off.
        let plugins = !self.published.plugins.is_empty();
        let budget = self.budget.clone().or_else(|| plugins.then(|| self.calls.budget()));
        Work {
            access: self.published.access(&user),
            actor: Actor { user, origin: Origin { channel: Channel::Automation, ip: None, device } },
            cause: Some(Arc::new(cause)),
            budget,
            ..self.clone()
        }
    }

    /// The surroundings of what a plugin does as a service of the tenant, in the background: it sees and may change all
    /// records, as far as it was granted their kinds and fields. The trail names it.
    pub(crate) fn as_plugin(&self, plugin: &str, cause: Cause) -> Work {
        let user = Arc::new(UserContext {
            id: Uuid::nil(),
            name: format!("plugin:{plugin}"),
            language: self.directory.language.clone(),
            tz: self.directory.tz,
            roles: Vec::new(),
            admin: true,
            root: Actor::system(self.directory.tz).user.root.clone(),
            access_key: "*".to_owned(),
        });
        self.as_plugin_for(plugin, cause, user)
    }

    /// The same with the rights of somebody, for what a plugin was asked in their name.
    pub(crate) fn as_plugin_for(&self, plugin: &str, cause: Cause, user: Arc<UserContext>) -> Work {
        let origin = Origin { channel: Channel::Plugin, ip: None, device: Some(plugin.into()) };
        let work = self.because_as(cause, user.clone());
        // Each record that it saves has a budget of its own.
        Work { actor: Actor { user, origin }, budget: None, ..work }
    }
}
