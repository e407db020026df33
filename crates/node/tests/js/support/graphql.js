// Plain GraphQL requests over HTTP.
import assert from 'node:assert/strict';

/** Sends a request and gives back the answer as it is, errors included. */
export async function request(endpoint, query, variables) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  assert.equal(response.status, 200);
  return response.json();
}

/** Sends a request that has to succeed and gives back its data. */
export async function data(endpoint, query, variables) {
  const answer = await request(endpoint, query, variables);
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer.data;
}

/** Sends a request that has to fail and gives back its first error. */
export async function failure(endpoint, query, variables) {
  const answer = await request(endpoint, query, variables);
  assert.ok(answer.errors?.length, `expected an error, got ${JSON.stringify(answer)}`);
  return answer.errors[0];
}
