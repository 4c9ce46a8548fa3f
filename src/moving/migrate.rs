use super::failure::Failure;
use super::progress::Progress;
use super::report::Report;
use super::stores::{End, collection_name};
use super::unless_stopped;
use clap::Args;
use hotbed::registry::moving::{Extras, Migration, MigrationReport, Mode, Verdict};
use hotbed::registry::{CollectionName, Id};
use hotbed_cli::Format;
use tokio_util::sync::CancellationToken;

/// Copy every registration from one store to another, while nodes go on serving from and writing to the first
///
/// Writes what is missing or different, follows the changes that are made meanwhile, and compares both sides at the end:
/// ids, configurations, statuses and metadata, by digest. The time of creation is carried where the target can keep it;
/// revisions, versions and the other times are the target's own. It can be interrupted at any moment: the same command
/// goes on where it stopped, or with --prune if the source has deleted something since.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The store to copy from, such as sqlite:PATH. Only read
    #[arg(long, value_name = "URL")]
    from: String,
    /// The store to copy to, such as postgres://USER:PASSWORD@HOST/DATABASE. Made if there is none
    #[arg(long, value_name = "URL")]
    to: String,
    /// A collection to copy; several if it is given several times
    #[arg(long = "collection", value_name = "NAME", default_value = "bots", value_parser = collection_name)]
    collections: Vec<CollectionName>,
    /// Delete what the target holds and the source does not. Without this or --keep that is refused
    #[arg(long, conflicts_with = "keep")]
    prune: bool,
    /// Leave alone what the target holds and the source does not
    #[arg(long)]
    keep: bool,
    /// Write nothing; tell what would be done
    #[arg(long)]
    dry_run: bool,
}

impl MigrateArgs {
    fn extras(&self) -> Extras {
        match (self.prune, self.keep) {
            (true, _) => Extras::Prune,
            (_, true) => Extras::Keep,
            _ => Extras::Refuse,
        }
    }
}

pub(crate) async fn run(
    args: MigrateArgs,
    format: Format,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let (extras, mode) = (args.extras(), super::mode(args.dry_run));
    let source = unless_stopped(stop, Box::pin(End::source(&args.from))).await?;
    let target = unless_stopped(stop, Box::pin(End::target(&args.to, mode))).await?;
    if source.url() == target.url() {
        return Err(Failure::usage("--from and --to are the same store"));
    }
    let migrating = async {
        for name in &args.collections {
            let done = migrate(&source, &target, name, extras, mode).await?;
            tell(&source, &target, name, &done, format)?;
        }
        Ok(())
    };
    let migrated = unless_stopped(stop, Box::pin(migrating)).await;
    target.close().await;
    source.close().await;
    migrated
}

/// Makes one collection of the target equal to that of the source.
pub(super) async fn migrate(
    source: &End,
    target: &End,
    name: &CollectionName,
    extras: Extras,
    mode: Mode,
) -> Result<MigrationReport, Failure> {
    let (from, to) = (source.readable(name).await?, target.collection(name).await?);
    let progress = Progress::new(name.to_string());
    let migration = Migration::new(from, to).extras(extras).mode(mode);
    Ok(migration.run(&|headway| progress.note(headway)).await?)
}

/// Tells what was done, and fails if not all of it could be.
pub(super) fn tell(
    source: &End,
    target: &End,
    name: &CollectionName,
    done: &MigrationReport,
    format: Format,
) -> Result<(), Failure> {
    let (from, to) = (source.url().to_string(), target.url().to_string());
    let verb = match done.verdict {
        None => "would go",
        Some(_) => "went",
    };
    let mut report = Report::new(format!("{name} {verb} from {from} to {to}"));
    report.member("collection", name.as_str());
    report.member("from", from);
    report.member("to", to);
    report.tally(done.tally);
    report.member("followed", done.followed);
    if done.followed > 0 {
        report.line("followed", format!("{} changes", done.followed));
    }
    report.line("source", format!("at revision {}", done.source_head));
    report.member("source_revision", done.source_head.0);
    report.failures(&done.failures);
    let failed = done.failures.len();
    let verdict = match &done.verdict {
        None => "not compared",
        Some(Verdict::Equal { digest }) => {
            report.line("compared", format!("{} registrations", done.compared));
            report.line("digest", format!("{digest} on both sides"));
            report.member("digest", digest.to_string());
            "equal"
        }
        Some(Verdict::Different {
            source,
            target,
            ids,
        }) => {
            report.line("digest", format!("{source} of the source"));
            report.line("", format!("{target} of the target"));
            for id in ids {
                report.line("differs", format!("{:?}", id.as_str()));
            }
            report.member("digest", source.to_string());
            report.member("target_digest", target.to_string());
            let ids: Vec<_> = ids.iter().map(Id::as_str).collect();
            report.member("differ", ids);
            "different"
        }
        Some(Verdict::Moving) => "moving",
    };
    report.member("compared", done.compared);
    report.member("verdict", verdict);
    report.tell(format)?;
    match &done.verdict {
        Some(Verdict::Moving) => Err(Failure::of(anyhow::anyhow!(
            "{name} of the source was written to during each comparison: everything up to revision {} is copied, but \
             no digests could be compared",
            done.source_head
        ))
        .hint("run the same command again, with --prune for what is deleted until then, once nobody writes to the source any more")),
        Some(Verdict::Different { ids, .. }) => Err(Failure::of(anyhow::anyhow!(
            "{} registrations of {name} differ at the end, {failed} of them could not be moved",
            ids.len()
        ))),
        _ if failed > 0 => Err(Failure::of(anyhow::anyhow!(
            "{failed} registrations of {name} could not be moved"
        ))),
        _ => Ok(()),
    }
}
