//! What a mod is configured with may be a secret, and is shown to nobody.

use crate::node::{Fleet, configure, id, note, object, order, registration};
use hotbed_agents::{AgentId, LoadOrder};
use hotbed_mods::{Field, FieldKind, ModPath, SettingsForm};
use hotbed_registry::Precondition;
use serde_json::json;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use tracing::field::{Field as Of, Visit};
use tracing::span::{Attributes, Id as Span, Record};
use tracing::{Event, Metadata, Subscriber};

const SECRET: &str = "hunter2";

/// Writes down all that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, _: &Of, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Span {
        span.record(&mut self.clone());
        Span::from_u64(1)
    }

    fn record(&self, _: &Span, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Span, _: &Span) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Span) {}

    fn exit(&self, _: &Span) {}
}

/// Meant to catch: an order that shows its configuration.
#[tokio::test(start_paused = true)]
async fn no_error_no_line_of_the_log_and_no_debug_shows_what_a_mod_is_configured_with() {
    let log = Log::default();
    let _logged = tracing::subscriber::set_default(log.clone());
    let fleet = Fleet::new();
    fleet.shop.change("wiki", |goods| {
        let fields = vec![
            Field::new("key", "Key", FieldKind::Password),
            Field::new("mode", "Mode", FieldKind::Select(vec!["a".to_owned()])),
            Field::new("start", "Start", FieldKind::Text),
        ];
        goods.manifest.form = Some(SettingsForm::of("Wiki", fields));
    });
    let node = fleet.node();
    let mut shown = String::new();
    let good = json!({"key": SECRET});
    let order_of_agent = LoadOrder {
        path: ModPath::new("test.wiki").unwrap(),
        config: object(good.clone()),
        by: AgentId::new("alice").unwrap(),
    };
    writeln!(shown, "{order_of_agent:?}").unwrap();
    writeln!(shown, "{:?}", order("wiki", good.clone())).unwrap();
    node.load("wiki", good.clone()).await.unwrap();
    for bad in [
        json!({"key": [SECRET]}),
        json!({"key": SECRET, "mode": SECRET}),
        json!({"key": SECRET, "start": "fail"}),
        json!({"key": format!("{SECRET}${{NOT_SET}}")}),
    ] {
        let change = configure(bad.clone());
        let edited = node.desk.edit("wiki", Precondition::Any, note("b"), change);
        writeln!(shown, "{:?}", edited.await).unwrap();
        let other = order("wiki", bad.clone());
        let other = hotbed_desk::Order {
            id: Some(crate::node::mod_id("other")),
            ..other
        };
        writeln!(shown, "{:?}", node.desk.load(other).await).unwrap();
        let (wiki, registered) = (id("wiki"), object(registration("wiki", bad.clone())));
        let put = node
            .desk
            .put(&wiki, registered, None, Precondition::Any, note("b"));
        writeln!(shown, "{:?}", put.await).unwrap();
        fleet.write("wiki", registration("wiki", bad)).await;
        node.follower.settled().await.unwrap();
        writeln!(shown, "{:?}", node.follower.problems()).unwrap();
    }
    let mistyped =
        json!({"path": "test.wiki", "confg": {"key": SECRET}, "scopes": [{"key": SECRET}]});
    fleet.write("wiki", mistyped).await;
    node.follower.settled().await.unwrap();
    writeln!(shown, "{:?} {:?}", node.desk.entries(), node.follower).unwrap();
    writeln!(shown, "{:?}", node.follower.problems()).unwrap();
    assert!(shown.contains("unknown key"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    let logged = log.0.lock().unwrap();
    assert!(logged.contains("told to fail"), "{logged}");
    assert!(!logged.contains(SECRET), "{logged}");
}
