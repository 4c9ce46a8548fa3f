//! The pages of a wiki, their versions, and the changes that others propose.

use crate::event::Response;
use chrono::Utc;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// How much a wiki holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) pages: usize,
    pub(super) page_bytes: usize,
    pub(super) versions: usize,
    pub(super) proposals: usize,
    /// What all of it may have together.
    pub(super) total_bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Pages {
    by_path: BTreeMap<String, Page>,
    proposals: BTreeMap<String, Proposal>,
    /// Of the contents of all versions and proposals.
    bytes: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) title: String,
    category: Option<String>,
    tags: Vec<String>,
    pub(super) owner: String,
    created_ms: i64,
    /// The newest last. Not empty.
    versions: VecDeque<Version>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    id: String,
    pub(super) number: u64,
    pub(super) content: String,
    by: String,
    at_ms: i64,
    /// How it came to be: `direct`, `proposal_approved` or `revert`.
    how: &'static str,
    parent: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Proposal {
    pub(super) id: String,
    pub(super) path: String,
    content: String,
    rationale: String,
    pub(super) by: String,
    created_ms: i64,
    /// `pending`, `approve` or `reject`.
    pub(super) status: &'static str,
    resolved_by: Option<String>,
    resolved_ms: Option<i64>,
    comments: Option<String>,
}

/// What a new page is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewPage<'a> {
    pub(super) path: &'a str,
    pub(super) title: &'a str,
    pub(super) content: &'a str,
    pub(super) category: Option<&'a str>,
    pub(super) by: &'a str,
}

fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

impl Page {
    fn newest(&self) -> Option<&Version> {
        self.versions.back()
    }

    pub(super) fn version(&self) -> u64 {
        self.newest().map_or(0, |version| version.number)
    }

    pub(super) fn content(&self) -> &str {
        self.newest().map_or("", |version| &version.content)
    }

    /// The bytes of the versions that one more takes the place of.
    fn to_be_dropped(&self, limits: Limits) -> usize {
        let dropped = (self.versions.len() + 1).saturating_sub(limits.versions.max(1));
        let oldest = self.versions.iter().take(dropped);
        oldest.map(|version| version.content.len()).sum()
    }

    fn add(&mut self, content: String, by: &str, how: &'static str, limits: Limits) -> u64 {
        let parent = self.newest().map(|version| version.number);
        let number = parent.unwrap_or(0) + 1;
        while self.versions.len() >= limits.versions.max(1) {
            self.versions.pop_front();
        }
        self.versions.push_back(Version {
            id: Uuid::new_v4().to_string(),
            number,
            content,
            by: by.to_owned(),
            at_ms: now_ms(),
            how,
            parent,
        });
        number
    }

    /// The page with the content of one version.
    pub(super) fn describe(&self, version: &Version) -> Value {
        json!({
            "page_path": self.path,
            "title": self.title,
            "wiki_content": version.content,
            "category": self.category,
            "tags": self.tags,
            "creator_id": self.owner,
            "created_by": self.owner,
            "created_timestamp": self.created_ms,
            "version": version.number,
            "edited_by": version.by,
            "edit_timestamp": version.at_ms,
            "last_modified": version.at_ms,
            "is_locked": false,
            "protection_level": "open",
        })
    }

    fn summary(&self) -> Value {
        let content = self.content();
        json!({
            "page_path": self.path,
            "title": self.title,
            "category": self.category,
            "tags": self.tags,
            "creator_id": self.owner,
            "created_by": self.owner,
            "created_timestamp": self.created_ms,
            "current_version": self.version(),
            "version": self.version(),
            "last_modified": self.newest().map(|version| version.at_ms),
            "content_snippet": snippet(content),
            "wiki_content": snippet(content),
        })
    }
}

impl Proposal {
    fn describe(&self) -> Value {
        json!({
            "proposal_id": self.id,
            "page_path": self.path,
            "proposed_content": self.content,
            "rationale": self.rationale,
            "proposed_by": self.by,
            "created_timestamp": self.created_ms,
            "status": self.status,
            "resolved_by": self.resolved_by,
            "resolved_timestamp": self.resolved_ms,
            "resolution_comments": self.comments,
        })
    }
}

impl Pages {
    pub(super) fn len(&self) -> usize {
        self.by_path.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, path: &str) -> Result<&Page, Response> {
        self.by_path.get(path).ok_or_else(|| no_page(path))
    }

