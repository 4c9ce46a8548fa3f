use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Encode, Postgres, Type};

/// The values of a statement's parameters, to be sent more than once.
#[derive(Debug, Clone, Default)]
pub(super) struct Bound(PgArguments);

impl Bound {
    /// Adds the value of the next parameter.
    #[must_use]
    pub(super) fn and<'q, T: Encode<'q, Postgres> + Type<Postgres>>(mut self, value: T) -> Self {
        self.add(value);
        self
    }

    /// Adds the value of the next parameter; answers its number.
    pub(super) fn add<'q, T: Encode<'q, Postgres> + Type<Postgres>>(&mut self, value: T) -> usize {
        self.0
            .add(value)
            .expect("numbers, times and texts are encoded without fail");
        self.0.len()
    }

    pub(super) fn into_arguments(self) -> PgArguments {
        self.0
    }
}

/// The largest number that the database knows is as good as any larger one.
pub(super) fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
