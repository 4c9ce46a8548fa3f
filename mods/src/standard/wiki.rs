//! `wiki`: pages with versions that their owners edit and others propose changes to; by events and by `@wiki`.

use super::access::{tell, told};
use super::ask::Ask;
use super::wiki_pages::{Limits, NewPage, Pages};
use super::{first_lines, patterns};
use crate::command::{CommandCall, CommandReply};
use crate::context::Context;
use crate::destination::Destination;
use crate::event::{ModEvent, Response};
use crate::health::Health;
use crate::manifest::{CommandHelp, Manifest, Usage};
use crate::mod_trait::{BoxError, Mod};
use crate::scopes::Scopes;
use crate::settings_form::{Field, FieldKind, SettingsForm};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the keys of the configuration"
)]
struct Config {
    max_pages: usize,
    max_page_bytes: usize,
    max_versions: usize,
    max_proposals: usize,
    max_total_bytes: usize,
}

/// The longest reason for a change or a decision, in bytes.
const MAX_REASON_BYTES: usize = 4 << 10;

impl Default for Config {
    fn default() -> Self {
        Self {
            max_pages: 10_000,
            max_page_bytes: 1 << 20,
            max_versions: 50,
            max_proposals: 1_000,
            max_total_bytes: 64 << 20,
        }
    }
}

pub(super) fn manifest() -> Manifest {
    let many = |max| FieldKind::Integer { min: 1, max };
    let usage = |name: &str, arguments: &str, description: &str| {
        (name.to_owned(), Usage::new(arguments, description))
    };
    Manifest {
        name: "Wiki".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: "Pages with versions that their owners edit and others propose changes to"
            .into(),
        license: "MIT OR Apache-2.0".into(),
        capabilities: vec!["wiki".into()],
        events: patterns(&["wiki.*"]),
        words: vec!["@wiki".into(), "!wiki".into()],
        help: CommandHelp {
            usage: Some(Usage::new(
                "list | read PATH | search TEXT",
                "Looks into the wiki.",
            )),
            subcommands: BTreeMap::from([
                usage("list", "", "Names all pages."),
                usage("read", "PATH", "Shows a page."),
                usage("search", "TEXT", "Finds pages by what is in them."),
            ]),
        },
        scopes: Scopes::any(),
        form: Some(SettingsForm::of(
            "Wiki",
            vec![
                Field::new("max_pages", "Most pages", many(10_000_000)).defaulting_to(10_000),
                Field::new("max_page_bytes", "Largest page", many(1 << 30))
                    .described("In bytes.")
                    .defaulting_to(1 << 20),
                Field::new(
                    "max_versions",
                    "Versions of a page that are kept",
                    many(100_000),
                )
                .defaulting_to(50),
                Field::new("max_proposals", "Most proposals", many(1_000_000)).defaulting_to(1_000),
                Field::new("max_total_bytes", "Most of all together", many(1 << 40))
                    .described("In bytes, of all pages, their versions and proposals.")
                    .defaulting_to(64 << 20),
            ],
        )),
        ..Manifest::default()
    }
}

/// The mod. What it holds survives a reload.
#[derive(Default)]
pub(super) struct Wiki {
    open: OnceLock<Open>,
}

struct Open {
    context: Context,
    limits: Limits,
    pages: Arc<Mutex<Pages>>,
}

