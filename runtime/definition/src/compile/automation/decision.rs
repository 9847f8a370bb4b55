//! Compiles decision tables: typed inputs and outputs, one test for each cell.

use std::sync::Arc;

use mortise_expr::{Expression, Member, Shape, Type};

use super::action::written_type;
use super::area::Area;
use super::unary::{self, CellError};
use super::{Build, Keyed};
use crate::Kind;
use crate::compile::expressions::Extra;
use crate::compile::names::check_name;
use crate::compile::place::Place;
use crate::model::{DecisionModel, InputModel, OutputModel, RowModel, Test, roots};
use crate::source::{Decision, DecisionRow, HitPolicy, OutputType};

/// Places of a decimal output.
pub(super) const DECIMAL_SCALE: u8 = 6;
/// Most inputs and most outputs: what still fits on a wide screen.
const COLUMNS_MAX: usize = 20;
/// Most rows; larger tables are entities.
const ROWS_MAX: usize = 1_000;

/// Where the cells of a table are compiled.
struct Columns {
    inputs: Vec<Option<InputModel>>,
    outputs: Vec<Type>,
    area: Area,
}

impl Build<'_> {
    pub(super) fn decisions(&mut self) -> Keyed<DecisionModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for decision in &package.decisions {
                let place = Place::new(package, Kind::Decision, &decision.id);
                if let Some(model) = self.decision(app, decision, &place) {
                    models.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        models
    }

    fn decision(&mut self, app: usize, decision: &Decision, place: &Place) -> Option<DecisionModel> {
        let entity = self.entity(app, &decision.entity, &place.key("entity"))?;
        self.check_columns(decision, place);
        let mut area = Area::plain(entity, app);
        let inputs = self.inputs(&area, decision, &place.key("inputs"));
        let members = decision.inputs.iter().zip(&inputs).map(|(written, input)| {
            let ty = input.as_ref().map_or(Type::Json, |input| input.ty.clone());
            Member::new(written.id.as_str(), ty).nullable()
        });
        let shape = Arc::new(Shape::new(members.collect()));
        area.extra.push(Extra { name: "inputs", shape, entity: None });
        let outputs = decision.outputs.iter().map(|output| written_type(output.kind)).collect();
        let columns = Columns { inputs, outputs, area };
        let at = place.key("rows");
        if decision.rows.is_empty() {
            self.problems.push(at.error("decision.no_rows"));
        }
        self.at_most(decision.rows.len(), ROWS_MAX, &at);
        let rows = decision.rows.iter().take(ROWS_MAX).enumerate();
        let rows: Vec<_> =
            rows.map(|(index, row)| self.row(&columns, decision.hit, row, &at.index(index))).collect();
        Some(DecisionModel {
            key: self.key(app, &decision.id),
            app,
            entity,
            label: decision.label.clone(),
            inputs: columns.inputs.into_iter().collect::<Option<_>>()?,
            outputs: outputs_of(decision),
            hit: decision.hit,
            rows: rows.into_iter().collect::<Option<_>>()?,
        })
    }

    fn check_columns(&mut self, decision: &Decision, place: &Place) {
        let (inputs, outputs) = (place.key("inputs"), place.key("outputs"));
        self.at_most(decision.inputs.len(), COLUMNS_MAX, &inputs);
        self.at_most(decision.outputs.len(), COLUMNS_MAX, &outputs);
        self.unique(decision.inputs.iter().map(|input| input.id.as_str()), &inputs);
        self.unique(decision.outputs.iter().map(|output| output.id.as_str()), &outputs);
        for (index, input) in decision.inputs.iter().enumerate() {
            check_name(&input.id, &inputs.index(index).key("id"), self.problems);
        }
        if decision.outputs.is_empty() {
            self.problems.push(outputs.error("decision.no_outputs"));
        }
        for (index, output) in decision.outputs.iter().enumerate() {
            let summable = !matches!(output.kind, OutputType::Text | OutputType::Boolean);
            if decision.hit == HitPolicy::Sum && !summable {
                self.problems
                    .push(outputs.index(index).key("type").error("decision.sum").arg("name", &output.id));
            }
        }
    }

    fn inputs(&mut self, area: &Area, decision: &Decision, place: &Place) -> Vec<Option<InputModel>> {
        let inputs = decision.inputs.iter().enumerate().map(|(index, input)| {
            let place = place.index(index).key("value");
            let value = self.any_value(area, &input.value, &place)?;
            let ty = value.ty().clone();
            if matches!(ty, Type::List(_) | Type::Geo | Type::Json | Type::Null) {
                self.problems.push(place.error("decision.input_type").arg("type", ty));
                return None;
            }
            Some(InputModel { id: input.id.clone(), label: input.label.clone(), ty, value })
        });
        inputs.collect()
    }

    fn row(
        &mut self,
        columns: &Columns,
        hit: HitPolicy,
        row: &DecisionRow,
        place: &Place,
    ) -> Option<RowModel> {
        let (when, then) = (place.key("when"), place.key("then"));
        let tests = self.width(row.when.len(), columns.inputs.len(), &when);
        let values = self.width(row.then.len(), columns.outputs.len(), &then);
        if row.priority.is_none() && hit == HitPolicy::Priority {
            self.problems.push(place.error("decision.no_priority"));
        }
        if !tests || !values {
            return None;
        }
        let tests: Vec<Option<Test>> = (row.when.iter().zip(&columns.inputs).enumerate())
            .map(|(index, (cell, input))| self.cell(&columns.area, cell, input.as_ref()?, &when.index(index)))
            .collect();
        let values: Vec<Option<Expression>> = (row.then.iter().zip(&columns.outputs).enumerate())
            .map(|(index, (source, ty))| self.value(&columns.area, source, ty, &then.index(index)))
            .collect();
        Some(RowModel {
            tests: tests.into_iter().collect::<Option<_>>()?,
            then: values.into_iter().collect::<Option<_>>()?,
            priority: row.priority.unwrap_or(0),
        })
    }

    fn width(&mut self, count: usize, wanted: usize, place: &Place) -> bool {
        if count != wanted {
            self.problems.push(place.error("decision.width").arg("count", count).arg("wanted", wanted));
        }
        count == wanted
    }

    fn cell(&mut self, area: &Area, cell: &str, input: &InputModel, place: &Place) -> Option<Test> {
        match unary::parse(cell, &input.ty) {
            Ok(test) => {
                self.check_choices(area, &test, input, place);
                Some(test)
            }
            Err(CellError { reason, value }) => {
                let problem = place.error("decision.cell").arg("reason", reason).arg("value", value);
                self.problems.push(problem.arg("type", &input.ty).arg("name", &input.id));
                None
            }
        }
    }

    /// An input that is nothing but a choice field is compared with its choices.
    fn check_choices(&mut self, area: &Area, test: &Test, input: &InputModel, place: &Place) {
        let Some(choices) =
            bare_field(&input.value).and_then(|slot| self.draft(area.site.entity).choices(slot))
        else {
            return;
        };
        let (Test::In(values) | Test::NotIn(values)) = test else { return };
        for value in values.iter().filter_map(|value| value.as_text()) {
            if !choices.iter().any(|choice| choice.value == value) {
                let problem = place.error("decision.choice").arg("value", value).arg("name", &input.id);
                self.problems
                    .push(problem.suggest(value, choices.iter().map(|choice| choice.value.as_str())));
            }
        }
    }
}

/// The field of the record that the whole expression is.
pub(super) fn bare_field(value: &Expression) -> Option<usize> {
    let source = value.source();
    match value.references() {
        [one] if one.root == roots::RECORD && source[one.span.clone()].len() == source.trim().len() => {
            Some(one.slot)
        }
        _ => None,
    }
}

fn outputs_of(decision: &Decision) -> Vec<OutputModel> {
    let model = |output: &crate::source::DecisionOutput| OutputModel {
        id: output.id.clone(),
        label: output.label.clone(),
        kind: output.kind,
    };
    decision.outputs.iter().map(model).collect()
}
