use proptest::prelude::*;

use super::*;

fn variables() -> Variables {
    [
        ("V", "value"),
        ("EMPTY", ""),
        ("NESTED", "${V}"),
        ("a b", "spaced"),
        ("M", "m"),
        ("{", "brace"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn fill(text: &str) -> (String, Vec<Missing>) {
    let mut missing = Vec::new();
    let mut budget = Budget::new();
    let filled = interpolate(text, &variables(), &mut budget, |m| missing.push(m)).unwrap();
    (filled.into_owned(), missing)
}

#[test]
fn the_grammar_of_placeholders() {
    for (text, expected) in [
        // set
        ("${V}", "value"),
        ("a ${V} b ${V}", "a value b value"),
        ("${V:d}", "value"),
        ("${V:-d}", "value"),
        ("${V:?needed}", "value"),
        // set but empty is set
        ("[${EMPTY}]", "[]"),
        ("[${EMPTY:d}]", "[]"),
        ("[${EMPTY:-d}]", "[]"),
        ("[${EMPTY:?needed}]", "[]"),
        // defaults
        ("${X:d}", "d"),
        ("${X:-d}", "d"),
        ("[${X:}]", "[]"),
        ("[${X:-}]", "[]"),
        ("${X:--d}", "-d"),
        ("${X:-?d}", "?d"),
        ("${X:http://h:1/p}", "http://h:1/p"),
        ("${DATA_DIR:./data}/knowledge", "./data/knowledge"),
        ("${X: d }", " d "),
        ("${X:ünï}", "ünï"),
        ("${X:$}${V}", "$value"),
        // the first `}` ends it
        ("${X:{}}", "{}"),
        ("${M:x${V}y}", "my}"),
        ("${X:x${V}y}", "x${Vy}"),
        // one pass
        ("${NESTED}", "${V}"),
        ("${X:$}{V}", "${V}"),
        // names as they stand
        ("${a b}", "spaced"),
        ("${{}", "brace"),
        // escapes
        ("$${V}", "${V}"),
        ("$${V:d}", "${V:d}"),
        ("$$${V}", "$${V}"),
        ("$${V}${V}$${V}", "${V}value${V}"),
        ("${V}$${", "value${"),
        ("$${", "${"),
        ("$${A${V}}", "${Avalue}"),
        ("${V $${V", "${V ${V"),
        ("${$${", "${${"),
        // plain text
        ("", ""),
        ("$V", "$V"),
        ("$$", "$$"),
        ("$$V", "$$V"),
        ("{V}", "{V}"),
        ("${}", "${}"),
        ("${:d}", "${:d}"),
        ("${:?}", "${:?}"),
        ("${", "${"),
        ("${V", "${V"),
        ("${V:d", "${V:d"),
        ("${V}${V", "value${V"),
        ("${}${V}", "${}value"),
        ("${:${V}}", "${:value}"),
        ("\\${V}", "\\value"),
        ("~/x", "~/x"),
        ("~${V}", "~value"),
        ("ü${V}ü", "üvalueü"),
    ] {
        assert_eq!(fill(text), (expected.to_owned(), vec![]), "{text}");
    }
}

#[test]
fn a_missing_variable_is_reported_and_leaves_its_placeholder() {
    let missing = |name: &str, message: Option<&str>| Missing {
        name: name.to_owned(),
        message: message.map(str::to_owned),
    };
    for (text, expected) in [
        ("${X}", vec![missing("X", None)]),
        ("${X:?}", vec![missing("X", None)]),
        ("${X:?set it: now}", vec![missing("X", Some("set it: now"))]),
        ("${X:?-}", vec![missing("X", Some("-"))]),
        ("${ V}", vec![missing(" V", None)]),
        ("${v}", vec![missing("v", None)]),
        ("${${V}", vec![missing("${V", None)]),
        ("${X}-${Y}", vec![missing("X", None), missing("Y", None)]),
    ] {
        assert_eq!(fill(text), (text.to_owned(), expected), "{text}");
    }
}

#[test]
fn a_text_that_asks_for_too_much_is_refused() {
    let long = "x".repeat(100_000);
    let variables = Variables::from_iter([("LONG".to_owned(), long)]);
    let text = "${LONG}".repeat(1000);
    assert!(interpolate(&text, &variables, &mut Budget::new(), |_| ()).is_err());
}

#[test]
fn many_unclosed_placeholders_cost_linear_time() {
    // Quadratic work on this would take minutes.
    let text = "${".repeat(2_000_000);
    assert_eq!(fill(&text).0, text);
    let text = "${$${".repeat(1_000_000);
    assert_eq!(fill(&text).0, "${".repeat(2_000_000));
    let text = format!("{}}}", "${:".repeat(1_000_000));
    assert_eq!(fill(&text).0, text);
}

proptest! {
    #[test]
    fn text_without_a_placeholder_is_unchanged(text in any::<String>()) {
        prop_assume!(!text.contains("${"));
        prop_assert_eq!(fill(&text), (text, vec![]));
    }

    #[test]
    fn no_text_makes_it_panic(text in r"(\$|\{|\}|:|-|\?|V|X|EMPTY|ü| )*") {
        fill(&text);
    }

    #[test]
    fn an_escaped_text_comes_out_as_it_was(text in r"(\$\{|\}|:|-|\?|V|X|ü| )*") {
        prop_assert_eq!(fill(&text.replace("${", "$${")), (text, vec![]));
    }
}
