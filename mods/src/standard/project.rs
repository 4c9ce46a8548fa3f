//! `project`: a board of projects that agents work on together; by events and by `@project`.

use super::access::{tell, told};
use super::ask::Ask;
use super::projects::{Audience, Limits, NewProject, Place, Projects, Status, Template};
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
use uuid::Uuid;

/// The template that there is if the configuration names none.
const BLANK: &str = "blank";
/// The longest goal, summary or reason, in bytes.
const MAX_SAID_BYTES: usize = 16 << 10;

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Config {
    max_concurrent_projects: usize,
    max_projects: usize,
    max_entries: usize,
    max_entry_bytes: usize,
    max_total_bytes: usize,
    project_templates: BTreeMap<String, Template>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_concurrent_projects: 10,
            max_projects: 1_000,
            max_entries: 1_000,
            max_entry_bytes: 1 << 20,
            max_total_bytes: 64 << 20,
            project_templates: BTreeMap::new(),
        }
    }
}

pub(super) fn manifest() -> Manifest {
    let many = |max| FieldKind::Integer { min: 1, max };
    Manifest {
        name: "Project board".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: "Projects that agents start from templates and work on together".into(),
        license: "MIT OR Apache-2.0".into(),
        capabilities: vec!["project_management".into()],
        events: patterns(&["project.*"]),
        words: vec!["@project".into(), "!project".into()],
        help: CommandHelp {
            usage: Some(Usage::new("list", "Names the projects and how far they are.")),
            subcommands: BTreeMap::new(),
        },
        scopes: Scopes::any(),
        form: Some(SettingsForm::of(
            "Project board",
            vec![
                Field::new("max_concurrent_projects", "Most projects that run", many(1_000_000)).defaulting_to(10),
                Field::new("max_projects", "Most projects that are remembered", many(1_000_000)).defaulting_to(1_000),
                Field::new("max_entries", "Most entries of one project", many(1_000_000)).defaulting_to(1_000),
                Field::new("max_entry_bytes", "Largest entry", many(1 << 30))
                    .described("In bytes, as JSON.")
                    .defaulting_to(1 << 20),
                Field::new("max_total_bytes", "Most of all entries", many(1 << 40))
                    .described("In bytes, of all projects together.")
                    .defaulting_to(64 << 20),
                Field::new("project_templates", "Templates", FieldKind::Object)
                    .described("By id: `name`, `description`, `agent_groups`, `context`. Without any there is a blank one.")
                    .defaulting_to(json!({})),
            ],
        )),
        ..Manifest::default()
    }
}

/// The mod. What it holds survives a reload.
#[derive(Default)]
pub(super) struct ProjectBoard {
    open: OnceLock<Open>,
}

struct Open {
    context: Context,
    limits: Limits,
    templates: BTreeMap<String, Template>,
    projects: Arc<Mutex<Projects>>,
}

#[async_trait]
impl Mod for ProjectBoard {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        let config: Config = context.config().deserialize()?;
        let mut templates = config.project_templates;
        if templates.is_empty() {
            let name = "Blank".to_owned();
            templates.insert(
                BLANK.to_owned(),
                Template {
                    name,
                    ..Template::default()
                },
            );
        }
        let open = Open {
            limits: Limits {
                running: config.max_concurrent_projects,
                remembered: config.max_projects,
                entries: config.max_entries,
                entry_bytes: config.max_entry_bytes,
                total_bytes: config.max_total_bytes,
            },
            templates,
            projects: context.keep(Mutex::<Projects>::default),
            context: context.clone(),
        };
        Ok(self.open.set(open).is_ok())
    }

    async fn handle(&self, event: &ModEvent) -> Result<Option<Response>, BoxError> {
        let open = self.open.get().ok_or("it was not initialized")?;
        let ask = Ask(event);
        let answer = match event.name.as_str() {
            "project.template.list" => Ok(open.list_templates()),
            "project.list" => Ok(open.list(ask)),
            "project.start" => open.start(ask),
            "project.stop" => open.end(ask, Status::Stopped),
            "project.complete" => open.end(ask, Status::Completed),
            "project.get" => open.get(ask),
            "project.message.send" => open.send(ask),
            name => match shelf(name, ask) {
                Some((place, verb)) => open.on_shelf(ask, &place, verb),
                None => return Ok(None),
            },
        };
        Ok(Some(answer.unwrap_or_else(|refused| refused)))
    }

    async fn command(&self, _call: &CommandCall) -> Result<Option<CommandReply>, BoxError> {
        let open = self.open.get().ok_or("it was not initialized")?;
        let projects = open.projects();
        let lines = projects.all().map(|project| {
            format!(
                "- {} `{}`: {}",
                project.name,
                project.id,
                project.status.as_str()
            )
        });
        let text = if lines.len() == 0 {
            "There are no projects.".to_owned()
        } else {
            first_lines(lines)
        };
        Ok(Some(CommandReply::text(text)))
    }

    async fn health(&self) -> Health {
        match self.open.get() {
            Some(open) => {
                let projects = open.projects();
                Health::healthy()
                    .with("running", projects.running())
                    .with("bytes", projects.bytes())
            }
            None => Health::unhealthy("it was not initialized"),
        }
    }
}

