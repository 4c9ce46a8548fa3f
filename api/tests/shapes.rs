//! What the types look like as JSON.

use hotbed_api::{Problem, Registration, RegistrationWrite, Status, Written};
use serde_json::{Value, json};

fn stored() -> Value {
    json!({
        "bot_id": "a", "id": "a", "config": {"llm": {}}, "status": "inactive", "metadata": {"k": 1},
        "revision": 3, "version": 1,
        "created_at": "2026-01-02T03:04:05.000000+00:00",
        "updated_at": "2026-01-02T03:04:05.123456+00:00",
        "last_accessed_at": "2026-01-02T03:04:05.120000+00:00"
    })
}

#[test]
fn times_have_six_digits_and_an_offset_in_digits() {
    let registration: Registration = serde_json::from_value(stored()).unwrap();
    assert_eq!(serde_json::to_value(&registration).unwrap(), stored());
    let with_z = stored().to_string().replace("+00:00", "Z");
    assert_eq!(
        serde_json::from_str::<Registration>(&with_z).unwrap(),
        registration,
        "other spellings are read"
    );
}

#[test]
fn what_was_read_can_be_written_back() {
    let registration: Registration = serde_json::from_value(stored()).unwrap();
    let written = Written {
        registration,
        warnings: vec!["w".into()],
    };
    let body: RegistrationWrite =
        serde_json::from_value(serde_json::to_value(&written).unwrap()).unwrap();
    assert_eq!(body.bot_id.as_deref(), Some("a"));
    assert_eq!(body.status, Some(Status::Inactive));
    assert_eq!(Value::Object(body.config), json!({"llm": {}}));
}

#[test]
fn an_unknown_field_of_a_write_is_refused_by_name() {
    let refused =
        serde_json::from_value::<RegistrationWrite>(json!({"config": {}, "statsu": "active"}));
    let message = refused.unwrap_err().to_string();
    assert!(
        message.starts_with("unknown field `statsu`, expected one of `bot_id`, `id`, `config`"),
        "{message}"
    );
}

#[test]
fn absent_metadata_and_null_are_the_same() {
    for body in [
        json!({"config": {}}),
        json!({"config": {}, "metadata": null}),
    ] {
        assert_eq!(
            serde_json::from_value::<RegistrationWrite>(body)
                .unwrap()
                .metadata,
            None
        );
    }
}

#[test]
fn a_problem_holds_only_what_there_is_to_say() {
    let problem = json!({"type": "urn:hotbed:problem:gone", "title": "Gone", "status": 410, "detail": "d", "head": 9});
    let read: Problem = serde_json::from_value(problem.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), problem);
}
