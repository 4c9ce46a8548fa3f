//! Projects that agents work on together: who takes part, what they know, what they made.

use crate::event::{ModEvent, Response};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What a project begins with.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
pub(super) struct Template {
    pub(super) name: String,
    pub(super) description: String,
    /// Whose members take part.
    pub(super) agent_groups: Vec<String>,
    pub(super) context: String,
}

/// How much there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Projects that run.
    pub(super) running: usize,
    /// Projects that are remembered.
    pub(super) remembered: usize,
    /// Entries of one project's states and artifacts.
    pub(super) entries: usize,
    pub(super) entry_bytes: usize,
    /// Entries of all projects together.
    pub(super) total_bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Projects {
    projects: BTreeMap<String, Project>,
    /// Of the entries of all projects, each with its key.
    bytes: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
    goal: String,
    template_id: String,
    context: String,
    pub(super) status: Status,
    initiator: String,
    collaborators: Vec<String>,
    groups: Vec<String>,
    summary: Option<String>,
    started_s: i64,
    ended_s: Option<i64>,
    /// None of them empty.
    shelves: BTreeMap<Place, Map<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Running,
    Stopped,
    Completed,
}

/// Where an entry of a project is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// For all who take part.
    Global,
    /// For one agent.
    Agent(String),
    /// What was made.
    Artifacts,
}

/// What a new project is made of.
#[derive(Debug, Clone)]
pub(super) struct NewProject<'a> {
    pub(super) template_id: &'a str,
    pub(super) template: &'a Template,
    pub(super) goal: &'a str,
    pub(super) name: &'a str,
    pub(super) initiator: &'a str,
    pub(super) collaborators: Vec<String>,
}

/// Who is told of what happens in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Audience {
    pub(super) agents: Vec<String>,
    pub(super) groups: Vec<String>,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
        }
    }
}

impl Project {
    /// The agents that take part by name. Members of its groups take part as well.
    fn agents(&self) -> Vec<String> {
        let all = std::iter::once(&self.initiator).chain(&self.collaborators);
        all.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn audience(&self) -> Audience {
        Audience {
            agents: self.agents(),
            groups: self.groups.clone(),
        }
    }

    fn admits(&self, event: &ModEvent) -> bool {
        let named = *self.initiator == *event.source
            || self
                .collaborators
                .iter()
                .any(|agent| **agent == *event.source);
        let group = event.source_group.as_deref();
        named || group.is_some_and(|group| self.groups.iter().any(|own| own == group))
    }

    pub(super) fn summary(&self) -> Map<String, Value> {
        let about = json!({
            "project_id": self.id,
            "name": self.name,
            "goal": self.goal,
            "template_id": self.template_id,
            "status": self.status.as_str(),
            "initiator_agent_id": self.initiator,
            "collaborators": self.collaborators,
            "authorized_agents": self.agents(),
            "agent_groups": self.groups,
            "created_timestamp": self.started_s,
            "started_timestamp": self.started_s,
            "completed_timestamp": self.ended_s,
            "summary": self.summary,
        });
        about.as_object().cloned().unwrap_or_default()
    }

    pub(super) fn describe(&self) -> Map<String, Value> {
        let mut about = self.summary();
        about.insert("context".into(), json!(self.context));
        about.insert(
            "artifacts".into(),
            Value::Object(self.entries(&Place::Artifacts)),
        );
        about
    }

    pub(super) fn entries(&self, place: &Place) -> Map<String, Value> {
        self.shelves.get(place).cloned().unwrap_or_default()
    }

    pub(super) fn entry(&self, place: &Place, key: &str) -> Option<&Value> {
        self.shelves.get(place)?.get(key)
    }

    fn bytes(&self) -> usize {
        let entries = self.shelves.values().flatten();
        entries.map(|(key, value)| entry_bytes(key, value)).sum()
    }

    pub(super) fn end(&mut self, status: Status, summary: Option<&str>) -> i64 {
        let now = Utc::now().timestamp();
        self.status = status;
        self.ended_s = Some(now);
        self.summary = summary.map(str::to_owned);
        now
    }
}

impl Projects {
    pub(super) fn running(&self) -> usize {
        self.projects
            .values()
            .filter(|project| project.status == Status::Running)
            .count()
    }

