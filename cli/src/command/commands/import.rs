use hotbed_api::BindmapImport;

use super::ImportArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::object_source::read_file;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

pub(super) async fn run(args: &ImportArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let bindmap = read_file(&args.file, session).await?;
    let request = session.client.post(&["commands", "import"]).json(&bindmap);
    let answer = session.client.send(args.note.in_query(request)).await?;
    let it: BindmapImport = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => session.print(|output| {
            let mut bound = it.bound.iter();
            bound.try_for_each(|id| writeln!(output, "bound {}", Line(id)))
        })?,
    }
    for id in &it.unknown {
        session.complain(&format!("there is no mod {id}"));
    }
    for problem in &it.problems {
        session.complain(problem);
    }
    let is_done = it.unknown.is_empty() && it.problems.is_empty();
    Ok(if is_done { Exit::Done } else { Exit::Failed })
}