/// Where the entries are that an event speaks of, and what is to be done with them.
fn shelf<'a>(name: &'a str, ask: Ask<'_>) -> Option<(Place, &'a str)> {
    let (shelf, verb) = name.strip_prefix("project.")?.split_once('.')?;
    let place = match shelf {
        "global_state" => Place::Global,
        "agent_state" => Place::Agent(ask.0.source.to_string()),
        "artifact" => Place::Artifacts,
        _ => return None,
    };
    ["set", "get", "list", "delete"]
        .contains(&verb)
        .then_some((place, verb))
}

type Answer = Result<Response, Response>;

impl Open {
    fn list_templates(&self) -> Response {
        let templates: Vec<Value> = self
            .templates
            .iter()
            .map(|(id, template)| {
                json!({
                    "template_id": id,
                    "name": template.name,
                    "description": template.description,
                    "agent_groups": template.agent_groups,
                    "context": template.context,
                })
            })
            .collect();
        Response::ok("here are the templates", json!({"templates": templates}))
    }

    fn list(&self, ask: Ask<'_>) -> Response {
        let status = ask.text("status");
        let projects = self.projects();
        let seen = projects.seen_by(ask.0).into_iter();
        let wanted =
            seen.filter(|project| status.is_none_or(|status| status == project.status.as_str()));
        let projects: Vec<Value> = wanted
            .map(|project| Value::Object(project.summary()))
            .collect();
        let message = format!("{} projects", projects.len());
        Response::ok(
            message,
            json!({"total_count": projects.len(), "projects": projects}),
        )
    }

    fn start(&self, ask: Ask<'_>) -> Answer {
        let template_id = ask.text("template_id").unwrap_or(BLANK);
        let template = self.templates.get(template_id);
        let template = template
            .ok_or_else(|| Response::refused(format!("there is no template {template_id}")))?;
        let goal = ask.text_up_to("goal", MAX_SAID_BYTES)?;
        let goal = goal.ok_or_else(|| Response::refused("goal is required"))?;
        let new = NewProject {
            template_id,
            template,
            goal,
            name: ask.label("name")?.unwrap_or(goal),
            initiator: &ask.0.source,
            collaborators: ask.labels("collaborators")?,
        };
        let (id, audience) = {
            let mut projects = self.projects();
            let project = projects.start(new, self.limits)?;
            (project.id.clone(), project.audience())
        };
        let about = [
            ("project_id", json!(id)),
            ("initiator_agent_id", json!(ask.source())),
            ("template_id", json!(template_id)),
            ("goal", json!(goal)),
            ("authorized_agents", json!(audience.agents)),
        ];
        self.tell("started", &about, &audience, ask);
        let data = json!({"project_id": id, "authorized_agents": audience.agents});
        Ok(Response::ok("the project is started", data))
    }

    fn end(&self, ask: Ask<'_>, status: Status) -> Answer {
        let id = ask.required("project_id")?;
        let said = if status == Status::Completed {
            "summary"
        } else {
            "reason"
        };
        let said = ask.text_up_to(said, MAX_SAID_BYTES)?;
        let (audience, now) = {
            let mut projects = self.projects();
            let project = projects.running_of(id, ask.0)?;
            let now = project.end(status, said);
            (project.audience(), now)
        };
        let by = json!(ask.source());
        let (what, about, data) = if status == Status::Completed {
            let about = [("completed_by", by), ("summary", json!(said))];
            (
                "completed",
                about,
                json!({"project_id": id, "completed_timestamp": now}),
            )
        } else {
            let about = [("stopped_by", by), ("reason", json!(said))];
            (
                "stopped",
                about,
                json!({"project_id": id, "stopped_timestamp": now}),
            )
        };
        let mut about = about.to_vec();
        about.extend([("project_id", json!(id)), ("timestamp", json!(now))]);
        self.tell(what, &about, &audience, ask);
        Ok(Response::ok(format!("the project is {what}"), data))
    }

