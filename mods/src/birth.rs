//! How a generation comes up, beside the one in service.

use crate::context::{Context, Inside};
use crate::desired::Desired;
use crate::generation::{Bond, Generation, Home, Installed, Keeping};
use crate::guard;
use crate::lane::Lane;
use crate::loader::Placement;
use crate::manifest::Manifest;
use crate::mod_trait::{BoxError, Mod};
use crate::retire;
use crate::service::Provided;
use crate::shared::Shared;
use crate::state::ModState;
use crate::tally::Counters;
use crate::workplace::Workplace;
use hotbed_configs::ResolvedConfig;
use std::any::Any;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A package that was read and whose configuration fits.
pub(crate) struct Opened {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) config: ResolvedConfig,
    pub(crate) digest: String,
    pub(crate) placement: Placement,
    pub(crate) construct: Box<dyn FnOnce() -> Result<Arc<dyn Mod>, BoxError> + Send>,
}

/// What a generation is given by others.
pub(crate) struct Endowment {
    /// The generations that it depends on, and their services.
    pub(crate) bonds: Vec<Bond>,
    pub(crate) services: Vec<Arc<Provided>>,
    /// What the generation before it kept.
    pub(crate) inherited: Option<Arc<dyn Any + Send + Sync>>,
}

/// A generation that came up, and is not in service yet.
pub(crate) struct Built {
    pub(crate) installed: Installed,
    pub(crate) counters: Arc<Counters>,
}

/// Brings a generation up to where it may serve. If it does not get there it is stopped, and nothing of it is left.
pub(crate) async fn bring_up(
    shared: &Arc<Shared>,
    desired: Desired,
    opened: Opened,
    endowment: Endowment,
) -> Result<Built, String> {
    let settings = &shared.settings;
    let workplace = Workplace::new(opened.placement, &desired.id, &shared.threads);
    let construct = opened.construct;
    let step = Step {
        shared,
        workplace: &workplace,
    };
    let instance = step
        .take(
            "its construction",
            settings.initialize_deadline,
            async move { construct() },
        )
        .await?;
    let (home, keeping) = keep(
        shared,
        desired,
        &opened.manifest,
        opened.digest,
        &workplace,
        opened.config,
        endowment,
        instance,
    );
    match climb(&step, &keeping).await {
        Ok(()) => {
            keeping.context.inside().provided.seal();
            let counters = Arc::<Counters>::default();
            let lane = Lane::new(settings.concurrency, settings.queue);
            let lease =
                Generation::lend(&shared.lender, &keeping, home, lane, Arc::clone(&counters));
            let installed = Installed { lease, keeping };
            Ok(Built {
                installed,
                counters,
            })
        }
        Err(error) => {
            let trouble = retire::end(shared, keeping, None, ModState::Error).await;
            Err(match trouble {
                None => error,
                Some(trouble) => format!("{error}; and then {trouble}"),
            })
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "it only puts together what its one caller took apart"
)]
fn keep(
    shared: &Arc<Shared>,
    desired: Desired,
    manifest: &Arc<Manifest>,
    digest: String,
    workplace: &Workplace,
    config: ResolvedConfig,
    endowment: Endowment,
    instance: Arc<dyn Mod>,
) -> (oneshot::Sender<Home>, Keeping) {
    let number = shared.next_number();
    let context = Context::new(Inside {
        id: desired.id.clone(),
        generation: number,
        path: desired.path.clone(),
        config,
        permissions: desired.permissions.clone(),
        host_services: Arc::clone(&shared.host_services),
        dependencies: endowment.services,
        provided: Arc::default(),
        outbox: shared.outbox.clone(),
        places: shared.outbox.places(&desired.id, shared.settings.emissions),
        workplace: workplace.clone(),
        tasks: TaskTracker::new(),
        all_tasks: shared.mod_tasks.clone(),
        stopped: CancellationToken::new(),
        inherited: endowment.inherited,
        kept: Mutex::default(),
    });
    let (home, comes_home) = oneshot::channel();
    let keeping = Keeping {
        desired,
        number,
        digest,
        manifest: Arc::clone(manifest),
        workplace: workplace.clone(),
        instance,
        context,
        given_up: CancellationToken::new(),
        home: comes_home,
        bonds: endowment.bonds,
        bound: Arc::new(AtomicUsize::new(0)),
    };
    (home, keeping)
}

/// From registered to where it may run.
async fn climb(step: &Step<'_>, keeping: &Keeping) -> Result<(), String> {
    let settings = &step.shared.settings;
    let reach = |state| step.shared.board.step(keeping.id(), keeping.number, state);
    let instance = || Arc::clone(&keeping.instance);

    reach(ModState::Initializing);
    let (this, context) = (instance(), keeping.context.clone());
    let initialize = async move { this.initialize(&context).await };
    let wants_to = step
        .take("initialize", settings.initialize_deadline, initialize)
        .await?;
    if !wants_to {
        return Err("initialize answered that it does not want to run".to_owned());
    }
    reach(ModState::Initialized);

    reach(ModState::Starting);
    let this = instance();
    let start = async move { this.start().await };
    step.take("start", settings.start_deadline, start).await?;

    let this = instance();
    let health = async move { Ok(this.health().await) };
    let health = step
        .take("health", settings.health_deadline, health)
        .await?;
    if !health.healthy {
        return Err(format!(
            "it is not well after its start: {}",
            health.message
        ));
    }
    Ok(())
}

/// Takes steps of one mod.
struct Step<'a> {
    shared: &'a Arc<Shared>,
    workplace: &'a Workplace,
}

impl Step<'_> {
    async fn take<T: Send + 'static>(
        &self,
        name: &str,
        deadline: Duration,
        step: impl Future<Output = Result<T, BoxError>> + Send + 'static,
    ) -> Result<T, String> {
        match guard::run(self.workplace, deadline, guard::told(step)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(format!("{name} failed: {error}")),
            Err(mishap) => Err(format!("{name} {mishap}")),
        }
    }
}
