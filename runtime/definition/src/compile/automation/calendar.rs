//! Compiles calendars: hours and days become a working calendar, the zone is looked up.

use std::sync::Arc;

use super::{Build, Keyed};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::CalendarModel;
use crate::worktime::WorkCalendar;

impl Build<'_> {
    pub(super) fn calendars(&mut self) -> Keyed<CalendarModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for calendar in &package.calendars {
                let place = Place::new(package, Kind::Calendar, &calendar.id);
                let zone = self.zone(calendar.time_zone.as_deref(), &place.key("time_zone"));
                match WorkCalendar::new(calendar) {
                    Ok(work) => {
                        let key = self.key(app, &calendar.id);
                        let label = calendar.label.clone();
                        let model = CalendarModel { key: key.clone(), app, label, zone, work };
                        models.insert(key, Arc::new(model));
                    }
                    Err(errors) => {
                        for error in errors {
                            let mut problem = place.below(&error.pointer).error(error.code);
                            problem.args.extend(error.args);
                            self.problems.push(problem);
                        }
                    }
                }
            }
        }
        models
    }
}
