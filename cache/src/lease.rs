use hotbed_lease::Lease as Loan;
use hotbed_registry::Revision;
use std::fmt;
use std::ops::Deref;

/// The use of an instance: it stays alive and whole until the last clone of this is dropped, whatever happens to its
/// registration, and is destroyed after that. Derefs to the instance.
pub struct Lease<T> {
    loan: Loan<T>,
}

impl<T> Lease<T> {
    #[inline]
    pub(crate) fn new(loan: Loan<T>) -> Self {
        Self { loan }
    }

    /// The id whose instance this is.
    pub fn id(&self) -> &str {
        self.loan.name()
    }

    /// The revision that the instance was built from.
    pub fn revision(&self) -> Revision {
        Revision(self.loan.generation())
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.loan
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self {
            loan: self.loan.clone(),
        }
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({}@{})", self.id(), self.revision())
    }
}
