//! The mods that come with this crate. They serve the events that OpenAgents' mods of the same name serve.

mod access;
mod ask;
mod project;
mod projects;
mod shared_artifact;
mod shared_cache;
mod stock;
mod wiki;
mod wiki_pages;

use crate::built_in::BuiltIns;
use crate::loader::Placement;
use crate::manifest::Manifest;
use crate::mod_trait::Mod;
use crate::pattern::EventPattern;
use std::sync::Arc;

/// The most lines of one answer in a channel.
const MAX_LINES: usize = 100;

pub(crate) fn register(built_ins: BuiltIns) -> BuiltIns {
    // None of them waits for anything, so they need no threads of their own.
    let with = |built_ins: BuiltIns,
                names: &[&str],
                manifest: Manifest,
                construct: fn() -> Arc<dyn Mod>| {
        built_ins.with(names, manifest, Placement::Tasks, move || Ok(construct()))
    };
    let built_ins = with(
        built_ins,
        &[
            "hotbed.mods.shared_cache",
            "openagents.mods.core.shared_cache",
            "openagents.mods.workspace.shared_cache",
        ],
        shared_cache::manifest(),
        || Arc::new(shared_cache::SharedCache::default()),
    );
    let built_ins = with(
        built_ins,
        &[
            "hotbed.mods.shared_artifact",
            "openagents.mods.core.shared_artifact",
            "openagents.mods.workspace.shared_artifact",
        ],
        shared_artifact::manifest(),
        || Arc::new(shared_artifact::SharedArtifact::default()),
    );
    let built_ins = with(
        built_ins,
        &[
            "hotbed.mods.wiki",
            "openagents.mods.core.wiki",
            "openagents.mods.workspace.wiki",
        ],
        wiki::manifest(),
        || Arc::new(wiki::Wiki::default()),
    );
    with(
        built_ins,
        &[
            "hotbed.mods.project",
            "openagents.mods.core.project",
            "openagents.mods.workspace.project",
        ],
        project::manifest(),
        || Arc::new(project::ProjectBoard::default()),
    )
}

/// The patterns of a manifest of ours.
fn patterns(texts: &[&str]) -> Vec<EventPattern> {
    let pattern = |text: &&str| EventPattern::new(text).expect("it is written in this crate");
    texts.iter().map(pattern).collect()
}

/// The first of some lines, and how many more there are.
fn first_lines(lines: impl ExactSizeIterator<Item = String>) -> String {
    let more = lines.len().saturating_sub(MAX_LINES);
    let mut shown: Vec<String> = lines.take(MAX_LINES).collect();
    if more > 0 {
        shown.push(format!("… and {more} more"));
    }
    shown.join("\n")
}
