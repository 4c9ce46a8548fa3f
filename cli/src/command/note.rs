use clap::Args;
use reqwest::RequestBuilder;

/// Who writes, and why.
#[derive(Debug, Clone, Args)]
pub struct NoteArgs {
    /// Who does it, for the history
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

impl NoteArgs {
    pub(crate) fn in_query(&self, request: RequestBuilder) -> RequestBuilder {
        let pairs = [("by", &self.by), ("reason", &self.reason)];
        let said = pairs
            .iter()
            .filter_map(|(key, text)| Some((key, text.as_ref()?)));
        request.query(&said.collect::<Vec<_>>())
    }
}
