//! One bot in one environment.

use hotbed_configs::ResolvedConfig;

use crate::check::unresolvable;
use crate::deployment::Deployment;
use crate::directory::Reading;
use crate::problem::{Problem, Problems, locate};
use crate::variables::bot_variables;

/// Makes one bot of a directory fit for one of its environments, as a server there would with these variables, but without
/// reading a secret; `None` if no bot has this id. What is wrong elsewhere in the directory does not matter.
pub fn resolve(
    reading: &Reading,
    process: &[(String, String)],
    id: &str,
    environment: &str,
) -> Result<Option<ResolvedConfig>, Problems> {
    let file = reading
        .environment_file(environment)
        .ok_or_else(|| Problems::from(reading.no_environment(environment)))?;
    let variables = process.iter().cloned().collect();
    let parsed = reading
        .environment(file, &variables)
        .map_err(|errors| Problems::from(Problem::of_text(&file.path, &errors)))?;
    let (deployment, problems) = Deployment::gather(reading);
    let Some(bot) = deployment.bot(id) else {
        // It may stand in a file that cannot be read.
        let unread = reading.problems.iter().cloned();
        let mut wrong: Vec<_> = unread.chain(problems).collect();
        locate(&mut wrong, &reading.domains);
        return Problems::or(wrong, None);
    };
    let resolved = parsed
        .with_variables(bot_variables(process))
        .resolve_without_secrets(&bot.config)
        .and_then(|resolved| match deployment.schema() {
            Some(schema) => schema.fit(&resolved),
            None => Ok(resolved),
        });
    resolved.map(Some).map_err(|errors| {
        let wrong = errors.iter();
        let told = wrong.map(|error| unresolvable(id, bot, environment, error));
        let mut told: Vec<_> = told.collect();
        locate(&mut told, &reading.domains);
        Problems::from(told)
    })
}

#[cfg(test)]
mod tests;
