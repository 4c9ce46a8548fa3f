//! A host with one mod that came with the crate, and those who ask it.

use hotbed_configs::{PortableConfig, ResolvedConfig};
use hotbed_mods::{
    Authority, BuiltIns, Desired, Emission, Emissions, EventName, ModEvent, ModHost, ModPath,
    Outcome, Place, Post, Response,
};
use serde_json::Value;

pub(crate) struct Table {
    pub(crate) host: ModHost,
    emissions: Emissions,
    path: ModPath,
}

impl Table {
    pub(crate) async fn with(path: &str, config: Value) -> Self {
        let (host, emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
        let path = ModPath::new(path).unwrap();
        let table = Self {
            host,
            emissions,
            path,
        };
        table.host.load(table.desired(config).await).await.unwrap();
        table
    }

    async fn desired(&self, config: Value) -> Desired {
        let config = ResolvedConfig::verbatim(&PortableConfig::from_value(config).unwrap());
        Desired::new(
            self.host.identify(&self.path).await.unwrap(),
            self.path.clone(),
            config,
        )
    }

    /// Gives the mod another configuration.
    pub(crate) async fn configure(&self, config: Value) {
        let report = self.host.reconcile(vec![self.desired(config).await]).await;
        assert!(
            report.failed.is_empty() && report.refreshed.len() == 1,
            "{report}"
        );
    }

    pub(crate) async fn ask(&self, who: &str, name: &str, payload: Value) -> Response {
        self.ask_from(who, None, name, payload).await
    }

    pub(crate) async fn ask_from(
        &self,
        who: &str,
        group: Option<&str>,
        name: &str,
        payload: Value,
    ) -> Response {
        let payload = payload.as_object().cloned().unwrap_or_default();
        let mut event = ModEvent::new(EventName::new(name).unwrap(), who, payload);
        if let Some(group) = group {
            event = event.from_group(group);
        }
        match self.host.dispatch(event).await.outcome {
            Outcome::Answered { response, .. } => response,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Asks for what is to be done, and takes a refusal for a failure of the test.
    pub(crate) async fn done(&self, who: &str, name: &str, payload: Value) -> Value {
        let response = self.ask(who, name, payload).await;
        assert!(response.success, "{name}: {}", response.message);
        response.data
    }

    /// Asks for what is to be refused, and answers the reason.
    pub(crate) async fn refused(&self, who: &str, name: &str, payload: Value) -> String {
        let response = self.ask(who, name, payload).await;
        assert!(!response.success, "{name}: {response:?}");
        response.message
    }

    /// What was told, as `name to destination`, and forgets it.
    pub(crate) async fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        let none = std::time::Duration::from_millis(1);
        while let Ok(Some(Emission { event, .. })) =
            tokio::time::timeout(none, self.emissions.next()).await
        {
            told.push(format!("{} to {}", event.name, event.destination));
        }
        told
    }

    /// What a command answers.
    pub(crate) async fn say(&self, text: &str) -> String {
        let post = Post {
            text: text.to_owned(),
            place: Place::Channel("ops".into()),
            user_id: "u1".into(),
            username: "alice".into(),
            authority: Authority::User,
            files: Vec::new(),
        };
        let messages = self.host.command(post).await.reply().messages;
        messages
            .into_iter()
            .map(|message| message.text)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
