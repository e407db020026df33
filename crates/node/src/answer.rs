//! Answers GraphQL requests.

use std::sync::Arc;
use std::time::Instant;

use pandan_store::{Cancel, Snapshot, Store};
use tokio::sync::OwnedSemaphorePermit;

use crate::graphql::{
    Answer, Api, Budget, Error, Exceeded, Key, Plan, ReadError, Reader, Request, Response, Root,
    RootField, code, next_args, prepare,
};
use crate::node::Core;
use crate::publish::{chain, store_code};

/// Requests up to this weight are read and planned at once. Heavier ones become many times as large
/// when they are read, and so wait for their turn before.
const LIGHT: usize = 4 * 1024;

/// The right to work on a request.
type Turn = Option<OwnedSemaphorePermit>;

impl Core {
    /// Reads a request of some weight and answers it; `read` and `finish` run where they do not keep
    /// others from working.
    pub(crate) async fn answer<T: Send + 'static, E: Send + 'static>(
        self: &Arc<Self>,
        weight: usize,
        read: impl FnOnce() -> Result<Request, E> + Send + 'static,
        finish: impl Fn(Response) -> T + Send + Clone + 'static,
    ) -> Result<T, E> {
        let late = finish.clone();
        let answering = async {
            match self.plan(weight, read).await? {
                Ok((plan, turn)) => Ok(self.carry_out(plan, turn, finish).await),
                Err(errors) => Ok(finish(Response::refused(errors))),
            }
        };
        let answered = tokio::time::timeout(self.limits.request_time, answering).await;
        answered.unwrap_or_else(|_| {
            let message =
                "The request took too long; what it was to publish may be published all the same";
            Ok(late(Response::refused(vec![Error::new(code::TIMEOUT, message)])))
        })
    }

    /// Reads and plans a request, a heavy one when it has its turn.
    async fn plan<E: Send + 'static>(
        self: &Arc<Self>,
        weight: usize,
        read: impl FnOnce() -> Result<Request, E> + Send + 'static,
    ) -> Result<Result<(Plan, Turn), Vec<Error>>, E> {
        let core = Arc::clone(self);
        let plan =
            move || read().map(|request| prepare(&core.catalog.api(), &core.limits, &request));
        if weight <= LIGHT {
            return Ok(plan()?.map(|plan| (plan, None)));
        }
        let Ok(turn) = Arc::clone(&self.reads).acquire_owned().await else {
            return Ok(Err(vec![internal()]));
        };
        let planning =
            tokio::task::spawn_blocking(move || Ok(plan()?.map(|plan| (plan, Some(turn)))));
        planning.await.unwrap_or_else(|_| Ok(Err(vec![internal()])))
    }

    async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        plan: Plan,
        turn: Turn,
        finish: impl Fn(Response) -> T + Send + Clone + 'static,
    ) -> T {
        if plan.is_mutation {
            // Others can have their turn while the writer works.
            drop(turn);
            return finish(self.mutate(plan).await);
        }
        let deadline = Instant::now().checked_add(self.limits.request_time);
        let turn = match turn {
            Some(turn) => Ok(turn),
            None => Arc::clone(&self.reads).acquire_owned().await,
        };
        let Ok(turn) = turn else { return finish(failed()) };
        let core = Arc::clone(self);
        let late = finish.clone();
        let cancel = Cancel::new();
        // When the time is over or the client gone, the slot is for those who wait for it.
        let _left = cancel.on_drop();
        let answering = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let budget = Budget::new(core.limits.answer_values, core.limits.answer_bytes, deadline);
            finish(query(&*core.store, &core.catalog.api(), &plan, budget, cancel))
        });
        answering.await.unwrap_or_else(|_| late(failed()))
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
fn query(
    store: &dyn Store,
    api: &Api,
    plan: &Plan,
    mut budget: Budget,
    cancel: Cancel,
) -> Response {
    let mut snapshot = match store.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            return Response::refused(vec![Error::new(store_code(&error), chain(&error))]);
        }
    };
    snapshot.heed(cancel);
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
