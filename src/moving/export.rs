use super::failure::Failure;
use super::place::Place;
use super::progress::Progress;
use super::report::Report;
use super::stores::{End, collection_name};
use super::{migrate, unless_stopped};
use clap::Args;
use hotbed::registry::moving::{
    ArchiveSummary, ArchiveWriter, Extras, Headway, Mode, MoveError, Stage, Walk,
};
use hotbed::registry::{CollectionName, Query};
use hotbed_cli::Format;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

/// Write the server's bots as domain files, or every registration of a store into an archive or a directory
///
/// `hotbed export DIR` is the reverse of `hotbed apply DIR`: the server's bots become files in DIR/domains, one for each,
/// and `hotbed diff DIR` then finds nothing to change. A file that says the same already is left as it is.
///
/// With --from, an archive or a directory of YAML files is made of a store, for `hotbed import`. An archive is one file of JSON lines. Its last line proves that it is whole, so that one that was cut off or changed
/// is refused by `hotbed import`. A registration that is written meanwhile is in it as it was before or after.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The store to read, such as sqlite:PATH, instead of the server
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The collection of the store to write down
    #[arg(long, value_name = "NAME", default_value = "bots", value_parser = collection_name, requires = "from")]
    collection: CollectionName,
    /// Replace domain files that say something else
    #[arg(long, conflicts_with = "from")]
    force: bool,
    /// The archive, replaced once the new one is complete; a directory, or what ends with a slash, for YAML files; - for
    /// an archive on standard output
    #[arg(value_name = "FILE|DIR|-")]
    place: Place,
}

impl ExportArgs {
    /// What to export of the server, if no store is named.
    pub(super) fn of_the_server(&self) -> Option<hotbed_cli::ExportArgs> {
        let dir = match (&self.from, &self.place) {
            (None, Place::Directory(dir) | Place::File(dir)) => dir.clone(),
            _ => return None,
        };
        let force = self.force;
        Some(hotbed_cli::ExportArgs { dir, force })
    }
}

pub(crate) async fn run(
    args: ExportArgs,
    format: Format,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let Some(from) = &args.from else {
        return Err(Failure::usage(
            "an archive on standard output is made of a store: name it with --from",
        ));
    };
    let source = unless_stopped(stop, Box::pin(End::source(from))).await?;
    let exporting = Box::pin(export(&source, &args, format));
    let exported = unless_stopped(stop, exporting).await;
    source.close().await;
    exported
}

async fn export(source: &End, args: &ExportArgs, format: Format) -> Result<(), Failure> {
    match &args.place {
        Place::Directory(directory) => {
            let url = format!("file:{}", directory.display());
            let target = End::target(&url, Mode::Write).await?;
            let name = &args.collection;
            let done = migrate::migrate(source, &target, name, Extras::Refuse, Mode::Write).await;
            target.close().await;
            migrate::tell(source, &target, name, &done?, format)
        }
        Place::File(file) => {
            let summary = to_file(source, &args.collection, file).await?;
            report(source, args, &summary).tell(format)
        }
        Place::Standard => {
            let out = BufWriter::new(io::stdout());
            let (_, summary) = archive(source, &args.collection, out).await?;
            report(source, args, &summary).tell_to(format, &mut io::stderr().lock())
        }
    }
}

/// Writes an archive beside its place, and puts it there once it is complete and on the disk.
async fn to_file(
    source: &End,
    name: &CollectionName,
    file: &Path,
) -> Result<ArchiveSummary, Failure> {
    let failed = |error: io::Error| {
        let context = format!("cannot write {}", file.display());
        Failure::of(anyhow::Error::new(error).context(context))
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let unfinished = NamedTempFile::new_in(folder).map_err(failed)?;
    let (out, summary) = archive(source, name, BufWriter::new(unfinished)).await?;
    let written = out.into_inner().map_err(|error| failed(error.into()))?;
    written.as_file().sync_all().map_err(failed)?;
    written.persist(file).map_err(|error| failed(error.error))?;
    Ok(summary)
}

async fn archive<W: Write>(
    source: &End,
    name: &CollectionName,
    out: W,
) -> Result<(W, ArchiveSummary), Failure> {
    const WRITE: &str = "cannot write the archive";
    let broken = |error: io::Error| Failure::of(anyhow::Error::new(error).context(WRITE));
    let from = source.readable(name).await?;
    let progress = Progress::new(name.to_string());
    let total = from.count(&Query::default()).await;
    let total = Some(total.map_err(MoveError::Source)?);
    let head = from.head().await.map_err(MoveError::Source)?;
    let mut archive = ArchiveWriter::new(out, name, head).map_err(broken)?;
    let (mut walk, mut done) = (Walk::new(&from), 0);
    while let Some(next) = walk.next().await.map_err(MoveError::Source)? {
        archive.add(&next.into()).map_err(broken)?;
        done += 1;
        let stage = Stage::Copying;
        progress.note(Headway { stage, done, total });
    }
    let head = from.head().await.map_err(MoveError::Source)?;
    archive.finish(head).map_err(broken)
}

fn report(source: &End, args: &ExportArgs, summary: &ArchiveSummary) -> Report {
    let name = &args.collection;
    let mut report = Report::new(format!("{name} of {} is in {}", source.url(), args.place));
    report.member("collection", name.as_str());
    report.member("from", source.url().to_string());
    report.member("to", args.place.to_string());
    report.line("registrations", summary.count.to_string());
    report.member("count", summary.count);
    report.line("digest", summary.digest.to_string());
    report.member("digest", summary.digest.to_string());
    report.member("source_revision", summary.ended_at.0);
    if summary.begun_at == summary.ended_at {
        report.line("source", format!("at revision {}", summary.ended_at));
    } else {
        let (begun, ended) = (summary.begun_at, summary.ended_at);
        report.line(
            "source",
            format!("written to meanwhile, from revision {begun} to {ended}: some registrations may be older than others"),
        );
    }
    report
}
