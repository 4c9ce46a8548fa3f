use super::*;
use hotbed_configs::{Environment, PortableConfig, Variables};

fn form() -> SettingsForm {
    let integer = FieldKind::Integer { min: 1, max: 10 };
    let options = || vec!["a".to_owned(), "b".to_owned()];
    SettingsForm::of(
        "Settings",
        vec![
            Field::new("size", "Size", integer)
                .described("In entries.")
                .defaulting_to(5),
            Field::new("share", "Share", FieldKind::Number { min: 0.0, max: 1.0 }),
            Field::new("on", "On", FieldKind::Boolean),
            Field::new("mode", "Mode", FieldKind::Select(options())),
            Field::new("modes", "Modes", FieldKind::MultiSelect(options())),
            Field::new("names", "Names", FieldKind::List),
            Field::new("more", "More", FieldKind::Object),
            Field::new("key", "Key", FieldKind::Password).required(),
        ],
    )
}

fn verbatim(value: Value) -> ResolvedConfig {
    ResolvedConfig::verbatim(&PortableConfig::from_value(value).unwrap())
}

#[test]
fn what_fits_passes() {
    for config in [
        json!({"key": "k"}),
        json!({"key": "k", "size": 10, "share": 0.5, "on": true, "mode": "a", "modes": ["b", "a"],
            "names": ["x"], "more": {"y": 1}}),
        json!({"key": "k", "size": null}),
    ] {
        form().check(&verbatim(config)).unwrap();
    }
}

/// Caught: the first problem ends the check; a text shown in the problem.
#[test]
fn all_problems_are_told_together_and_no_text_of_the_configuration_is() {
    let config = json!({"size": 11, "share": "hunter2", "on": 1, "mode": "hunter2", "modes": ["a", "hunter2"],
        "names": [1], "more": [], "sise": 3});
    let fault = form().check(&verbatim(config)).unwrap_err();
    let said = fault.to_string();
    for key in [
        "size", "share", "on", "mode", "modes", "names", "more", "key",
    ] {
        assert!(said.contains(&format!("{key}: must be")), "{key}: {said}");
    }
    assert!(said.contains("\"sise\": there is no such key"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_variable_becomes_the_number_that_is_wanted() {
    let variables = Variables::from_iter([("SIZE".to_owned(), "7".to_owned())]);
    let environment = Environment::parse("development.yaml", "{}", &variables).unwrap();
    let config = json!({"size": "${SIZE}", "key": "k"});
    let config = environment
        .resolve(&PortableConfig::from_value(config).unwrap())
        .unwrap();
    assert_eq!(form().check(&config).unwrap().get("size"), Some(&json!(7)));
}

#[test]
fn the_form_has_what_the_settings_page_reads() {
    let form = form().to_value();
    let fields = form["sections"][0]["fields"].as_array().unwrap();
    assert_eq!(
        fields[0],
        json!({"key": "size", "type": "number", "label": "Size", "description": "In entries.", "default": 5,
            "required": false, "min": 1, "max": 10})
    );
    let kinds: Vec<&str> = fields
        .iter()
        .map(|field| field["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "number",
            "number",
            "boolean",
            "select",
            "multiselect",
            "list",
            "object",
            "password"
        ]
    );
    assert_eq!(fields[3]["options"], json!(["a", "b"]));
}
