//! Who hears what.

use super::Fixture;
use super::ear::{Ear, event, pattern, tell, topic, topics};
use crate::{Event, EventBus, Interest, Topic};

/// Tells an event of each topic.
async fn tell_each<'a>(bus: &dyn EventBus, names: impl IntoIterator<Item = &'a str>) -> Vec<Event> {
    let sent: Vec<Event> = names.into_iter().map(event).collect();
    tell(bus, &sent).await;
    sent
}

pub(super) async fn a_topic_hears_no_other(fixture: &dyn Fixture) {
    const NAMES: [&str; 13] = [
        "a", "b", "a:b", "a_b", "a.b", "a-b", "a/b", "A:B", "a:B", "a:b:c", "ab", "a::b", "a%3Ab",
    ];
    let (here, there) = (fixture.open().await, fixture.open().await);
    for wanted in NAMES {
        let mut ear = Ear::open(&*there, topic(wanted)).await;
        let mut expected = tell_each(&*here, NAMES).await;
        expected.extend(tell_each(&*here, [wanted]).await);
        expected.retain(|event| event.topic.as_str() == wanted);
        ear.hears(&expected).await;
    }
}

pub(super) async fn several_topics_are_heard_through_one_subscription(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topics(["a", "b", "c"])).await;
    let mut sent = tell_each(&*here, ["c", "x", "a", "b", "x", "a"]).await;
    sent.retain(|event| event.topic.as_str() != "x");
    for expected in sent {
        let heard = ear.event().await;
        assert_eq!((heard.id, heard.topic), (expected.id, expected.topic));
    }
}

pub(super) async fn a_pattern_hears_what_it_matches(fixture: &dyn Fixture) {
    const NAMES: [&str; 9] = [
        "registry:bots",
        "registry:a:b",
        "registry",
        "registry_bots",
        "x:registry:a",
        "registry:",
        "registry:é",
        "Registry:bots",
        "fleet:a",
    ];
    let (here, there) = (fixture.open().await, fixture.open().await);
    for text in [
        "registry:*",
        "registry:?",
        "registry:[a-z]*",
        "registry[:_]bots",
        "registry:[!b]*",
        "*",
        "*:a",
        "regi*:*s",
    ] {
        let pattern = pattern(text);
        let mut ear = Ear::open(&*there, pattern.clone()).await;
        let mut expected = tell_each(&*here, NAMES).await;
        expected.retain(|event| pattern.matches(&event.topic));
        assert!(!expected.is_empty(), "{text} matches something");
        // One more of what is heard shows that nothing else was.
        let last = event(expected[0].topic.as_str());
        tell(&*here, std::slice::from_ref(&last)).await;
        expected.push(last);
        for expected in expected {
            let heard = ear.event().await;
            assert_eq!(heard.topic, expected.topic, "of {text}");
            assert_eq!(heard.id, expected.id, "of {text}");
        }
    }
}

pub(super) async fn patterns_may_overlap(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let interest = topics(["a:1", "b:1"])
        .and_all(pattern("a:*"))
        .and_all(pattern("*:1"))
        .and_all(pattern("a:?"));
    let mut ear = Ear::open(&*there, interest).await;
    let sent = tell_each(&*here, ["a:1", "b:1", "a:2", "c:1", "a:1", "a:33"]).await;
    ear.hears(&sent).await;
    // Another, whose part of it overlaps with that: each hears its own, once.
    let mut exact = Ear::open(&*there, topic("a:1")).await;
    let sent = tell_each(&*here, ["a:1", "a:2", "a:1"]).await;
    ear.hears(&sent).await;
    exact.hears(&[sent[0].clone(), sent[2].clone()]).await;
    // And none of it was told to one of them twice.
    let last = tell_each(&*here, ["a:1"]).await;
    ear.hears(&last).await;
    exact.hears(&last).await;
}

pub(super) async fn a_fact_told_on_several_topics_is_heard_once(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut all = Ear::open(&*there, topics(["a", "b"]).and_all(pattern("c*"))).await;
    let mut only_c = Ear::open(&*there, topic("c")).await;
    for _ in 0..3 {
        let on_a = event("a");
        let on = |name| Event {
            topic: topic(name),
            ..on_a.clone()
        };
        tell(&*here, &[on_a.clone(), on("b"), on("c")]).await;
        all.hears(std::slice::from_ref(&on_a)).await;
        only_c.hears(&[on_a]).await;
    }
}

pub(super) async fn facts_on_several_topics_are_each_heard(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, topics(["a", "b"])).await;
    // The same in everything but what makes them two.
    let on_a = event("a");
    let on_b = Event {
        topic: topic("b"),
        id: event("b").id,
        ..on_a.clone()
    };
    tell(&*here, &[on_a.clone(), on_b.clone()]).await;
    ear.hears(&[on_a, on_b]).await;
}

/// Each of these is heard by who wants it and by nobody else.
async fn are_told_apart(fixture: &dyn Fixture, names: &[String]) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ears = Vec::new();
    for name in names {
        ears.push(Ear::open(&*there, topic(name)).await);
    }
    let all: Interest = names.iter().map(|name| topic(name)).collect();
    let mut everything = Ear::open(&*there, all).await;
    let first: Vec<Event> = names.iter().map(|name| event(name)).collect();
    let second: Vec<Event> = names.iter().map(|name| event(name)).collect();
    tell(&*here, &first).await;
    tell(&*here, &second).await;
    for (ear, (first, second)) in ears.iter_mut().zip(first.iter().zip(&second)) {
        for expected in [first, second] {
            let heard = ear.event().await;
            assert_eq!(heard.topic, expected.topic);
            assert_eq!(heard.id, expected.id);
        }
    }
    everything.hears(&first).await;
    everything.hears(&second).await;
}

pub(super) async fn topics_may_be_of_any_script(fixture: &dyn Fixture) {
    let names = [
        "größe",
        "große",
        "GRÖSSE",
        "e\u{301}",
        "é",
        "保存:箱",
        "🤖",
        "🤖\u{200d}🔧",
        "مرحبا",
    ];
    are_told_apart(fixture, &names.map(str::to_owned)).await;
}

pub(super) async fn topics_may_be_as_long_as_topics_get(fixture: &dyn Fixture) {
    let filled = |end: &str| format!("{}{end}", "x".repeat(256 - end.len()));
    let names = [filled("a"), filled("b"), filled(":b"), "ö".repeat(128)];
    assert!(
        Topic::new(&format!("{}y", names[0])).is_err(),
        "none longer"
    );
    are_told_apart(fixture, &names).await;
    // And as part of what a pattern matches.
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut ear = Ear::open(&*there, pattern(&format!("{}*", "x".repeat(255)))).await;
    let sent = tell_each(&*here, names[..2].iter().map(String::as_str)).await;
    ear.hears(&sent).await;
}

pub(super) async fn hostile_topics_are_only_topics(fixture: &dyn Fixture) {
    let names = [
        "a*",
        "ab",
        "a?",
        "a[b]",
        "a\\*",
        "a\\",
        "*",
        ">",
        "a.>",
        "a.*",
        "a..b",
        ".a",
        "a.",
        "$SYS.a",
        "'a'",
        "\"a\"",
        "a\"b",
        "a;b",
        "--",
        "$1",
        "%",
        "%41",
        "{a}",
        "a,b",
        "#",
        "/",
        "__keyspace@0__:a",
    ];
    are_told_apart(fixture, &names.map(str::to_owned)).await;
}
