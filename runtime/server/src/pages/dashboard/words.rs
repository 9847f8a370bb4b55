//! Figures, spans of time and groups in words. Pure: asks nobody.

use chrono::TimeDelta;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, MeasureModel, MetricModel, Slot};
use mortise_definition::source::{Figure, Window};
use mortise_engine::values;
use mortise_expr::Value;

use crate::pages::record::course::length;
use crate::pages::show::grouped;
use crate::pages::visit::Visit;

/// A span of time in words.
pub(super) fn window_words(visit: &Visit, window: Window) -> String {
    let name = match window {
        Window::Today => "today",
        Window::Week => "week",
        Window::Month => "month",
        Window::Quarter => "quarter",
        Window::Year => "year",
        Window::Days { days } => {
            return visit.t("dashboard.window.days", &[("count", &days.to_string())]);
        }
    };
    visit.t(&format!("dashboard.window.{name}"), &[])
}

/// With what a span of time is compared: "than last month".
pub(super) fn before_words(visit: &Visit, window: Window) -> String {
    let name = match window {
        Window::Today => "today",
        Window::Week => "week",
        Window::Month => "month",
        Window::Quarter => "quarter",
        Window::Year => "year",
        Window::Days { days } => {
            return visit.t("dashboard.before.days", &[("count", &days.to_string())]);
        }
    };
    visit.t(&format!("dashboard.before.{name}"), &[])
}

/// The name of a dimension.
pub(super) fn dimension(visit: &Visit, entity: &EntityModel, slot: Slot) -> String {
    let field = &entity.fields[slot];
    match field.kind {
        FieldKind::System => visit.t(&format!("field.{}", field.name), &[]),
        _ => field.label.get(visit.language).to_owned(),
    }
}

/// The words for a group; some for one without.
pub(super) fn group(visit: &Visit, group: Option<&(Value, String)>) -> String {
    match group {
        Some((_, words)) if !words.is_empty() => words.clone(),
        _ => visit.t("dashboard.nobody", &[]),
    }
}

/// A figure as people read it.
pub(super) fn figure(visit: &Visit, metric: &MetricModel, figure: f64) -> String {
    match metric.figure {
        Figure::Percent => format!("{}%", decimals(figure * 100.0, 1)),
        #[expect(clippy::cast_possible_truncation, reason = "a length of time in seconds fits")]
        Figure::Duration => length(visit, TimeDelta::try_seconds(figure as i64).unwrap_or_default()),
        Figure::Money => money(currency(visit, metric).as_deref(), figure),
        Figure::Number => decimals(figure, if figure.abs() < 100.0 { 1 } else { 0 }),
    }
}

/// The currency of the amounts that a metric is over, where they have one.
fn currency(visit: &Visit, metric: &MetricModel) -> Option<String> {
    let (MeasureModel::Sum(measure)
    | MeasureModel::Average(measure)
    | MeasureModel::Percentile(measure, _)
    | MeasureModel::Min(measure)
    | MeasureModel::Max(measure)) = &metric.measure
    else {
        return None;
    };
    let model = visit.tenant.engine.model();
    let entity = &model.entities[metric.entity];
    let names = |source: &str, field: &FieldModel| source.contains(&format!("record.{}", field.name));
    let amount = |source: &str| {
        entity.fields.iter().find_map(|field| match &field.kind {
            FieldKind::Decimal { currency: Some(currency), .. } if names(source, field) => {
                Some(currency.clone())
            }
            _ => None,
        })
    };
    // What is calculated from amounts is one.
    let calculated = || {
        entity.fields.iter().find_map(|field| match &field.kind {
            FieldKind::Computed { value } if names(measure.source(), field) => amount(value.source()),
            _ => None,
        })
    };
    amount(measure.source()).or_else(calculated)
}

/// An amount of money: beyond some thousands nobody counts cents.
fn money(currency: Option<&str>, amount: f64) -> String {
    let number = decimals(amount.abs(), if amount.abs() < 10_000.0 { 2 } else { 0 });
    let sign = if amount < 0.0 { "-" } else { "" };
    match currency.map(values::currency_sign) {
        None => format!("{sign}{number}"),
        Some(Ok(mark)) => format!("{sign}{mark}{number}"),
        Some(Err(code)) => format!("{sign}{code} {number}"),
    }
}

/// A number with thousands and at most so many decimals, without idle zeros.
pub(super) fn decimals(number: f64, most: usize) -> String {
    let text = format!("{number:.most$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    let sign = if number < 0.0 && !whole.starts_with('-') && rest.bytes().any(|byte| byte != b'0') {
        "-"
    } else {
        ""
    };
    match rest.trim_end_matches('0') {
        "" => whole,
        rest => format!("{sign}{whole}.{rest}"),
    }
}

/// A share in percent, 0 to 100.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was cut to 0 to 100")]
pub(super) fn percent(part: f64, whole: f64) -> u8 {
    if whole <= 0.0 { 0 } else { (part / whole * 100.0).clamp(0.0, 100.0).round() as u8 }
}

#[cfg(test)]
mod tests {
    use super::{decimals, money, percent};

    #[test]
    fn amounts_have_the_sign_of_their_currency() {
        assert_eq!(money(Some("CNY"), 3_649_000.4), "¥3,649,000");
        assert_eq!(money(Some("CHF"), -12.5), "-CHF 12.5");
        assert_eq!(money(None, 99.9), "99.9");
    }

    #[test]
    fn figures_have_thousands_and_no_idle_zeros() {
        assert_eq!(decimals(1_234_567.0, 0), "1,234,567");
        assert_eq!(decimals(12.30, 2), "12.3");
        assert_eq!(decimals(99.96, 1), "100");
        assert_eq!(decimals(-0.5, 1), "-0.5");
        assert_eq!(decimals(-12.5, 1), "-12.5");
    }

    #[test]
    fn shares_stay_within_their_bar() {
        assert_eq!(
            [percent(5.0, 10.0), percent(20.0, 10.0), percent(-1.0, 10.0), percent(1.0, 0.0)],
            [50, 100, 0, 0]
        );
    }
}
