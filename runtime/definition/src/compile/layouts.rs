//! Compiles what a way of drawing needs to know of a view: which field makes the columns of a board, the days of a calendar,
//! the places of a map. A property that the kind does not use is refused, so that nobody waits for its effect.

use mortise_expr::Type;

use super::Compiler;
use super::place::Place;
use crate::model::{EntityModel, FieldKind, FieldModel, LayoutModel, Slot};
use crate::problem::Problems;
use crate::source::{Layout, Total, View, ViewKind};

/// Most figures below a table, and most fields to change in place.
const FIELDS_MAX: usize = 30;

/// What a property wants of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// One of not too many values, each of which can be given to a record by hand.
    Lane,
    /// One of not too many values.
    Group,
    Number,
    Moment,
    Color,
    Place,
    Image,
}

impl Wanted {
    /// The end of the code of the problem with a field that does not fit.
    fn code(self) -> &'static str {
        match self {
            Wanted::Lane => "view.layout_lane",
            Wanted::Group => "view.layout_group",
            Wanted::Number => "view.layout_number",
            Wanted::Moment => "view.layout_moment",
            Wanted::Color => "view.layout_color",
            Wanted::Place => "view.layout_place",
            Wanted::Image => "view.layout_image",
        }
    }

    fn fits(self, field: &FieldModel, ty: &Type) -> bool {
        let lane = matches!(
            field.kind,
            FieldKind::Choice { .. }
                | FieldKind::Boolean
                | FieldKind::Reference { .. }
                | FieldKind::User
                | FieldKind::Team
        );
        match self {
            Wanted::Lane => lane && field.writable(),
            Wanted::Group => lane || matches!(field.kind, FieldKind::Tree { .. }),
            Wanted::Number => ty.is_number() || *ty == Type::Duration,
            Wanted::Moment => matches!(ty, Type::Date | Type::DateTime),
            Wanted::Color => matches!(field.kind, FieldKind::Choice { .. }),
            Wanted::Place => matches!(field.kind, FieldKind::GeoPoint | FieldKind::Tree { region: true, .. }),
            Wanted::Image => matches!(field.kind, FieldKind::File { image: true, .. }),
        }
    }
}

/// What a kind of view uses, and what of that it cannot do without.
fn properties(kind: ViewKind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        ViewKind::Table => (&["by", "totals", "edit"], &[]),
        ViewKind::Board => (&["by", "sum"], &["by"]),
        ViewKind::Calendar => (&["start", "end", "color"], &["start"]),
        ViewKind::Timeline => (&["start", "end", "by", "color"], &["start"]),
        ViewKind::Map => (&["place", "size", "color"], &["place"]),
        ViewKind::Gallery => (&["image", "color"], &["image"]),
    }
}

/// The properties that are written, in the order of the schema.
fn written(layout: &Layout) -> Vec<&'static str> {
    let named = [
        ("by", layout.by.is_some()),
        ("sum", layout.sum.is_some()),
        ("start", layout.start.is_some()),
        ("end", layout.end.is_some()),
        ("color", layout.color.is_some()),
        ("place", layout.place.is_some()),
        ("size", layout.size.is_some()),
        ("image", layout.image.is_some()),
        ("totals", !layout.totals.is_empty()),
        ("edit", !layout.edit.is_empty()),
    ];
    named.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

/// The name of a kind as it is written.
fn kind_name(kind: ViewKind) -> &'static str {
    match kind {
        ViewKind::Table => "table",
        ViewKind::Board => "board",
        ViewKind::Calendar => "calendar",
        ViewKind::Timeline => "timeline",
        ViewKind::Map => "map",
        ViewKind::Gallery => "gallery",
    }
}