    fn get(&self, ask: Ask<'_>) -> Answer {
        let id = ask.required("project_id")?;
        let project = self.projects().of(id, ask.0)?.describe();
        Ok(Response::ok(
            "here is the project",
            json!({"project": project}),
        ))
    }

    fn send(&self, ask: Ask<'_>) -> Answer {
        let id = ask.required("project_id")?;
        let content = ask.value("content")?;
        let bytes = ask.bytes();
        if bytes > self.limits.entry_bytes {
            return Err(Response::refused(format!(
                "the message is of {bytes} bytes, and {} are allowed",
                self.limits.entry_bytes
            )));
        }
        let audience = self.projects().running_of(id, ask.0)?.audience();
        let message_id = format!("msg_{}", Uuid::new_v4().simple());
        let timestamp = ask.0.timestamp.timestamp();
        let payload = &ask.0.payload;
        let about = [
            ("project_id", json!(id)),
            ("sender_id", json!(ask.source())),
            ("message_id", json!(message_id)),
            ("content", content),
            (
                "reply_to_id",
                payload.get("reply_to_id").cloned().unwrap_or_default(),
            ),
            (
                "attachments",
                payload
                    .get("attachments")
                    .cloned()
                    .unwrap_or_else(|| json!([])),
            ),
            ("timestamp", json!(timestamp)),
        ];
        self.tell("message_received", &about, &audience, ask);
        let data = json!({"message_id": message_id, "timestamp": timestamp});
        Ok(Response::ok("the message is sent", data))
    }

    fn on_shelf(&self, ask: Ask<'_>, place: &Place, verb: &str) -> Answer {
        let id = ask.required("project_id")?;
        if let (Place::Agent(own), Some(other)) = (place, ask.text("agent_id"))
            && own != other
        {
            return Err(Response::refused(
                "the state of another agent is not for you",
            ));
        }
        let changes = verb == "set" || verb == "delete";
        let mut projects = self.projects();
        let project = if changes {
            projects.running_of(id, ask.0)?
        } else {
            projects.of(id, ask.0)?
        };
        let audience = project.audience();
        let mut data = json!({});
        if let Place::Agent(own) = place {
            data["agent_id"] = json!(own);
        }
        if verb == "list" {
            let entries = Value::Object(project.entries(place));
            data[if *place == Place::Artifacts {
                "artifacts"
            } else {
                "state"
            }] = entries;
            return Ok(Response::ok("here are the entries", data));
        }
        let key = ask.required_label("key")?;
        data["key"] = json!(key);
        let missing = || Response::refused(format!("there is no entry {key}"));
        let message = match verb {
            "set" => {
                let entry = (key, ask.value("value")?);
                projects.put(id, ask.0, place.clone(), entry, self.limits)?;
                "the entry is set"
            }
            "get" => {
                data["value"] = project.entry(place, key).cloned().ok_or_else(missing)?;
                "here is the entry"
            }
            _ => {
                let taken = projects.take(id, ask.0, place, key)?;
                data["deleted_value"] = taken.ok_or_else(missing)?;
                "the entry is deleted"
            }
        };
        drop(projects);
        if changes && *place == Place::Artifacts {
            let action = if verb == "set" { "updated" } else { "deleted" };
            let about = [
                ("project_id", json!(id)),
                ("key", json!(key)),
                ("action", json!(action)),
                ("updated_by", json!(ask.source())),
            ];
            self.tell("artifact_updated", &about, &audience, ask);
        }
        Ok(Response::ok(message, data))
    }

    /// Tells those who take part.
    fn tell(&self, what: &str, about: &[(&str, Value)], audience: &Audience, ask: Ask<'_>) {
        let others = audience
            .agents
            .iter()
            .filter(|agent| **agent != *ask.0.source);
        let agents = others.map(|agent| Destination::Agent(agent.as_str().into()));
        let groups = audience
            .groups
            .iter()
            .map(|group| Destination::Group(group.as_str().into()));
        for to in agents.chain(groups) {
            tell(&self.context, what, &told(about), to, ask.0);
        }
    }

    fn projects(&self) -> MutexGuard<'_, Projects> {
        // No step on the way of an operation panics.
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
