use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Server};
use crate::session::Session;
use crate::table::Table;
use crate::time::shown_duration;

/// Where networks usually are on this machine.
const PORTS: [u16; 7] = [8700, 8570, 8050, 8600, 8701, 8702, 8703];

/// How long somebody may take to say that it is a network.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is shown of each network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Names,
    WithStatus,
}

/// A network, and what it says of itself.
#[derive(Serialize)]
struct Found {
    server: String,
    health: Value,
}

pub(super) async fn run(shown: Shown, session: &mut Session<'_>) -> Result<Exit, Error> {
    let named = session.client.server();
    // Whoever listens at such a port is not the server that the token is for.
    let client = Client::new(named.clone(), PATIENCE, None)?;
    let looks = places(named).into_iter().map(|at| look(client.at(at)));
    let found: Vec<Found> = join_all(looks).await.into_iter().flatten().collect();
    match session.format {
        Format::Json => {
            let json = serde_json::to_string(&found).expect("JSON can be written as JSON");
            session.print_json(&json)?;
        }
        Format::Table => session.print(|output| match shown {
            Shown::Names => names(&found).write(output),
            Shown::WithStatus => with_status(&found).write(output),
        })?,
    }
    if found.is_empty() {
        session.note("there is no network: start one with: hotbed serve");
    }
    Ok(Exit::Done)
}

/// Where to look: at the server that was named, and where networks usually are.
fn places(named: &Server) -> Vec<Server> {
    let usual = PORTS.map(|port| {
        let url = format!("http://127.0.0.1:{port}");
        url.parse().expect("it is the address of a server")
    });
    let mut places = vec![named.clone()];
    places.extend(usual.into_iter().filter(|place| place != named));
    places
}

/// Whether there is a network. Whoever else answers is none.
async fn look(client: Client) -> Option<Found> {
    let answer = client.send(client.network_get(&["health"]));
    let answer = tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()?;
    let health: Value = client.understand(&answer.body).ok()?;
    health.pointer("/data/network_id")?.as_str()?;
    Some(Found {
        server: client.server().to_string(),
        health,
    })
}

fn names(found: &[Found]) -> Table<3> {
    let mut table = Table::default();
    table.row(["SERVER", "NETWORK", "ID"]);
    for it in found {
        table.row([&it.server, it.text("network_name"), it.text("network_id")]);
    }
    table
}

fn with_status(found: &[Found]) -> Table<7> {
    let mut table = Table::default();
    table.row(["SERVER", "NETWORK", "ID", "STATUS", "AGENTS", "MODS", "UP"]);
    for it in found {
        table.row([
            &it.server,
            it.text("network_name"),
            it.text("network_id"),
            it.health["status"].as_str().unwrap_or("-"),
            &it.data("agent_count").to_string(),
            &it.data("mods").as_array().map_or(0, Vec::len).to_string(),
            &it.uptime(),
        ]);
    }
    table
}

impl Found {
    fn data(&self, key: &str) -> &Value {
        &self.health["data"][key]
    }

    fn text(&self, key: &str) -> &str {
        self.data(key).as_str().unwrap_or("-")
    }

    fn uptime(&self) -> String {
        let seconds = self.data("uptime_seconds").to_string();
        let whole = seconds.split('.').next().unwrap_or_default();
        match whole.parse::<u64>() {
            Ok(seconds) => shown_duration(seconds.saturating_mul(1_000)),
            Err(_) => "-".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_named_is_looked_at_once() {
        let count = |named: &str| places(&named.parse().unwrap()).len();
        assert_eq!(count("http://127.0.0.1:8700"), 7);
        assert_eq!(count("http://127.0.0.1:8700/"), 7);
        assert_eq!(count("https://other"), 8);
    }
}
