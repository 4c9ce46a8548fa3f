use super::failure::Failure;
use super::place::Place;
use super::progress::Progress;
use super::report::Report;
use super::stores::{End, collection_name};
use super::unless_stopped;
use anyhow::Context;
use clap::{Args, ValueEnum};
use hotbed::registry::moving::{
    ArchiveReader, ArchiveSummary, Headway, Import, ImportReport, Mode, MoveError, OnDifference,
    Stage, Walk,
};
use hotbed::registry::{CollectionName, RegistryBackend};
use hotbed_cli::Format;
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many differing registrations a refusal names.
const NAMED: usize = 5;

/// Bring the registrations of an archive, or of a directory of YAML files, into a store
///
/// Nothing is written before the whole archive has proven to be complete and unchanged. Each registration is written as
/// one step, and what is equal already is not, so that the same command goes on where an interrupted one stopped. What
/// the store holds beside them stays. At the end all of them are read again and compared.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The store to bring them to, such as sqlite:PATH. Made if there is none
    #[arg(long, value_name = "URL")]
    to: String,
    /// The collection to bring them to [default: that of the archive; bots for a directory]
    #[arg(long, value_name = "NAME", value_parser = collection_name)]
    collection: Option<CollectionName>,
    /// What happens to a registration that the store holds already, and differently
    #[arg(long, value_enum, default_value_t = OnConflict::Fail)]
    on_conflict: OnConflict,
    /// Write nothing; tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// The archive; a directory for the YAML files in it; - for an archive on standard input
    #[arg(value_name = "FILE|DIR|-")]
    place: Place,
}

/// What happens to a registration that the store holds already, and differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnConflict {
    /// Nothing is imported.
    Fail,
    /// It stays as it is.
    Keep,
    /// It is replaced.
    Replace,
}

impl From<OnConflict> for OnDifference {
    fn from(choice: OnConflict) -> Self {
        match choice {
            OnConflict::Fail => Self::Tell,
            OnConflict::Keep => Self::Keep,
            OnConflict::Replace => Self::Replace,
        }
    }
}

/// What is brought; it can be gone through several times.
enum Source {
    Archive {
        file: File,
        name: String,
        summary: ArchiveSummary,
    },
    Directory {
        end: Box<End>,
        backend: Arc<dyn RegistryBackend>,
    },
}

pub(crate) async fn run(
    args: ImportArgs,
    format: Format,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let mode = super::mode(args.dry_run);
    let (source, name) = unless_stopped(stop, Box::pin(Source::open(&args))).await?;
    let target = unless_stopped(stop, Box::pin(End::target(&args.to, mode))).await?;
    let importing = Box::pin(import(&source, &target, &name, &args));
    let imported = unless_stopped(stop, importing).await;
    target.close().await;
    if let Source::Directory { end, .. } = &source {
        end.close().await;
    }
    tell(&source, &target, &name, &args, &imported?, format)
}

/// Imports, and answers what was done and what a look at the target says afterwards.
async fn import(
    source: &Source,
    target: &End,
    name: &CollectionName,
    args: &ImportArgs,
) -> Result<(ImportReport, Option<ImportReport>), Failure> {
    let backend = target.collection(name).await?;
    let progress = Progress::new(name.to_string());
    let pass = async |stage, on_difference, mode| {
        let mut import = Import::begin(Arc::clone(&backend), on_difference, mode).await?;
        let total = source.count();
        let note = |done| progress.note(Headway { stage, done, total });
        source.bring(&mut import, note).await?;
        Ok::<_, Failure>(import.finish().await?)
    };
    let choice = args.on_conflict;
    if choice == OnConflict::Fail {
        let found = pass(Stage::Looking, OnDifference::Tell, Mode::DryRun).await?;
        if !found.failures.is_empty() {
            return Err(conflict(&found));
        }
    }
    let done = pass(Stage::Copying, choice.into(), super::mode(args.dry_run)).await?;
    if args.dry_run {
        return Ok((done, None));
    }
    let compared = pass(Stage::Verifying, OnDifference::Tell, Mode::DryRun).await?;
    Ok((done, Some(compared)))
}

fn conflict(found: &ImportReport) -> Failure {
    let count = found.failures.len();
    let named = found.failures.iter().take(NAMED);
    let named: Vec<_> = named.map(|(id, _)| format!("{:?}", id.as_str())).collect();
    let more = if count > NAMED { ", …" } else { "" };
    Failure::conflict(
        format!(
            "the target holds {count} of the registrations differently: {}{more}",
            named.join(", ")
        ),
        "nothing was written: use --on-conflict replace, or --on-conflict keep",
    )
}

