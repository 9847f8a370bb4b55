//! Compiles the figures that rules, steps of clocks and notifications bring in from metrics, and the shape of the root
//! `measures` under which their expressions see them.

use std::sync::Arc;

use indexmap::IndexMap;
use mortise_expr::{Member, Shape, Type};

use super::Build;
use super::area::Area;
use crate::Kind;
use crate::compile::expressions::Extra;
use crate::compile::names::check_name;
use crate::compile::place::Place;
use crate::model::{FigureUseModel, MeasureModel};
use crate::source::FigureUse;

/// Places of a figure that an expression looks at.
pub(super) const FIGURE_SCALE: u8 = 6;
/// Most figures of one artifact: each is a statement, whenever it is needed.
const FIGURES_MAX: usize = 20;

/// Figures, and the root that shows them.
pub(super) struct Figures {
    pub(super) uses: Vec<FigureUseModel>,
    pub(super) shape: Arc<Shape>,
}

impl Build<'_> {
    /// Figures by name; the values of dimensions are asked over the roots of `area`.
    pub(super) fn figures(
        &mut self,
        area: &Area,
        written: &IndexMap<String, FigureUse>,
        place: &Place,
    ) -> Figures {
        self.at_most(written.len(), FIGURES_MAX, place);
        let mut uses = Vec::with_capacity(written.len());
        let mut members = Vec::with_capacity(written.len());
        for (id, figure) in written {
            let place = place.key(id);
            check_name(id, &place, self.problems);
            let compiled = self.figure(area, id, figure, &place);
            let member = Member::new(id.as_str(), Type::Decimal(FIGURE_SCALE));
            // Of one that is wrong itself nothing more is said than that.
            let certain = compiled.as_ref().is_none_or(|figure| figure.countable);
            members.push(if certain { member } else { member.nullable() });
            uses.extend(compiled);
        }
        Figures { uses, shape: Arc::new(Shape::new(members)) }
    }

    fn figure(&mut self, area: &Area, id: &str, figure: &FigureUse, place: &Place) -> Option<FigureUseModel> {
        let key = self.artifact_key(Kind::Metric, area.site.app, &figure.metric, &place.key("metric"))?;
        // A metric that is wrong itself was reported already.
        let metric = Arc::clone(self.measured.get(&key)?);
        let mut matching = Vec::with_capacity(figure.matching.len());
        for (name, source) in &figure.matching {
            let place = place.key("where").key(name);
            let Some(slot) = self.dimension(&metric, name, &place) else { continue };
            let Some(want) = self.draft(metric.entity).fields[slot].ty.clone() else { continue };
            matching.extend(self.value(area, source, &want, &place).map(|value| (slot, value)));
        }
        let countable = matches!(metric.measure, MeasureModel::Count | MeasureModel::Sum(_));
        Some(FigureUseModel { id: id.to_owned(), metric: key, matching, countable })
    }
}

impl Area {
    /// The same with the root `measures`.
    pub(super) fn with_figures(mut self, figures: &Figures) -> Area {
        self.extra.push(Extra { name: "measures", shape: Arc::clone(&figures.shape), entity: None });
        self
    }
}