#[async_trait]
impl Mod for Wiki {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        let config: Config = context.config().deserialize()?;
        let open = Open {
            limits: Limits {
                pages: config.max_pages,
                page_bytes: config.max_page_bytes,
                versions: config.max_versions,
                proposals: config.max_proposals,
                total_bytes: config.max_total_bytes,
            },
            pages: context.keep(Mutex::<Pages>::default),
            context: context.clone(),
        };
        Ok(self.open.set(open).is_ok())
    }

    async fn handle(&self, event: &ModEvent) -> Result<Option<Response>, BoxError> {
        let open = self.open.get().ok_or("it was not initialized")?;
        let ask = Ask(event);
        let answer = match event.name.as_str() {
            "wiki.page.create" => open.create(ask),
            "wiki.page.edit" => open.edit(ask),
            "wiki.page.get" => open.get(ask),
            "wiki.page.history" => open.history(ask),
            "wiki.page.revert" => open.revert(ask),
            "wiki.pages.search" => open.search(ask),
            "wiki.pages.list" => open.list(ask),
            "wiki.page.proposal.create" => open.propose(ask),
            "wiki.proposals.list" => open.proposals(ask),
            "wiki.proposal.resolve" => open.resolve(ask),
            _ => return Ok(None),
        };
        Ok(Some(answer.unwrap_or_else(|refused| refused)))
    }

    async fn command(&self, call: &CommandCall) -> Result<Option<CommandReply>, BoxError> {
        let open = self.open.get().ok_or("it was not initialized")?;
        Ok(Some(CommandReply::text(open.say(&call.params))))
    }

    async fn health(&self) -> Health {
        match self.open.get() {
            Some(open) => {
                let pages = open.pages();
                Health::healthy()
                    .with("pages", pages.len())
                    .with("bytes", pages.bytes())
            }
            None => Health::unhealthy("it was not initialized"),
        }
    }
}

type Answer = Result<Response, Response>;

impl Open {
    fn create(&self, ask: Ask<'_>) -> Answer {
        let new = NewPage {
            path: ask.required_label("page_path")?,
            title: ask.required_label("title")?,
            content: ask.required("wiki_content")?,
            category: ask.label("category")?,
            by: &ask.0.source,
        };
        let tags = ask.labels("tags")?;
        let version = self.pages().create(new, tags, self.limits)?;
        self.tell(
            "page_created",
            &[("page_path", json!(new.path)), ("title", json!(new.title))],
            ask,
        );
        Ok(done("the page is created", new.path, version, ask))
    }

    fn edit(&self, ask: Ask<'_>) -> Answer {
        let path = ask.required("page_path")?;
        let content = ask.required("wiki_content")?;
        let version = self
            .pages()
            .edit(path, content, &ask.0.source, self.limits)?;
        self.tell_edited(path, version, ask);
        Ok(done("the page is edited", path, version, ask))
    }

    fn get(&self, ask: Ask<'_>) -> Answer {
        let path = ask.required("page_path")?;
        let number = ask.number("version")?;
        let pages = self.pages();
        let (page, version) = pages.version(path, number)?;
        Ok(Response::ok("here is the page", page.describe(version)))
    }

    fn history(&self, ask: Ask<'_>) -> Answer {
        let path = ask.required("page_path")?;
        let versions = self.pages().history(path, ask.limit(20)?)?;
        let data = json!({
            "page_path": path,
            "total_versions": self.pages().get(path)?.version(),
            "versions": versions,
            "request_id": ask.request_id(),
        });
        Ok(Response::ok("here are the versions", data))
    }

    fn revert(&self, ask: Ask<'_>) -> Answer {
        let path = ask.required("page_path")?;
        let to = ask
            .number("target_version")?
            .ok_or_else(|| Response::refused("target_version is required"))?;
        let version = self.pages().revert(path, to, &ask.0.source, self.limits)?;
        self.tell_edited(path, version, ask);
        Ok(done("the page is reverted", path, version, ask))
    }

    fn search(&self, ask: Ask<'_>) -> Answer {
        let query = ask.required("query")?;
        let pages = self.pages().search(query, ask.limit(10)?);
        let message = format!("{} pages match", pages.len());
        let data = json!({"total_found": pages.len(), "pages": pages, "query": query, "request_id": ask.request_id()});
        Ok(Response::ok(message, data))
    }

    fn list(&self, ask: Ask<'_>) -> Answer {
        let category = ask.text("category");
        let pages = self.pages().of_category(category, ask.limit(50)?);
        let message = format!("{} pages", pages.len());
        let data = json!({"total_listed": pages.len(), "pages": pages, "category": category, "request_id": ask.request_id()});
        Ok(Response::ok(message, data))
    }

