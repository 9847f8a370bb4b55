//! Whatever is thrown at the readers.

use proptest::prelude::*;

use super::*;

/// A field with a value that fits it.
fn field_and_value() -> impl Strategy<Value = (FieldKind, Value)> {
    let instant = (-60_000_000_000_000_000i64..250_000_000_000_000_000)
        .prop_map(|micros| Value::DateTime(chrono::DateTime::from_timestamp_micros(micros).unwrap()));
    let date = (-700_000i32..2_900_000)
        .prop_map(|days| Value::Date(chrono::NaiveDate::from_epoch_days(days).unwrap()));
    let degrees = (-90.0f64..90.0, -180.0f64..180.0);
    let limit = -INT_LIMIT..=INT_LIMIT;
    prop_oneof![
        "[^\\p{C}\\s]{1,20}"
            .prop_map(|t| (FieldKind::Text { max_length: 200, pattern: None }, Value::text(t))),
        "[^\\p{C}\\s]{1,9}\n[^\\p{C}\\s]{1,9}"
            .prop_map(|t| (FieldKind::LongText { max_length: 200 }, Value::text(t))),
        limit.clone().prop_map(|n| (FieldKind::Integer { min: -INT_LIMIT, max: INT_LIMIT }, Value::Int(n))),
        (limit, 0u8..=9).prop_map(|(n, scale)| {
            (
                FieldKind::Decimal { scale, min: None, max: None, currency: None },
                Value::Decimal(Decimal::new(n, scale)),
            )
        }),
        any::<bool>().prop_map(|b| (FieldKind::Boolean, Value::Bool(b))),
        date.prop_map(|v| (FieldKind::Date, v)),
        instant.prop_map(|v| (FieldKind::Datetime, v)),
        (-10_000_000_000i64..10_000_000_000).prop_map(|ms| (FieldKind::Duration, Value::Duration(ms))),
        any::<u128>().prop_map(|id| (FieldKind::Reference { entity: 0 }, Value::Id(Uuid::from_u128(id)))),
        degrees.prop_map(|(lat, lon)| (FieldKind::GeoPoint, Value::Geo(GeoPoint { lat, lon }))),
        prop::collection::vec(0usize..3, 1..3).prop_map(|picked| {
            let mut values: Vec<Value> =
                picked.iter().map(|&i| Value::text(choices()[i].value.as_str())).collect();
            values.dedup();
            (FieldKind::Choices { choices: choices() }, Value::list(values))
        }),
        "1[3-9][0-9]{9}".prop_map(|n| (FieldKind::Phone, Value::text(format!("+86{n}")))),
        "[a-z]{1,9}@[a-z]{1,9}\\.cn".prop_map(|t| (FieldKind::Email, Value::text(t))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((kind, value) in field_and_value()) {
        let model = model();
        let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language: "en" };
        let field = field(kind);
        let mut out = Vec::new();
        write_json(&value, &mut out);
        let json: Json = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&to_json(&value), &json);
        prop_assert_eq!(from_json(&field, &json, &cx), Ok(value.clone()));
        prop_assert_eq!(check(&field, &value), Ok(()));
        let _ = display(&field, &value, &cx);
    }

    #[test]
    fn no_text_brings_the_readers_down(
        text in prop_oneof!["\\PC{0,40}", "[0-9年月日:/. 万,()+-]{0,20}", "[pPtTdhms0-9.]{0,12}", "(?s).{0,20}"],
    ) {
        let kinds = [
            FieldKind::Text { max_length: 20, pattern: None },
            FieldKind::LongText { max_length: 20 },
            integer(),
            money(),
            FieldKind::Boolean,
            FieldKind::Date,
            FieldKind::Datetime,
            FieldKind::Duration,
            FieldKind::Choice { choices: choices() },
            FieldKind::Choices { choices: choices() },
            FieldKind::Tree { tree: "a.region".into(), leaf_only: false, region: true },
            FieldKind::Reference { entity: 0 },
            FieldKind::User,
            FieldKind::Team,
            FieldKind::Phone,
            FieldKind::Email,
            FieldKind::Url,
            FieldKind::GeoPoint,
            FieldKind::File { many: true, image: false, max_mib: 1, signature: false, photo: mortise_definition::model::PhotoRules::default() },
            FieldKind::Json,
            FieldKind::System,
        ];
        let model = model();
        let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language: "en" };
        for kind in kinds {
            let field = field(kind);
            if let Ok(Parsed::Value(value)) = from_text(&field, &text, &cx) {
                // What was accepted keeps the limits and survives the wire.
                prop_assert_eq!(check(&field, &value), Ok(()));
                let mut out = Vec::new();
                write_json(&value, &mut out);
                let json: Json = serde_json::from_slice(&out).unwrap();
                prop_assert_eq!(from_json(&field, &json, &cx).map_err(|i| i.code), Ok(value));
            }
            let _ = from_json(&field, &Json::String(text.clone()), &cx);
        }
    }
}
