use proptest::prelude::*;
use serde_json::json;

use super::*;

fn portable(config: Value) -> PortableConfig {
    PortableConfig::from_value(config).unwrap()
}

fn found(config: Value) -> Vec<String> {
    let issues = validate_portability(&portable(config.clone()));
    assert_eq!(is_portable(&portable(config)), issues.is_empty());
    issues.iter().map(ToString::to_string).collect()
}

/// What is found in one text.
fn in_text(text: &str) -> Vec<String> {
    found(json!({ "a": text }))
}

// Caught: each rule removed or narrowed to what the ancestor finds.
#[test]
fn what_ties_a_text_to_one_machine_is_found() {
    for (text, said) in [
        ("/Users/ann/data", "macOS home directory: '/Users/ann'"),
        ("open '/Users/ann'", "macOS home directory: '/Users/ann'"),
        ("file:///Users/ann/x", "macOS home directory: '/Users/ann'"),
        ("/home/ann/data", "Linux home directory: '/home/ann'"),
        ("/home/jürgen", "Linux home directory: '/home/jürgen'"),
        ("data=/home/ann", "Linux home directory: '/home/ann'"),
        (
            "sqlite:////home/ann/x.db",
            "Linux home directory: '/home/ann'",
        ),
        ("/etc:/home/ann", "Linux home directory: '/home/ann'"),
        ("/root", "root home directory: '/root'"),
        ("/root/.ssh", "root home directory: '/root'"),
        (
            r"C:\Users\ann\data",
            r"Windows home directory: 'C:\Users\ann'",
        ),
        (r"D:\Users\ann", r"Windows home directory: 'D:\Users\ann'"),
        (r"c:\users\ann", r"Windows home directory: 'c:\users\ann'"),
        (
            r"C:\\Users\\ann",
            r"Windows home directory: 'C:\\Users\\ann'",
        ),
        ("C:/Users/ann", "Windows home directory: 'C:/Users/ann'"),
        (
            "file:///C:/Users/ann",
            "Windows home directory: 'C:/Users/ann'",
        ),
        ("localhost:8080", "localhost with port: 'localhost:8080'"),
        (
            "postgres://a@localhost:5432/x",
            "localhost with port: 'localhost:5432'",
        ),
        (
            "a:1,localhost:9092",
            "localhost with port: 'localhost:9092'",
        ),
        ("http://LocalHost:1/", "localhost with port: 'LocalHost:1'"),
        ("http://localhost/", "localhost: 'localhost'"),
        ("http://localhost", "localhost: 'localhost'"),
        ("redis://:p@localhost", "localhost: 'localhost'"),
        ("localhost", "localhost: 'localhost'"),
        ("localhost:${PORT}", "localhost: 'localhost'"),
        ("http://localhost:${PORT}/x", "localhost: 'localhost'"),
        ("127.0.0.1", "localhost IP: '127.0.0.1'"),
        ("http://127.0.0.1:80/", "localhost IP: '127.0.0.1'"),
        ("127.0.1.1", "localhost IP: '127.0.1.1'"),
        ("Use 127.0.0.1.", "localhost IP: '127.0.0.1'"),
        ("0.0.0.0", "all interfaces IP: '0.0.0.0'"),
        ("tcp://0.0.0.0:80", "all interfaces IP: '0.0.0.0'"),
        ("http://[::1]/", "localhost IPv6: '[::1]'"),
        ("[::1]:80", "localhost IPv6: '[::1]'"),
        ("[0:0:0:0:0:0:0:1]", "localhost IPv6: '[0:0:0:0:0:0:0:1]'"),
        ("::1", "localhost IPv6: '::1'"),
        ("[::]:80", "all interfaces IPv6: '[::]'"),
        ("::", "all interfaces IPv6: '::'"),
        // Another placeholder excuses nothing, not even the same text.
        ("${X} /home/ann", "Linux home directory: '/home/ann'"),
        (
            "${X:/home/ann}:/home/ann",
            "Linux home directory: '/home/ann'",
        ),
        ("$${VAR:/home/ann}", "Linux home directory: '/home/ann'"),
    ] {
        assert_eq!(in_text(text), [format!("a: Found {said}")], "{text}");
    }
}

