//! `@help` and `@map`.

use super::call::CommandReply;
use super::desk::bound;
use super::post::Post;
use super::words::is_same;
use crate::manifest::{Manifest, Usage};
use crate::scopes::Scopes;
use crate::shared::Shared;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Which commands there are here; how one is used; how one part of it is used.
pub(super) fn help(shared: &Shared, post: &Post, params: &[String]) -> CommandReply {
    let Some(asked) = params.first() else {
        return overview(shared, post);
    };
    // People ask for `wiki` and mean `@wiki`.
    let spellings = [asked.clone(), format!("@{asked}"), format!("!{asked}")];
    let found = spellings.into_iter().find_map(|word| {
        let leases = bound(shared, post, &word);
        (!leases.is_empty()).then_some((word, leases))
    });
    let Some((word, leases)) = found else {
        return CommandReply::text(format!("There is no command `{}` here.", shown(asked)));
    };
    let mut text = String::new();
    for lease in leases {
        describe(
            &mut text,
            lease.id.as_str(),
            &word,
            &lease.manifest,
            params.get(1),
        );
    }
    CommandReply::text(text.trim_end())
}

fn overview(shared: &Shared, post: &Post) -> CommandReply {
    let own = &shared.words;
    let own = [&own.help, &own.map, &own.bind, &own.unbind, &own.reload];
    let mut words: BTreeSet<String> = own.into_iter().flatten().cloned().collect();
    let table = shared.table.now();
    for entry in table.pipeline() {
        if entry.scopes.cover(post.place.channels()) {
            words.extend(entry.lease.manifest.words.iter().cloned());
        }
    }
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let help = shared.words.help.first().map_or("@help", String::as_str);
    CommandReply::text(format!(
        "Commands here: {}.\n`{help} WORD` tells how one is used.",
        words.join(", ")
    ))
}

fn describe(text: &mut String, id: &str, word: &str, manifest: &Manifest, part: Option<&String>) {
    let mut add = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let usage = |prefix: &str, usage: &Usage| {
        let mut line = format!("`{prefix}");
        if !usage.arguments.is_empty() {
            line.push(' ');
            line.push_str(&usage.arguments);
        }
        line.push('`');
        if !usage.description.is_empty() {
            // A String takes all that is written to it.
            let _written = write!(line, ": {}", usage.description);
        }
        line
    };
    let help = &manifest.help;
    if let Some(part) = part {
        let mut parts = help.subcommands.iter();
        add(match parts.find(|(name, _)| is_same(name, part)) {
            Some((name, said)) => usage(&format!("{word} {name}"), said),
            None => format!("`{word}` of `{id}` knows no `{}`.", shown(part)),
        });
        return;
    }
    add(format!(
        "**{}**",
        if manifest.name.is_empty() {
            id
        } else {
            &manifest.name
        }
    ));
    if help.usage.is_none() && help.subcommands.is_empty() {
        add(format!(
            "`{word}`: its module says nothing of how it is used."
        ));
    }
    if let Some(said) = &help.usage {
        add(usage(word, said));
    }
    for (name, said) in &help.subcommands {
        add(usage(&format!("{word} {name}"), said));
    }
}

/// Which module is bound where, those included that do not run: their bindings are kept.
pub(super) fn map(shared: &Shared) -> CommandReply {
    let mut lines = vec![
        "| module | commands | channels |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for status in shared.board.statuses() {
        let words = status
            .manifest
            .as_ref()
            .map(|manifest| manifest.words.as_slice());
        let words = words.unwrap_or_default();
        if words.is_empty() && status.scopes.is_empty() {
            continue;
        }
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let state = if status.generation.is_some() {
            String::new()
        } else {
            format!(" ({})", status.state)
        };
        lines.push(format!(
            "| `{}`{state} | {} | {} |",
            status.id,
            words.join(" "),
            channels(&status.scopes)
        ));
    }
    CommandReply::text(lines.join("\n"))
}

fn channels(scopes: &Scopes) -> String {
    let names: Vec<&str> = scopes.iter().collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// What somebody typed, short enough to be said back.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| *c != '`').take(64).collect()
}
