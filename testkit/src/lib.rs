//! Real servers for tests: started on this machine by whoever needs one, gone with the process that started it.
//!
//! Only tests use this crate. It panics where a test should fail.
#![expect(
    clippy::missing_panics_doc,
    reason = "said above, once for everything in here"
)]

mod certificate;
mod config_service;
mod fake_clock;
mod guard;
mod nats;
mod postgres;
mod process;
mod proxy;
mod redis;
mod requests;
mod rgw;
mod soak;

pub use config_service::ConfigService;
pub use fake_clock::{FakeClock, NoFakeClock};
pub use nats::{NatsServer, NoNats};
pub use postgres::{Database, NoPostgres, PostgresPrograms, PostgresServer};
pub use proxy::{FaultProxy, NetworkFault};
pub use redis::{NoRedis, RedisServer};
pub use requests::RequestCounter;
pub use rgw::{Bucket, NoRgw, RgwServer};
pub use soak::{replayed, sized};
