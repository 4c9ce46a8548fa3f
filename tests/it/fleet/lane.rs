use super::schedule::NODES;
use super::setup::BusKind;
use hotbed_testkit::{FaultProxy, NatsServer, NetworkFault, PostgresServer, RedisServer};
use std::sync::Arc;

/// The real servers of one fleet after another, and the networks to them: one for each node.
#[derive(Debug)]
pub(super) struct Lane {
    /// Its links are those of the registry.
    pub(super) postgres: Server<PostgresServer>,
    pub(super) redis: Server<RedisServer>,
    pub(super) nats: Server<NatsServer>,
    /// The ways to PostgreSQL as a bus.
    postgres_bus: Vec<FaultProxy>,
}

/// A server, and the way of each node to it.
#[derive(Debug)]
pub(super) struct Server<S> {
    pub(super) server: Arc<S>,
    pub(super) links: Vec<FaultProxy>,
}

impl Lane {
    /// Starts the servers, which blocks the thread.
    pub(super) fn start() -> Self {
        let (redis, nats) = (RedisServer::start(&[]), NatsServer::start(&[]));
        let postgres = PostgresServer::start(&[]);
        let ports = (redis.port(), nats.port(), postgres.database().port());
        Self {
            redis: Server::new(redis, ports.0),
            nats: Server::new(nats, ports.1),
            postgres: Server::new(postgres, ports.2),
            postgres_bus: links(ports.2),
        }
    }

    /// The ways to the server of a bus, one for each node.
    pub(super) fn bus_links(&self, bus: BusKind) -> &[FaultProxy] {
        match bus {
            BusKind::Memory => &[],
            BusKind::Redis => &self.redis.links,
            BusKind::Postgres => &self.postgres_bus,
            BusKind::Nats => &self.nats.links,
        }
    }

    /// Mends every network, and cuts what the last fleet left.
    pub(super) fn clear(&self) {
        let links = [
            &self.postgres.links,
            &self.redis.links,
            &self.nats.links,
            &self.postgres_bus,
        ];
        for link in links.into_iter().flatten() {
            link.set(NetworkFault::None);
            link.cut();
        }
    }
}

impl<S> Server<S> {
    fn new(server: S, port: u16) -> Self {
        Self {
            server: Arc::new(server),
            links: links(port),
        }
    }
}

fn links(port: u16) -> Vec<FaultProxy> {
    (0..NODES).map(|_| FaultProxy::to(port)).collect()
}
