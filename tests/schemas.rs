//! The schemas of `schemas/` are what the types and the kinds' tables give; `BLESS=1 cargo test --test schemas`
//! writes them.

use adxform::cli::args::SchemaOf;
use adxform::cli::schema;
use std::path::PathBuf;

#[test]
fn the_schemas_are_generated() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let documents = [
        ("spec", SchemaOf::Spec),
        ("plan", SchemaOf::Plan),
        ("event", SchemaOf::Event),
        ("journal", SchemaOf::Journal),
    ];
    for (name, document) in documents {
        let path = folder.join(format!("{name}.schema.json"));
        let text = format!("{:#}\n", schema::of(document));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).expect("schemas/ can be written");
        }
        let stands = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stands == text,
            "schemas/{name}.schema.json is not what the types give; run this test with BLESS=1"
        );
    }
}