// Caught: each of the conditions around a match left out.
#[test]
fn what_only_resembles_it_is_portable() {
    for text in [
        "https://x/home/page",
        "https://x/?next=/home/page",
        "https://x/Users/list",
        "https://x/root",
        "s3://bucket/home/ann",
        "http://home/ann",
        "./home/ann",
        "../home/ann",
        "data/home/ann",
        "${BASE}/home/ann",
        "~/home/ann",
        "/srv/home/ann",
        "/home",
        "/home/",
        "/home/${USER}",
        "/Users/",
        "/rooted",
        "/root-ca.pem",
        "/root.pem",
        "/roots",
        "abC:/x/Users/ann",
        r"C:\Windows",
        r"C:\Users\",
        r"xC:\Users",
        "mylocalhost:80",
        "localhosts:80",
        "localhost.example.com:80",
        "never say localhost to a customer",
        "It runs on localhost.",
        "20.0.0.0",
        "10.0.0.0",
        "10.127.0.0.1",
        "127.0.0",
        "127.0.0.256",
        "v0.0.0.0",
        "1-0.0.0.0",
        "0.0.0.0/0",
        "[::2]",
        "[:]",
        "a::1",
        "a[::1",
        "fe80::1",
        "${HOST:localhost}:${PORT:5432}",
        "${URL:http://localhost:8080/home/ann}",
        "${DIR:/home/ann}/data",
        "${DIR:-/Users/ann}",
        "${DIR:?such as /root}",
        "",
        "ü",
    ] {
        assert_eq!(in_text(text), [""; 0], "{text}");
    }
}

// Caught: looking at values only, at the dump of all, or into inline defaults; one reference excusing all.
#[test]
fn every_key_and_text_is_looked_at_by_itself() {
    // In the order of the keys, which is that of the text or of the alphabet: any crate of a program may choose.
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    assert_eq!(
        sorted(found(json!({
            "bot": {
                "/home/ann": 1,
                "tools": [{"path": "/home/ann"}, "${X:/home/ann}"],
                "db": {
                    "$resource": "main", "type": "databases", "host": "localhost:1",
                    "deep": {"/root": ["/root"]},
                },
                "named": {"$resource": "/home/ann"},
                "not_a_reference": {"$required": true, "host": "localhost:2"},
            },
            "all": "/home/ann and localhost:80, /home/ann and 127.0.0.1",
        }))),
        sorted(texts(&[
            "all: Found Linux home directory: '/home/ann'",
            "all: Found localhost with port: 'localhost:80'",
            "all: Found localhost IP: '127.0.0.1'",
            "bot.\"/home/ann\": Found Linux home directory: '/home/ann'",
            "bot.named.$resource: Found Linux home directory: '/home/ann'",
            "bot.not_a_reference.host: Found localhost with port: 'localhost:2'",
            "bot.tools[0].path: Found Linux home directory: '/home/ann'",
        ]))
    );
}

// Caught: searching for the word, as the ancestor does.
#[test]
fn a_reference_is_an_object_and_no_word() {
    let has = |config| has_resource_references(&portable(config));
    assert!(has(json!({"$resource": "x"})));
    assert!(has(json!({"a": [{"b": {"$resource": "x", "type": "t"}}]})));
    assert!(!has(json!({"a": "$resource", "b": "{'$resource': 'x'}"})));
    assert!(!has(json!({"a": {"$resources": 1, "$required": true}})));
    assert!(!has(json!({})));
}

#[test]
fn thousands_of_issues_are_not_all_told() {
    let many = (0..1000)
        .map(|n| format!("localhost:{n}"))
        .collect::<Vec<_>>();
    assert_eq!(found(json!({ "a": many })).len(), 100);
    assert_eq!(in_text(&many.join(" ")).len(), 100);
}

#[test]
fn long_texts_cost_linear_time() {
    // Quadratic work on these would take minutes.
    for part in [
        "localhost",
        "1.1.1.1",
        "[::",
        "/home/",
        "C:",
        "://a",
        "/",
        "/Users/ü",
    ] {
        let _issues = in_text(&part.repeat(200_000));
    }
}

proptest! {
    // Caught: a rule that looks into defaults, or that a placeholder nearby switches off.
    #[test]
    fn a_default_is_excused_and_nothing_around_it(
        around in "[a-z ,=]{0,8}",
        machine in prop::sample::select(vec!["/home/ann", "/root", "localhost:1", "127.0.0.1", "0.0.0.0", "C:\\Users\\a"]),
    ) {
        prop_assert_eq!(in_text(&format!("{around} ${{X:{machine}}} {around}")), [""; 0]);
        prop_assert_eq!(in_text(&format!("{around} ${{X:{machine}}} {machine} {around}")).len(), 1);
    }

    #[test]
    fn no_text_makes_it_panic(text in r"(/|\\|Users|home|root|C:|localhost|127\.0\.0\.1|0|\.|:|\[|\]|//|@|\$\{|\}|ü| |a)*") {
        for issue in validate_portability(&portable(json!({ &text: text }))) {
            prop_assert!(with_holes(&text).contains(&issue.found));
        }
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&it| it.to_owned()).collect()
}
