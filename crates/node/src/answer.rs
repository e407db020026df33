//! Answers GraphQL requests.

use std::sync::Arc;
use std::time::Instant;

use pandan_store::{Snapshot, Store};

use crate::graphql::{
    Answer, Api, Budget, Error, Exceeded, Key, Plan, ReadError, Reader, Request, Response, Root,
    RootField, code, next_args, prepare,
};
use crate::node::Core;
use crate::publish::{chain, store_code};

/// Requests up to this weight are planned at once; heavier ones where they keep nobody from working.
const LIGHT: usize = 16 * 1024;

impl Core {
    /// Answers a request; `finish` runs where it does not keep others from working.
    pub(crate) async fn answer<T: Send + 'static>(
        self: &Arc<Self>,
        request: Request,
        finish: impl Fn(Response) -> T + Send + Clone + 'static,
    ) -> T {
        let late = finish.clone();
        let answering =
            tokio::time::timeout(self.limits.request_time, self.carry_out(request, finish));
        answering.await.unwrap_or_else(|_| {
            let message =
                "The request took too long; what it was to publish may be published all the same";
            late(Response::refused(vec![Error::new(code::TIMEOUT, message)]))
        })
    }

    async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        request: Request,
        finish: impl Fn(Response) -> T + Send + Clone + 'static,
    ) -> T {
        let deadline = Instant::now().checked_add(self.limits.request_time);
        let plan = match self.plan(request).await {
            Ok(plan) if plan.is_mutation => return finish(self.mutate(plan).await),
            Ok(plan) => plan,
            Err(errors) => return finish(Response::refused(errors)),
        };
        let Ok(permit) = Arc::clone(&self.reads).acquire_owned().await else {
            return finish(failed());
        };
        let core = Arc::clone(self);
        let late = finish.clone();
        let answering = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let budget = Budget::new(core.limits.answer_values, core.limits.answer_bytes, deadline);
            finish(query(&*core.store, &core.catalog.api(), &plan, budget))
        });
        answering.await.unwrap_or_else(|_| late(failed()))
    }

    async fn plan(self: &Arc<Self>, request: Request) -> Result<Plan, Vec<Error>> {
        if request.weight() <= LIGHT {
            return prepare(&self.catalog.api(), &self.limits, &request);
        }
        let core = Arc::clone(self);
        let planning = tokio::task::spawn_blocking(move || {
            prepare(&core.catalog.api(), &core.limits, &request)
        });
        planning.await.unwrap_or_else(|_| Err(vec![internal()]))
    }

    /// Publishes one after the other, as the GraphQL specification asks for.
    async fn mutate(&self, plan: Plan) -> Response {
        let mut assembly = Assembly::default();
        for field in plan.fields {
            let RootField { key, at, is_nullable, root } = field;
            let answer = match root {
                Ok(Root::Publish { entry, operation, leaves }) => self
                    .publish(entry, operation)
                    .await
                    .map(|arguments| next_args(&arguments, &leaves))
                    .map_err(|error| error.to_graphql().in_field(&key).at(at)),
                Ok(Root::TypeName(name)) => Ok(Answer::text(name)),
                Ok(_) => Ok(Answer::Null),
                Err(error) => Err(error),
            };
            assembly.add(key, is_nullable, answer);
        }
        assembly.finish()
    }
}

/// Answers a query from one snapshot of the store.
fn query(store: &dyn Store, api: &Api, plan: &Plan, mut budget: Budget) -> Response {
    let snapshot = match store.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            return Response::refused(vec![Error::new(store_code(&error), chain(&error))]);
        }
    };
    let mut assembly = Assembly::default();
    for field in &plan.fields {
        let answer = root(&*snapshot, api, field, &mut budget);
        assembly.add(Key::clone(&field.key), field.is_nullable, answer);
        if assembly.is_void {
            break;
        }
    }
    assembly.finish()
}

fn root(
    snapshot: &dyn Snapshot,
    api: &Api,
    field: &RootField,
    budget: &mut Budget,
) -> Result<Answer, Error> {
    let root = field.root.as_ref().map_err(Error::clone)?;
    let mut reader = Reader { api, snapshot, budget };
    reader.root(root).map_err(|error| read_error(&error).in_field(&field.key).at(field.at))
}

fn read_error(error: &ReadError) -> Error {
    match error {
        ReadError::Store(inner) => Error::new(store_code(inner), chain(inner)),
        ReadError::Exceeded(Exceeded::Time) => Error::new(code::TIMEOUT, error),
        ReadError::Exceeded(_) => Error::new(code::LIMIT, error),
        ReadError::NextArgs(inner) => {
            Error::new(inner.code(), chain(inner)).with_requirement(inner.requirement())
        }
    }
}

/// An answer in the making.
#[derive(Default)]
struct Assembly {
    fields: Vec<(Key, Answer)>,
    errors: Vec<Error>,
    /// A field that has to be there is not, so there is no data at all.
    is_void: bool,
}

impl Assembly {
    fn add(&mut self, key: Key, is_nullable: bool, answer: Result<Answer, Error>) {
        match answer {
            Ok(answer) => self.fields.push((key, answer)),
            Err(error) => {
                self.errors.push(error);
                self.fields.push((key, Answer::Null));
                self.is_void |= !is_nullable;
            }
        }
    }

    fn finish(self) -> Response {
        let data = if self.is_void { Answer::Null } else { Answer::Object(self.fields) };
        Response::new(data, self.errors)
    }
}

fn failed() -> Response {
    Response::refused(vec![internal()])
}

fn internal() -> Error {
    Error::new(code::INTERNAL, "The node failed to answer")
}
