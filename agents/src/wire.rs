//! What goes in and out over a transport: requests, read from JSON without ever failing in any other way than by name,
//! and answers, which serialize as clients read them.

mod event_request;
mod event_response;
mod fields;
mod malformed;
mod poll;
mod register;
mod unregister;

pub use event_request::EventRequest;
pub use event_response::EventResponse;
pub use malformed::{Malformed, MalformedAnswer};
pub use poll::{PollAnswer, PollRequest};
pub use register::{RegisterAnswer, RegisterRequest};
pub use unregister::{UnregisterAnswer, UnregisterRequest};

pub(crate) use event_response::Reply;
pub(crate) use fields::Fields;
