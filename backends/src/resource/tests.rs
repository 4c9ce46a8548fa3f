use super::*;
use serde_json::json;

fn url(resource: &Value) -> String {
    RegistryResource::from_value(resource)
        .unwrap()
        .url
        .to_string()
}

fn refusal(resource: &Value) -> String {
    let refused = RegistryResource::from_value(resource).unwrap_err();
    refused.to_string()
}

/// The URL that a resource reads as, whether or not this build can open it.
fn text(resource: &Value) -> String {
    let (kind, mut fields) = kinds::registry(resource.as_object().unwrap()).unwrap();
    let url = (kind.url)(&mut fields);
    fields.finish().unwrap();
    url
}

#[test]
fn a_resource_is_the_text_of_a_url_or_an_object() {
    assert_eq!(url(&json!("memory:")), "memory:");
    assert_eq!(url(&json!({"backend": "memory"})), "memory:");
    assert_eq!(url(&json!({"backend": "Memory"})), "memory:");
    assert_eq!(
        refusal(&json!(["memory:"])),
        "neither the URL of a registry nor an object"
    );
}

#[test]
fn the_collection_is_bots_unless_it_is_named() {
    let of = |resource: &Value| RegistryResource::from_value(resource).unwrap().collection;
    assert_eq!(of(&json!({"backend": "memory"})), CollectionName::bots());
    let mods = json!({"backend": "memory", "collection": "mods"});
    assert_eq!(of(&mods).as_str(), "mods");
    let refused = refusal(&json!({"backend": "memory", "collection": "Mods"}));
    assert!(refused.contains("is not a collection"), "{refused}");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_sqlite_resource_names_its_file() {
    let resource = json!({"backend": "SQLite", "path": "./data/my bots.db"});
    assert_eq!(url(&resource), "sqlite:./data/my bots.db");
    assert_eq!(
        refusal(&json!({"backend": "sqlite", "path": ""})),
        "sqlite registry: path is missing"
    );
    assert_eq!(
        refusal(&json!({"backend": "sqlite", "path": ":memory:"})),
        "sqlite registry names no file: use memory: instead"
    );
}

#[cfg(feature = "file")]
#[test]
fn a_file_resource_names_its_directory() {
    assert_eq!(
        url(&json!({"backend": "file", "path": "/srv/conf"})),
        "file:/srv/conf"
    );
}

#[cfg(feature = "postgres")]
#[test]
fn a_postgres_resource_says_what_a_url_says() {
    for (resource, shown) in [
        (
            json!({"backend": "postgres", "host": "db.example", "database": "myapp", "table": "bot_configs"}),
            "postgres://postgres@db.example:5432/myapp?table=bot_configs",
        ),
        (
            json!({"backend": "PostgreSQL", "host": "::1", "port": 5433, "database": "a b", "user": "bob",
                   "password": "p@ss/:#?", "region": null}),
            "",
        ),
        (
            json!({"backend": "postgresql", "host": "/run/postgresql", "port": "5433", "database": "d", "user": "u"}),
            "postgres://u@/d?table=registrations&host=/run/postgresql&port=5433",
        ),
        (
            json!({"backend": "postgres", "connection_string": "postgresql://u:p@h/d?sslmode=require", "table": "t"}),
            "postgres://u@h:5432/d?table=t",
        ),
    ] {
        if shown.is_empty() {
            assert!(refusal(&resource).contains("unknown key \"region\""));
        } else {
            assert_eq!(url(&resource), shown);
        }
    }
    let whole = json!({"backend": "postgres", "host": "::1", "port": 5433, "database": "a b", "user": "bob",
                       "password": "p@ss/:#?"});
    assert_eq!(
        text(&whole),
        "postgres://bob:p%40ss%2F%3A%23%3F@[::1]:5433/a%20b"
    );
    assert_eq!(
        url(&whole),
        "postgres://bob@[::1]:5433/a b?table=registrations"
    );
}

#[test]
fn an_s3_resource_says_what_a_url_says() {
    let resource = json!({"backend": "s3", "bucket": "my-bucket", "prefix": "/hotbed/", "region": "us-east-1",
                          "endpoint_url": "http://[::1]:7480"});
    assert_eq!(
        text(&resource),
        "s3://my-bucket/hotbed?endpoint=http%3A%2F%2F%5B%3A%3A1%5D%3A7480&region=us-east-1"
    );
    let keys = json!({"backend": "s3", "bucket": "b", "endpoint_url": null, "aws_access_key_id": "K",
                      "aws_secret_access_key": "a/b+c"});
    assert_eq!(text(&keys), "s3://K:a%2Fb%2Bc@b/");
    assert_eq!(
        refusal(&json!({"backend": "s3", "aws_access_key_id": "K"})),
        "s3 registry: bucket is missing; s3 registry: only one of aws_access_key_id and aws_secret_access_key is given"
    );
}

#[test]
fn an_http_resource_says_what_a_url_says() {
    let resource = json!({"backend": "http", "base_url": "https://conf.example/api/v1", "auth_token": "s:e/c",
                          "auth_header": "X-Token", "timeout": 2.5, "read_only": "true", "verify_ssl": false});
    assert_eq!(
        text(&resource),
        "https://s%3Ae%2Fc@conf.example/api/v1?header=X-Token&timeout=2.5&read_only=true&verify=false"
    );
    // As a document of the Python registry has it, where no token would be sent.
    let refused = refusal(
        &json!({"backend": "http", "base_url": "https://h", "auth_header": "Bearer token123"}),
    );
    assert_eq!(
        refused,
        "http registry: auth_header is the name of a header: put the token itself into auth_token"
    );
    for base in ["conf.example/api", "ftp://h", "://h"] {
        let refused = refusal(&json!({"backend": "http", "base_url": base}));
        assert!(
            refused.contains("does not begin with http"),
            "{base}: {refused}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_what_was_meant() {
    assert_eq!(
        refusal(&json!({"backend": "postgres", "hots": "h", "database": ["d"], "zzz": 1})),
        "postgres registry: unknown key \"hots\", did you mean \"host\"?; known are backend, collection, \
         connection_string, database, host, password, port, sslmode, table, user; postgres registry: unknown key \
         \"zzz\"; known are backend, collection, connection_string, database, host, password, port, sslmode, table, \
         user; postgres registry: database is not a text"
    );
    assert_eq!(
        refusal(&json!({"backend": "postgress"})),
        "unknown backend \"postgress\", did you mean \"postgres\"?; known are file, http, memory, postgres, \
         postgresql, s3, sqlite"
    );
    assert_eq!(
        refusal(&json!({"path": "x"})),
        "backend is missing: use one of file, http, memory, postgres, postgresql, s3, sqlite"
    );
    assert_eq!(
        refusal(&json!({"backend": "http", "base_url": "http://h", "read_only": "yes"})),
        "http registry: read_only is neither true nor false"
    );
}

#[test]
fn no_refusal_and_no_debug_shows_a_secret() {
    for resource in [
        json!({"backend": "postgres", "host": "h", "port": "x", "database": "d", "password": "hunter2"}),
        json!({"backend": "postgres", "host": "h/@", "database": "d", "password": "hunter2"}),
        json!({"backend": "postgres", "connection_string": "postgres://u:hunter2@h/d?x=1"}),
        json!({"backend": "postgres", "connection_string": "mysql://u:hunter2@h/d"}),
        json!({"backend": "postgres", "connection_string": "postgres://u:hunter2@h/d", "password": "hunter2"}),
        json!({"backend": "postgres", "database": "d", "passwort": "hunter2"}),
        json!({"backend": "s3", "aws_access_key_id": "k", "aws_secret_access_key": "hunter2"}),
        json!({"backend": "http", "auth_token": "hunter2"}),
        json!({"backend": "http", "base_url": "https://x@h", "auth_token": "hunter2"}),
        json!("mysql://u:hunter2@h/d"),
    ] {
        let refused = RegistryResource::from_value(&resource).unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains("hunter2"),
            "{refused}"
        );
    }
    #[cfg(feature = "postgres")]
    {
        let good = json!({"backend": "postgres", "database": "d", "password": "hunter2"});
        let good = RegistryResource::from_value(&good).unwrap();
        assert!(!format!("{good:?}").contains("hunter2"));
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_resource_is_opened_and_keeps_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bots.db");
    let resource = json!({"backend": "sqlite", "path": path});
    let id = hotbed_registry::Id::new("b").unwrap();
    let config = hotbed_registry::PortableConfig::from_value(json!({"a": 1})).unwrap();
    let draft = hotbed_registry::Draft::active(config);
    let first = create_registry_backend(&resource).await.unwrap();
    let any = hotbed_registry::Precondition::Any;
    first.put(&id, draft, any).await.unwrap();
    drop(first);
    let second = create_registry_backend(&resource).await.unwrap();
    assert!(second.get(&id).await.unwrap().is_some());
    let refused = create_registry_backend(&json!({"backend": "sqlit"})).await;
    assert!(matches!(refused, Err(OpenError::Resource(_))));
}

#[cfg(all(feature = "nats", feature = "postgres", feature = "redis"))]
#[test]
fn a_bus_resource_says_what_a_url_says() {
    for (resource, shown) in [
        (json!("memory:"), "memory:"),
        (json!({"backend": "Memory"}), "memory:"),
        (
            json!({"backend": "redis", "host": "cache.example", "ssl": "true"}),
            "rediss://cache.example:6379?prefix=events",
        ),
        (
            json!({"backend": "redis", "host": "::1", "port": 6380, "password": "p@ss/:#?", "channel_prefix": "blue"}),
            "redis://[::1]:6380?prefix=blue",
        ),
        (
            json!({"backend": "postgres", "database": "conf", "user": "bot", "password": "p@ss/", "channel_prefix": "blue"}),
            "postgres://bot@localhost:5432/conf?prefix=blue",
        ),
        (
            json!({"backend": "nats", "host": "bus", "token": "secret"}),
            "nats://bus:4222?prefix=events",
        ),
    ] {
        let url = bus_resource(&resource).unwrap().to_string();
        assert_eq!(url.replace("/0?", "?"), shown, "{resource}");
    }
}

#[test]
fn a_bus_resource_that_says_too_little_or_too_much_is_refused() {
    let refusal = |resource: Value| bus_resource(&resource).unwrap_err().to_string();
    assert_eq!(
        refusal(json!({"backend": "redis", "hots": "h"})),
        "redis event bus: unknown key \"hots\", did you mean \"host\"?; known are backend, channel_prefix, db, host, \
         password, port, ssl, ssl_ca_certs, user"
    );
    assert_eq!(
        refusal(json!({"backend": "kafka"})),
        "unknown backend \"kafka\"; known are memory, nats, postgres, postgresql, redis"
    );
    assert_eq!(
        refusal(json!({"backend": "nats", "user": "me"})),
        "nats event bus: give user and password, or token, or none of them"
    );
}