    /// One version of a page: the newest, unless another is asked for.
    pub(super) fn version(
        &self,
        path: &str,
        number: Option<u64>,
    ) -> Result<(&Page, &Version), Response> {
        let page = self.get(path)?;
        let version = match number {
            None => page.newest(),
            Some(number) => page
                .versions
                .iter()
                .find(|version| version.number == number),
        };
        let missing = || {
            Response::refused(format!(
                "page {path} has no version {}",
                number.unwrap_or(0)
            ))
        };
        version.map(|version| (page, version)).ok_or_else(missing)
    }

    pub(super) fn create(
        &mut self,
        new: NewPage<'_>,
        tags: Vec<String>,
        limits: Limits,
    ) -> Result<u64, Response> {
        if self.by_path.contains_key(new.path) {
            return Err(Response::refused(format!(
                "there is a page {} already",
                new.path
            )));
        }
        if self.by_path.len() >= limits.pages {
            return Err(Response::refused(format!(
                "there are {} pages, and no more are allowed",
                limits.pages
            )));
        }
        fit(new.content, limits)?;
        self.take_room(0, new.content.len(), limits)?;
        let mut page = Page {
            path: new.path.to_owned(),
            title: new.title.to_owned(),
            category: new.category.map(str::to_owned),
            tags,
            owner: new.by.to_owned(),
            created_ms: now_ms(),
            versions: VecDeque::new(),
        };
        let number = page.add(new.content.to_owned(), new.by, "direct", limits);
        self.by_path.insert(new.path.to_owned(), page);
        Ok(number)
    }

    /// A new version by the owner of the page.
    pub(super) fn edit(
        &mut self,
        path: &str,
        content: &str,
        by: &str,
        limits: Limits,
    ) -> Result<u64, Response> {
        fit(content, limits)?;
        self.owned(path, by, "edit it; others may propose a change")?;
        self.add(path, content.to_owned(), by, "direct", limits)
    }

    pub(super) fn revert(
        &mut self,
        path: &str,
        to: u64,
        by: &str,
        limits: Limits,
    ) -> Result<u64, Response> {
        let content = self.version(path, Some(to))?.1.content.clone();
        self.owned(path, by, "revert it")?;
        self.add(path, content, by, "revert", limits)
    }

    pub(super) fn propose(
        &mut self,
        path: &str,
        content: &str,
        rationale: &str,
        by: &str,
        limits: Limits,
    ) -> Result<Proposal, Response> {
        self.get(path)?;
        fit(content, limits)?;
        if self.proposals.len() >= limits.proposals && !self.forget_a_resolved_one() {
            return Err(Response::refused(format!(
                "{} proposals wait to be resolved, and no more are allowed",
                limits.proposals
            )));
        }
        let proposal = Proposal {
            id: Uuid::new_v4().to_string(),
            path: path.to_owned(),
            content: content.to_owned(),
            rationale: rationale.to_owned(),
            by: by.to_owned(),
            created_ms: now_ms(),
            status: "pending",
            resolved_by: None,
            resolved_ms: None,
            comments: None,
        };
        self.take_room(0, content.len(), limits)?;
        self.proposals.insert(proposal.id.clone(), proposal.clone());
        Ok(proposal)
    }

    /// Decides on a proposal, as the owner of its page. Answers it, and the number of the version that came of it.
    pub(super) fn resolve(
        &mut self,
        id: &str,
        action: &str,
        comments: Option<&str>,
        by: &str,
        limits: Limits,
    ) -> Result<(Proposal, Option<u64>), Response> {
        let status = match action {
            "approve" => "approve",
            "reject" => "reject",
            _ => return Err(Response::refused("action must be `approve` or `reject`")),
        };
        let proposal = self.proposals.get(id).cloned();
        let mut proposal =
            proposal.ok_or_else(|| Response::refused(format!("there is no proposal {id}")))?;
        if proposal.status != "pending" {
            return Err(Response::refused(format!(
                "proposal {id} is resolved already: {}",
                proposal.status
            )));
        }
        self.owned(&proposal.path, by, "resolve its proposals")?;
        let number = if status == "approve" {
            let content = proposal.content.clone();
            Some(self.add(
                &proposal.path,
                content,
                &proposal.by,
                "proposal_approved",
                limits,
            )?)
        } else {
            None
        };
        proposal.status = status;
        proposal.resolved_by = Some(by.to_owned());
        proposal.resolved_ms = Some(now_ms());
        proposal.comments = comments.map(str::to_owned);
        self.proposals.insert(id.to_owned(), proposal.clone());
        Ok((proposal, number))
    }

