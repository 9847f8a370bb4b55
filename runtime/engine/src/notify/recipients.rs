//! Who is told: the people that a rule means, as they are now. Whoever is meant but is not there is made up for by the
//! administrators, so that nothing is told to nobody.

use mortise_definition::model::{RecipientModel, Slot, system};
use mortise_expr::Value;
use uuid::Uuid;

use crate::automation::Subject;
use crate::commands::Work;
use crate::error::Error;
use crate::people::Directory;
use crate::values::Issue;

/// People told by one notification; beyond this it is a newsletter.
const PEOPLE_MAX: usize = 1_000;

/// Who is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Active people, each once.
    pub(super) people: Vec<Uuid>,
    /// Who was meant but is not there, so that administrators are told instead.
    pub(super) missing: Vec<String>,
}

/// Finds the people.
pub(super) fn find(work: &Work, subject: &Subject, to: &[RecipientModel]) -> Result<Told, Error> {
    let directory = &work.directory;
    let mut told = Told::default();
    let add = |told: &mut Told, person: Uuid| {
        if !told.people.contains(&person) {
            told.people.push(person);
        }
    };
    for recipient in to {
        match meant(directory, subject, recipient) {
            Meant::Nobody => {}
            Meant::Missing => told.missing.push(name(recipient)),
            Meant::People(people) => people.into_iter().for_each(|person| add(&mut told, person)),
        }
    }
    if !told.missing.is_empty() {
        let administrators = sorted(directory, |person| person.administrator);
        administrators.into_iter().for_each(|person| add(&mut told, person));
    }
    match told.people.len() > PEOPLE_MAX {
        true => Err(Error::BadRequest(Issue::new("automation.too_many_people").with("limit", PEOPLE_MAX))),
        false => Ok(told),
    }
}

/// The one person who is meant; an administrator for who is not there.
pub(crate) fn person(work: &Work, subject: &Subject, meant: &RecipientModel) -> Result<Option<Uuid>, Error> {
    Ok(find(work, subject, std::slice::from_ref(meant))?.people.first().copied())
}

enum Meant {
    /// Nobody is meant: there was no owner before, the field is empty.
    Nobody,
    /// Somebody is meant who is not there.
    Missing,
    People(Vec<Uuid>),
}

fn meant(directory: &Directory, subject: &Subject, recipient: &RecipientModel) -> Meant {
    let now = |slot: Slot| subject.record[slot].as_id();
    let before = |slot: Slot| subject.previous.get(slot).and_then(Value::as_id);
    let active = |person: Uuid| directory.user(person).is_some_and(|person| person.active);
    let one = |person: Option<Uuid>| match person.filter(|person| active(*person)) {
        Some(person) => Meant::People(vec![person]),
        None => Meant::Missing,
    };
    let supervisor = |person: Uuid| one(directory.user(person).and_then(|person| person.supervisor));
    match recipient {
        RecipientModel::Owner => one(now(system::OWNER)),
        RecipientModel::Creator => one(now(system::CREATED_BY)),
        RecipientModel::Supervisor => now(system::OWNER).map_or(Meant::Missing, supervisor),
        RecipientModel::PreviousOwner => {
            before(system::OWNER).map_or(Meant::Nobody, |person| one(Some(person)))
        }
        RecipientModel::PreviousSupervisor => before(system::OWNER).map_or(Meant::Nobody, supervisor),
        RecipientModel::SupervisorOf(slot) => now(*slot).map_or(Meant::Nobody, supervisor),
        RecipientModel::Field(slot) => now(*slot).map_or(Meant::Nobody, |person| one(Some(person))),
        RecipientModel::Role(role) => match sorted(directory, |person| person.roles.contains(role)) {
            people if people.is_empty() => Meant::Missing,
            people => Meant::People(people),
        },
    }
}

/// Active people in the order of their ids, so that the same happens each time.
fn sorted(directory: &Directory, fits: impl Fn(&crate::people::Person) -> bool) -> Vec<Uuid> {
    let people = directory.users().filter(|person| person.active && fits(person));
    let mut ids: Vec<Uuid> = people.map(|person| person.id).collect();
    ids.sort_unstable();
    ids
}

/// As the app writes it.
fn name(recipient: &RecipientModel) -> String {
    match recipient {
        RecipientModel::Owner => "owner".to_owned(),
        RecipientModel::PreviousOwner => "previous_owner".to_owned(),
        RecipientModel::Creator => "creator".to_owned(),
        RecipientModel::Supervisor => "supervisor".to_owned(),
        RecipientModel::PreviousSupervisor => "previous_supervisor".to_owned(),
        RecipientModel::Role(role) => format!("role {role}"),
        RecipientModel::Field(slot) => format!("field {slot}"),
        RecipientModel::SupervisorOf(slot) => format!("supervisor of field {slot}"),
    }
}