    fn propose(&self, ask: Ask<'_>) -> Answer {
        let path = ask.required("page_path")?;
        let content = ask.required("wiki_content")?;
        let rationale = ask.text_up_to("rationale", MAX_REASON_BYTES)?;
        let rationale = rationale.unwrap_or_default();
        let by = &ask.0.source;
        let proposal = self
            .pages()
            .propose(path, content, rationale, by, self.limits)?;
        let about = [
            ("proposal_id", json!(proposal.id)),
            ("page_path", json!(path)),
            ("proposed_by", json!(ask.source())),
        ];
        self.tell("proposal_created", &about, ask);
        let data =
            json!({"proposal_id": proposal.id, "page_path": path, "request_id": ask.request_id()});
        Ok(Response::ok("the change is proposed", data))
    }

    fn proposals(&self, ask: Ask<'_>) -> Answer {
        let path = ask.text("page_path");
        let status = ask.text("status").unwrap_or("pending");
        let proposals = self.pages().proposals(path, status, ask.limit(100)?);
        let message = format!("{} proposals", proposals.len());
        let data = json!({
            "total_listed": proposals.len(),
            "proposals": proposals,
            "page_path": path,
            "status": status,
            "request_id": ask.request_id(),
        });
        Ok(Response::ok(message, data))
    }

    fn resolve(&self, ask: Ask<'_>) -> Answer {
        let id = ask.required("proposal_id")?;
        let action = ask.required("action")?;
        let by = &ask.0.source;
        let comments = ask.text_up_to("comments", MAX_REASON_BYTES)?;
        let (proposal, version) = self
            .pages()
            .resolve(id, action, comments, by, self.limits)?;
        if let Some(version) = version {
            self.tell_edited(&proposal.path, version, ask);
        }
        let about = [
            ("proposal_id", json!(id)),
            ("page_path", json!(proposal.path)),
            ("status", json!(proposal.status)),
            ("proposed_by", json!(proposal.by)),
        ];
        self.tell("proposal_resolved", &about, ask);
        let data = json!({
            "proposal_id": id,
            "action": action,
            "page_path": proposal.path,
            "new_version": version,
            "request_id": ask.request_id(),
        });
        Ok(Response::ok("the proposal is resolved", data))
    }

    /// What `@wiki` answers.
    fn say(&self, params: &[String]) -> String {
        let words: Vec<&str> = params.iter().map(String::as_str).collect();
        let pages = self.pages();
        match words.as_slice() {
            ["list"] => match pages.paths().as_slice() {
                [] => "There are no pages yet.".to_owned(),
                paths => first_lines(paths.iter().map(|path| format!("- {path}"))),
            },
            ["read", path] => match pages.get(path) {
                Ok(page) => format!(
                    "**{}** (version {}, by {})\n\n{}",
                    page.title,
                    page.version(),
                    page.owner,
                    page.content()
                ),
                Err(refused) => refused.message,
            },
            ["search", text @ ..] if !text.is_empty() => {
                let found = pages.search(&text.join(" "), 10);
                let paths = found.iter().filter_map(|page| page["page_path"].as_str());
                let lines: Vec<String> = paths.map(|path| format!("- {path}")).collect();
                if lines.is_empty() {
                    "No page matches.".to_owned()
                } else {
                    lines.join("\n")
                }
            }
            _ => "Say `list`, `read PATH` or `search TEXT`.".to_owned(),
        }
    }

    fn tell_edited(&self, path: &str, version: u64, ask: Ask<'_>) {
        self.tell(
            "page_edited",
            &[("page_path", json!(path)), ("version", json!(version))],
            ask,
        );
    }

    fn tell(&self, what: &str, about: &[(&str, Value)], ask: Ask<'_>) {
        tell(
            &self.context,
            what,
            &told(about),
            Destination::Broadcast,
            ask.0,
        );
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // No step on the way of an operation panics.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done(message: &str, path: &str, version: u64, ask: Ask<'_>) -> Response {
    Response::ok(
        message,
        json!({"page_path": path, "version": version, "request_id": ask.request_id()}),
    )
}