    /// The pages that a test picks, the newest first.
    pub(super) fn summaries(&self, picks: impl Fn(&Page) -> bool, limit: usize) -> Vec<Value> {
        let mut pages: Vec<&Page> = self.by_path.values().filter(|page| picks(page)).collect();
        pages.sort_by_key(|page| std::cmp::Reverse(page.created_ms));
        pages.into_iter().take(limit).map(Page::summary).collect()
    }

    pub(super) fn search(&self, query: &str, limit: usize) -> Vec<Value> {
        let query = query.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&query);
        let found = |page: &Page| {
            has(&page.title) || has(page.content()) || page.tags.iter().any(|tag| has(tag))
        };
        self.summaries(found, limit)
    }

    pub(super) fn of_category(&self, category: Option<&str>, limit: usize) -> Vec<Value> {
        self.summaries(
            |page| category.is_none() || page.category.as_deref() == category,
            limit,
        )
    }

    pub(super) fn history(&self, path: &str, limit: usize) -> Result<Vec<Value>, Response> {
        let versions = self.get(path)?.versions.iter().rev().take(limit);
        let described = versions.map(|version| {
            json!({
                "version_id": version.id,
                "version_number": version.number,
                "edited_by": version.by,
                "edit_timestamp": version.at_ms,
                "edit_type": version.how,
                "parent_version": version.parent,
                "content_snippet": snippet(&version.content),
            })
        });
        Ok(described.collect())
    }

    pub(super) fn proposals(&self, path: Option<&str>, status: &str, limit: usize) -> Vec<Value> {
        let mut found: Vec<&Proposal> = self
            .proposals
            .values()
            .filter(|proposal| {
                path.is_none_or(|path| proposal.path == path) && proposal.status == status
            })
            .collect();
        found.sort_by_key(|proposal| std::cmp::Reverse(proposal.created_ms));
        found
            .into_iter()
            .take(limit)
            .map(Proposal::describe)
            .collect()
    }

    pub(super) fn paths(&self) -> Vec<&str> {
        self.by_path.keys().map(String::as_str).collect()
    }

    fn owned(&self, path: &str, by: &str, to: &str) -> Result<(), Response> {
        let page = self.get(path)?;
        if page.owner == by {
            Ok(())
        } else {
            Err(Response::refused(format!(
                "only {}, who created page {path}, may {to}",
                page.owner
            )))
        }
    }

    /// One more version of a page that is there.
    fn add(
        &mut self,
        path: &str,
        content: String,
        by: &str,
        how: &'static str,
        limits: Limits,
    ) -> Result<u64, Response> {
        let dropped = self.get(path)?.to_be_dropped(limits);
        self.take_room(dropped, content.len(), limits)?;
        let page = self.by_path.get_mut(path).ok_or_else(|| no_page(path))?;
        Ok(page.add(content, by, how, limits))
    }

    /// Counts some bytes in place of others, if there is room for them.
    fn take_room(&mut self, before: usize, after: usize, limits: Limits) -> Result<(), Response> {
        let bytes = self.bytes - before + after;
        if after > before && bytes > limits.total_bytes {
            return Err(Response::refused(format!(
                "all pages, their versions and proposals may have {} bytes together, and there are {}",
                limits.total_bytes, self.bytes
            )));
        }
        self.bytes = bytes;
        Ok(())
    }

    fn forget_a_resolved_one(&mut self) -> bool {
        let resolved = self
            .proposals
            .values()
            .filter(|proposal| proposal.status != "pending");
        let oldest = resolved
            .min_by_key(|proposal| proposal.created_ms)
            .map(|proposal| proposal.id.clone());
        let forgotten = oldest.and_then(|id| self.proposals.remove(&id));
        self.bytes -= forgotten
            .as_ref()
            .map_or(0, |proposal| proposal.content.len());
        forgotten.is_some()
    }
}

fn fit(content: &str, limits: Limits) -> Result<(), Response> {
    if content.len() > limits.page_bytes {
        return Err(Response::refused(format!(
            "the page is of {} bytes, and {} are allowed",
            content.len(),
            limits.page_bytes
        )));
    }
    Ok(())
}

fn no_page(path: &str) -> Response {
    Response::refused(format!("there is no page {path}"))
}

fn snippet(content: &str) -> String {
    let mut snippet: String = content.chars().take(200).collect();
    if snippet.len() < content.len() {
        snippet.push('…');
    }
    snippet
}