impl Compiler<'_> {
    /// What the view's kind needs to know.
    pub(super) fn layout(
        &self,
        entity: &EntityModel,
        view: &View,
        place: &Place,
        problems: &mut Problems,
    ) -> LayoutModel {
        let layout = &view.layout;
        let place = place.key("layout");
        check_properties(view.kind, layout, &place, problems);
        let lanes = if view.kind == ViewKind::Board { Wanted::Lane } else { Wanted::Group };
        let mut one = |name: &'static str, field: &Option<String>, wanted: Wanted| {
            let field = field.as_deref()?;
            self.layout_field(entity, field, wanted, &place.key(name), problems)
        };
        let found = LayoutModel {
            by: one("by", &layout.by, lanes),
            sum: one("sum", &layout.sum, Wanted::Number),
            start: one("start", &layout.start, Wanted::Moment),
            end: one("end", &layout.end, Wanted::Moment),
            color: one("color", &layout.color, Wanted::Color),
            place: one("place", &layout.place, Wanted::Place),
            size: one("size", &layout.size, Wanted::Number),
            image: one("image", &layout.image, Wanted::Image),
            totals: Vec::new(),
            edit: Vec::new(),
        };
        if let (Some(start), Some(end)) = (found.start, found.end)
            && self.drafts[entity.index].fields[start].ty != self.drafts[entity.index].fields[end].ty
        {
            problems.push(place.key("end").error("view.layout_end"));
        }
        LayoutModel {
            totals: self.totals(entity, layout, &place.key("totals"), problems),
            edit: self.edited(entity, layout, &place.key("edit"), problems),
            ..found
        }
    }

    fn layout_field(
        &self,
        entity: &EntityModel,
        name: &str,
        wanted: Wanted,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Slot> {
        let draft = &self.drafts[entity.index];
        let slot = draft.find(name, place, problems)?;
        // A field that is wrong itself was reported where it is declared.
        let ty = draft.fields[slot].ty.as_ref()?;
        if !wanted.fits(&entity.fields[slot], ty) {
            problems.push(place.error(wanted.code()).arg("name", name));
            return None;
        }
        Some(slot)
    }

    fn totals(
        &self,
        entity: &EntityModel,
        layout: &Layout,
        place: &Place,
        problems: &mut Problems,
    ) -> Vec<(Slot, Total)> {
        if layout.totals.len() > FIELDS_MAX {
            problems.push(place.error("view.layout_many").arg("limit", FIELDS_MAX));
        }
        let total = |(name, total): (&String, &Total)| {
            let place = place.key(name);
            let draft = &self.drafts[entity.index];
            let slot = draft.find(name, &place, problems)?;
            let ty = draft.fields[slot].ty.as_ref()?;
            let number = Wanted::Number.fits(&entity.fields[slot], ty);
            let fits = match total {
                Total::Count => entity.fields[slot].stored(),
                Total::Sum | Total::Average => number,
                Total::Min | Total::Max => number || Wanted::Moment.fits(&entity.fields[slot], ty),
            };
            if !fits {
                problems.push(place.error("view.layout_total").arg("name", name));
            }
            fits.then_some((slot, *total))
        };
        layout.totals.iter().filter_map(total).collect()
    }

    fn edited(
        &self,
        entity: &EntityModel,
        layout: &Layout,
        place: &Place,
        problems: &mut Problems,
    ) -> Vec<Slot> {
        if layout.edit.len() > FIELDS_MAX {
            problems.push(place.error("view.layout_many").arg("limit", FIELDS_MAX));
        }
        let mut edited = Vec::new();
        for (index, name) in layout.edit.iter().enumerate() {
            let place = place.index(index);
            let Some(slot) = self.drafts[entity.index].find(name, &place, problems) else { continue };
            let field = &entity.fields[slot];
            let small = !matches!(
                field.kind,
                FieldKind::Lines { .. } | FieldKind::File { .. } | FieldKind::Json | FieldKind::GeoPoint
            );
            if field.writable() && small {
                edited.push(slot);
            } else {
                problems.push(place.error("view.layout_edit").arg("name", name));
            }
        }
        edited
    }
}

fn check_properties(kind: ViewKind, layout: &Layout, place: &Place, problems: &mut Problems) {
    let (used, needed) = properties(kind);
    let written = written(layout);
    for name in &written {
        if !used.contains(name) {
            let problem = place.key(name).error("view.layout_unused");
            problems.push(problem.arg("name", *name).arg("kind", kind_name(kind)));
        }
    }
    for name in needed {
        if !written.contains(name) {
            let problem = place.error("view.layout_missing");
            problems.push(problem.arg("name", *name).arg("kind", kind_name(kind)));
        }
    }
}
