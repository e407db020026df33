//! The schemas that are known now.

use std::sync::{Arc, PoisonError, RwLock};

use pandan_store::KnownSchema;

use crate::graphql::Api;

/// Holds the current API; requests keep the one they began with.
#[derive(Debug)]
pub(crate) struct Catalog(RwLock<Arc<Api>>);

impl Catalog {
    pub(crate) fn new(schemas: Vec<KnownSchema>) -> Self {
        Self(RwLock::new(Arc::new(Api::new(schemas))))
    }

    pub(crate) fn api(&self) -> Arc<Api> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the API by one that knows these schemas too.
    pub(crate) fn add(&self, schemas: impl Iterator<Item = KnownSchema>) {
        let mut schemas = schemas.peekable();
        if schemas.peek().is_none() {
            return;
        }
        let mut api = Api::clone(&self.api());
        api.add(schemas);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(api);
    }
}
