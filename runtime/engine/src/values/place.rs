//! Places on earth: `{"lat": …, "lon": …}` in degrees; typed as `31.2304, 121.4737` (latitude first).

use mortise_expr::{GeoPoint, Value};
use serde_json::Value as Json;

use super::{Issue, half_width};

pub(super) fn from_json(json: &Json) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_geo_point", &json.to_string());
    let object = json.as_object().filter(|object| object.len() == 2).ok_or_else(refused)?;
    let degrees = |name: &str| object.get(name).and_then(Json::as_f64).ok_or_else(refused);
    Ok(Value::Geo(GeoPoint { lat: degrees("lat")?, lon: degrees("lon")? }))
}

pub(super) fn from_text(text: &str) -> Result<Value, Issue> {
    let refused = || Issue::of("value.not_geo_point", text);
    let folded = half_width(text).replace('、', ",");
    let parts: Vec<&str> = folded.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    let [lat, lon] = parts.as_slice() else { return Err(refused()) };
    let degrees = |part: &str| part.trim_end_matches('°').parse::<f64>().map_err(|_| refused());
    Ok(Value::Geo(GeoPoint { lat: degrees(lat)?, lon: degrees(lon)? }))
}

pub(super) fn check(point: GeoPoint) -> Result<(), Issue> {
    // Comparisons with NaN are false, so NaN is refused too.
    if point.lat.abs() <= 90.0 && point.lon.abs() <= 180.0 {
        return Ok(());
    }
    Err(Issue::of("value.not_geo_point", &format!("{}, {}", point.lat, point.lon)))
}