    pub(super) fn start(
        &mut self,
        new: NewProject<'_>,
        limits: Limits,
    ) -> Result<&Project, Response> {
        if self.running() >= limits.running {
            return Err(Response::refused(format!(
                "{} projects run, and no more are allowed: complete one first",
                limits.running
            )));
        }
        while self.projects.len() >= limits.remembered.max(limits.running) {
            let over = self
                .projects
                .values()
                .filter(|project| project.status != Status::Running);
            let oldest = over
                .min_by_key(|project| project.ended_s)
                .map(|project| project.id.clone());
            let Some(forgotten) = oldest.and_then(|id| self.projects.remove(&id)) else {
                break;
            };
            self.bytes -= forgotten.bytes();
        }
        let id = free_id(|id| self.projects.contains_key(id), new_id);
        let project = Project {
            id: id.clone(),
            name: new.name.to_owned(),
            goal: new.goal.to_owned(),
            template_id: new.template_id.to_owned(),
            context: new.template.context.clone(),
            status: Status::Running,
            initiator: new.initiator.to_owned(),
            collaborators: new.collaborators,
            groups: new.template.agent_groups.clone(),
            summary: None,
            started_s: Utc::now().timestamp(),
            ended_s: None,
            shelves: BTreeMap::new(),
        };
        Ok(self.projects.entry(id).or_insert(project))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts an entry into a project that runs and that the sender of an event takes part in, over another of its key.
    pub(super) fn put(
        &mut self,
        id: &str,
        event: &ModEvent,
        place: Place,
        (key, value): (&str, Value),
        limits: Limits,
    ) -> Result<(), Response> {
        let all_bytes = self.bytes;
        let project = self.running_of(id, event)?;
        let bytes = value.to_string().len();
        if bytes > limits.entry_bytes {
            return Err(Response::refused(format!(
                "the value is of {bytes} bytes, and {} are allowed",
                limits.entry_bytes
            )));
        }
        let before = project.entry(&place, key);
        let entries: usize = project.shelves.values().map(Map::len).sum();
        if before.is_none() && entries >= limits.entries {
            return Err(Response::refused(format!(
                "the project has {entries} entries, and no more are allowed: delete some"
            )));
        }
        let before = before.map_or(0, |value| entry_bytes(key, value));
        let after = key.len() + bytes;
        if after > before && all_bytes - before + after > limits.total_bytes {
            return Err(Response::refused(format!(
                "the entries of all projects may have {} bytes together: delete some",
                limits.total_bytes
            )));
        }
        let there = project.shelves.entry(place).or_default();
        there.insert(key.to_owned(), value);
        self.bytes = all_bytes - before + after;
        Ok(())
    }

    /// Takes an entry out again.
    pub(super) fn take(
        &mut self,
        id: &str,
        event: &ModEvent,
        place: &Place,
        key: &str,
    ) -> Result<Option<Value>, Response> {
        let project = self.running_of(id, event)?;
        let Some(there) = project.shelves.get_mut(place) else {
            return Ok(None);
        };
        let taken = there.remove(key);
        if there.is_empty() {
            project.shelves.remove(place);
        }
        self.bytes -= taken.as_ref().map_or(0, |value| entry_bytes(key, value));
        Ok(taken)
    }

    /// A project that the sender of an event takes part in. To others it says the same as one that is not there.
    pub(super) fn of(&mut self, id: &str, event: &ModEvent) -> Result<&mut Project, Response> {
        let project = self
            .projects
            .get_mut(id)
            .filter(|project| project.admits(event));
        project.ok_or_else(|| {
            Response::refused(format!(
                "there is no project {id}, or you take no part in it"
            ))
        })
    }

    /// The same, while it runs.
    pub(super) fn running_of(
        &mut self,
        id: &str,
        event: &ModEvent,
    ) -> Result<&mut Project, Response> {
        let project = self.of(id, event)?;
        if project.status == Status::Running {
            Ok(project)
        } else {
            Err(Response::refused(format!(
                "project {id} is {}",
                project.status.as_str()
            )))
        }
    }

    /// The projects that the sender of an event takes part in, the newest first.
    pub(super) fn seen_by(&self, event: &ModEvent) -> Vec<&Project> {
        let mut seen: Vec<&Project> = self
            .projects
            .values()
            .filter(|project| project.admits(event))
            .collect();
        seen.sort_by_key(|project| std::cmp::Reverse(project.started_s));
        seen
    }

    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = &Project> {
        self.projects.values()
    }
}

fn entry_bytes(key: &str, value: &Value) -> usize {
    key.len() + value.to_string().len()
}

fn new_id() -> String {
    format!("proj_{}", &Uuid::new_v4().simple().to_string()[..8])
}

/// An id that is not taken: they are short, and two may be the same.
fn free_id(is_taken: impl Fn(&str) -> bool, mut new: impl FnMut() -> String) -> String {
    loop {
        let id = new();
        if !is_taken(&id) {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: an id that is taken given to a new project (who started it takes part in the other one).
    #[test]
    fn a_new_project_has_an_id_of_its_own() {
        let mut ids = ["a", "a", "b"].into_iter().map(str::to_owned);
        let id = free_id(|id| id == "a", || ids.next().unwrap());
        assert_eq!(id, "b");
    }
}