impl Source {
    /// Opens what is to be imported, and proves an archive. Answers the collection to bring it to as well.
    async fn open(args: &ImportArgs) -> Result<(Self, CollectionName), Failure> {
        let shown = args.place.to_string();
        let cannot = |error: io::Error| {
            let context = format!("cannot read {shown}");
            match error.kind() {
                io::ErrorKind::NotFound => Failure::not_found(format!("there is no {shown}")),
                _ => Failure::of(anyhow::Error::new(error).context(context)),
            }
        };
        let file = match &args.place {
            Place::Directory(directory) => {
                let end = End::source(&format!("file:{}", directory.display())).await?;
                let name = args.collection.clone().unwrap_or_else(CollectionName::bots);
                let backend = end.readable(&name).await?;
                return Ok((
                    Self::Directory {
                        end: Box::new(end),
                        backend,
                    },
                    name,
                ));
            }
            Place::File(path) => File::open(path).map_err(cannot)?,
            Place::Standard => tokio::task::spawn_blocking(spool)
                .await
                .expect("copying a file does not panic")
                .map_err(cannot)?,
        };
        let mut archive = Self::archive(&file, &shown)?;
        while archive
            .next()
            .context(shown.clone())
            .map_err(Failure::of)?
            .is_some()
        {
            // Lets a signal in.
            tokio::task::yield_now().await;
        }
        let name = args.collection.clone();
        let name = name.unwrap_or_else(|| archive.collection().clone());
        let summary = archive
            .summary()
            .expect("it has proven to be whole")
            .clone();
        Ok((
            Self::Archive {
                file,
                name: shown,
                summary,
            },
            name,
        ))
    }

    /// Reads an archive from its beginning.
    fn archive<'f>(
        mut file: &'f File,
        name: &str,
    ) -> Result<ArchiveReader<BufReader<&'f File>>, Failure> {
        let rewound = file.rewind().with_context(|| format!("cannot read {name}"));
        rewound.map_err(Failure::of)?;
        let archive = ArchiveReader::open(BufReader::new(file));
        archive.context(name.to_owned()).map_err(Failure::of)
    }

    fn count(&self) -> Option<u64> {
        match self {
            Self::Archive { summary, .. } => Some(summary.count),
            Self::Directory { .. } => None,
        }
    }

    async fn bring(&self, import: &mut Import, note: impl Fn(u64)) -> Result<(), Failure> {
        let mut done = 0;
        match self {
            Self::Archive { file, name, .. } => {
                let mut archive = Self::archive(file, name)?;
                while let Some(next) = archive.next().context(name.clone()).map_err(Failure::of)? {
                    import.bring(next).await?;
                    done += 1;
                    note(done);
                }
            }
            Self::Directory { backend, .. } => {
                let mut walk = Walk::new(backend);
                while let Some(next) = walk.next().await.map_err(MoveError::Source)? {
                    import.bring(next.into()).await?;
                    done += 1;
                    note(done);
                }
            }
        }
        Ok(())
    }
}

/// Copies standard input to where it can be read twice.
fn spool() -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    Ok(file)
}

fn tell(
    source: &Source,
    target: &End,
    name: &CollectionName,
    args: &ImportArgs,
    (done, compared): &(ImportReport, Option<ImportReport>),
    format: Format,
) -> Result<(), Failure> {
    let verb = if compared.is_some() { "is" } else { "would be" };
    let mut report = Report::new(format!(
        "{} {verb} in {name} of {}",
        args.place,
        target.url()
    ));
    report.member("collection", name.as_str());
    report.member("from", args.place.to_string());
    report.member("to", target.url().to_string());
    report.tally(done.tally);
    report.failures(&done.failures);
    let mut missing = done.failures.len() as u64;
    if let Some(compared) = compared {
        let equal = compared.tally.same;
        report.line("compared", format!("{equal} are equal in the target"));
        report.member("equal", equal);
        let different = compared.failures.len() as u64 + compared.tally.created;
        // What was kept differs, as was asked for.
        missing = missing.max(different.saturating_sub(done.tally.kept));
        if let Source::Archive { summary, .. } = source
            && different == 0
        {
            report.line("digest", summary.digest.to_string());
            report.member("digest", summary.digest.to_string());
        }
    }
    report.tell(format)?;
    if missing > 0 {
        return Err(Failure::of(anyhow::anyhow!(
            "{missing} registrations are not in the target as they were brought"
        )));
    }
    Ok(())
}
