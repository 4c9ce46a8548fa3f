use hotbed::registry::moving::{Headway, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often a line is written where no bar can be drawn.
const EVERY: Duration = Duration::from_secs(5);

/// Tells standard error how far something has come: as a bar on a terminal, else as a line now and then.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What stands before each line.
    subject: String,
    bar: Option<ProgressBar>,
    told: Mutex<Option<(Stage, Instant)>>,
}

impl Progress {
    pub(crate) fn new(subject: String) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_prefix(subject.clone());
            bar
        });
        Self {
            subject,
            bar,
            told: Mutex::new(None),
        }
    }

    pub(crate) fn note(&self, headway: Headway) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.is_none_or(|(stage, _)| stage != headway.stage);
        if let Some(bar) = &self.bar {
            if is_new {
                *told = Some((headway.stage, Instant::now()));
                bar.reset();
                bar.set_style(style(headway));
                bar.set_message(name(headway.stage));
            }
            bar.update(|state| {
                state.set_pos(headway.done);
                if let Some(total) = headway.total {
                    state.set_len(total.max(headway.done));
                }
            });
        } else if is_new || told.is_some_and(|(_, at)| at.elapsed() >= EVERY) {
            *told = Some((headway.stage, Instant::now()));
            let of = headway.total.map(|total| format!(" of {total}"));
            // Nothing can be done about an error output that cannot be written to.
            drop(writeln!(
                std::io::stderr(),
                "{}: {}: {}{}",
                self.subject,
                name(headway.stage),
                headway.done,
                of.unwrap_or_default()
            ));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Looking => "looking for what only the target holds",
        Stage::Copying => "copying",
        Stage::Following => "following changes",
        Stage::Verifying => "verifying",
    }
}

fn style(headway: Headway) -> ProgressStyle {
    let template = if headway.total.is_some() {
        "{prefix}: {msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}"
    } else {
        "{prefix}: {msg} {human_pos} {per_sec}"
    };
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    style.progress_chars("=> ")
}
