//! The published form of the app language.

#[test]
fn print_for_now() {
    let all = mortise_definition::schema::schemas();
    std::fs::write("/tmp/schemas.json", serde_json::to_string_pretty(&all).unwrap()).unwrap();
    std::fs::write("/tmp/reference.md", mortise_definition::schema::reference_markdown()).unwrap();
}
