// Documents: forms of values, how they are found, and what GraphQL can ask of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { decodeEntry } from 'p2panda-js';

import { Author, publishSchema, send } from './support/author.js';
import { cbor, float64, forge, operation, raw } from './support/forge.js';
import { data, failure, request } from './support/graphql.js';
import { startNode } from './support/node.js';
import { byId, byView, column } from './support/query.js';

let node, alice, bob, note, value, other;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  bob = new Author(node.endpoint);
  note = await publishSchema(alice, 'note', '', { text: 'str', number: 'int' });
  other = await publishSchema(alice, 'other', '', { title: 'str' });
  value = await publishSchema(alice, 'value', '', {
    truth: 'bool', whole: 'int', real: 'float', text: 'str', data: 'bytes',
  });
});

after(() => node.stop());

const plain = { truth: false, whole: 0, real: { type: 'float', value: 0.5 }, text: '', data: new Uint8Array() };

// JavaScript would round large numbers, so answers are looked at as texts.
async function textOf(schema, id, field) {
  const response = await fetch(node.endpoint, {
    method: 'POST',
    body: JSON.stringify({ query: `{ found: ${schema}(id: "${id}") { fields { ${field} } } }` }),
  });
  return /"fields":\{"\w+":(.*)\}\}\}\}$/.exec(await response.text())[1];
}

describe('values', () => {
  for (const number of [0n, -1n, 23n, 24n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    test(`the whole number ${number} comes back exactly`, async () => {
      const id = await alice.create(value, { ...plain, whole: number });
      assert.equal(await textOf(value, id, 'whole'), `${number}`);
    });
  }

  for (const [name, encoded, expected] of [
    ['1', 'f93c00', '1.0'],
    ['negative zero', 'f98000', '-0.0'],
    ['NaN', 'f97e00', 'null'],
    ['infinity', 'f97c00', 'null'],
    ['negative infinity', 'f9fc00', 'null'],
    ['1e21', cbor(float64(1e21)), '1e21'],
    ['0.1', cbor(float64(0.1)), '0.1'],
    ['the smallest', cbor(float64(5e-324)), '5e-324'],
  ]) {
    test(`the float ${name} is written as ${expected}`, async () => {
      const fields = { data: new Uint8Array(), real: raw(encoded), text: '', truth: false, whole: 0 };
      const signed = forge(operation(0, value, fields));
      await send(node.endpoint, signed);
      assert.equal(await textOf(value, signed.id, 'real'), expected);
    });
  }

  for (const text of ['', '\u0000', '"\\\n\t', 'Pandä 🐼', '\u2028</script>', 'é', 'x'.repeat(10_000)]) {
    test(`the text ${JSON.stringify(text.slice(0, 12))} comes back exactly`, async () => {
      const id = await alice.create(value, { ...plain, text });
      const found = await byId(node.endpoint, value, id, 'fields { text }');
      assert.equal(found.fields.text, text);
    });
  }

  test('bytes come back in lower case hex', async () => {
    const id = await alice.create(value, { ...plain, data: new Uint8Array([0, 0xab, 0xff]) });
    const found = await byId(node.endpoint, value, id, 'fields { data truth }');
    assert.deepEqual(found.fields, { data: '00abff', truth: false });
  });
});

describe('one document', () => {
  test('is found by its id in any case, and by every of its views', async () => {
    const id = await alice.create(note, { text: 'a', number: 1 });
    const view = await bob.update(note, id, { number: 2 });
    const newest = { meta: { documentId: id, viewId: view, owner: alice.publicKey } };
    assert.deepEqual(await byId(node.endpoint, note, id), newest);
    assert.deepEqual(await byId(node.endpoint, note, id.toUpperCase()), newest);
    assert.deepEqual(await byView(node.endpoint, note, view), newest);
    assert.equal((await byView(node.endpoint, note, id)).meta.viewId, id);
  });

  test('is asked for by view where both ids are given', async () => {
    const id = await alice.create(note, { text: 'a', number: 1 });
    await alice.update(note, id, { number: 2 });
    const { found } = await data(node.endpoint, `{ found: ${note}(id: "0020${'00'.repeat(32)}", viewId: "${id}") { fields { number } } }`);
    assert.deepEqual(found, { fields: { number: 1 } });
  });

  test('is null where nothing is found', async () => {
    const id = await alice.create(note, { text: 'a', number: 1 });
    const update = await alice.update(note, id, { number: 2 });
    const unknown = `0020${'ab'.repeat(32)}`;
    assert.equal(await byId(node.endpoint, note, unknown), null);
    assert.equal(await byView(node.endpoint, note, unknown), null);
    assert.equal(await byId(node.endpoint, note, update), null, 'the id of an update is none of a document');
    const stranger = await alice.create(note, { text: 'b', number: 1 });
    assert.equal(await byView(node.endpoint, note, [update, stranger].sort().join('_')), null, 'two documents');
  });

  test('is told by its tips where a view names their ancestors too', async () => {
    const id = await alice.create(note, { text: 'a', number: 1 });
    const update = await alice.update(note, id, { number: 2 });
    const found = await byView(node.endpoint, note, [id, update].sort().join('_'));
    assert.equal(found.meta.viewId, update);
  });

  test('is null under the field of another schema', async () => {
    const id = await alice.create(other, { title: 'not a note' });
    assert.equal(await byId(node.endpoint, note, id, 'fields { text } meta { documentId }'), null);
    assert.equal(await byView(node.endpoint, note, id, 'fields { text } meta { documentId }'), null);
    assert.equal(await byId(node.endpoint, 'blob_v1', id), null);
  });

  test('needs an id or a view id', async () => {
    const error = await failure(node.endpoint, `{ found: ${note} { meta { viewId } } }`);
    assert.match(error.message, /`id` or `viewId`/);
    assert.deepEqual(error.path, ['found']);
    assert.equal(error.extensions.code, 'BAD_USER_INPUT');
  });

  for (const [name, argument] of [
    ['a short id', 'id: "0020"'],
    ['an id of another kind of hash', `id: "0120${'ab'.repeat(32)}"`],
    ['an id that is no hex', `id: "${'zz'.repeat(34)}"`],
    ['an empty view id', 'viewId: ""'],
    ['a view id out of order', `viewId: "0020${'bb'.repeat(32)}_0020${'aa'.repeat(32)}"`],
    ['a view id with a repetition', `viewId: "0020${'aa'.repeat(32)}_0020${'aa'.repeat(32)}"`],
    ['a number as id', 'id: 1'],
    ['null as id', 'id: null'],
    ['null as view id', 'viewId: null'],
  ]) {
    test(`${name} is refused`, async () => {
      const error = await failure(node.endpoint, `{ found: ${note}(${argument}) { meta { viewId } } }`);
      assert.match(error.message, /Invalid value for argument "(id|viewId)", expected type "Document(View)?Id"/);
      assert.equal(error.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    });
  }
});

describe('GraphQL', () => {
  let id;

  before(async () => {
    id = await alice.create(note, { text: 'here', number: 7 });
  });

  test('aliases, fragments, type names and operation names work together', async () => {
    const response = await fetch(node.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        operationName: 'Second',
        variables: { id },
        query: `
          query First { all_${note} { totalCount } }
          query Second($id: DocumentId!) {
            __typename
            a: ${note}(id: $id) { ...all __typename }
            b: ${note}(id: $id) { ... on ${note} { fields { t: text ... { n: number } } } }
          }
          fragment all on ${note} { fields { ...values } meta { owner __typename } }
          fragment values on ${note}Fields { text number __typename }`,
      }),
    });
    assert.deepEqual(await response.json(), {
      data: {
        __typename: 'Query',
        a: {
          fields: { text: 'here', number: 7, __typename: `${note}Fields` },
          meta: { owner: alice.publicKey, __typename: 'DocumentMeta' },
          __typename: note,
        },
        b: { fields: { t: 'here', n: 7 } },
      },
    });
  });

  test('include and skip take parts in and out', async () => {
    const query = `query ($yes: Boolean!) { found: ${note}(id: "${id}") {
      fields { text @include(if: $yes) number @skip(if: $yes) }
      meta @skip(if: true) { owner }
    } }`;
    assert.deepEqual(await data(node.endpoint, query, { yes: true }), { found: { fields: { text: 'here' } } });
    assert.deepEqual(await data(node.endpoint, query, { yes: false }), { found: { fields: { number: 7 } } });
  });

  test('documents may be selected twice under two names with other fields', async () => {
    const { all } = await data(node.endpoint, `{ all: all_${note}(meta: { documentId: { eq: "${id}" } }) {
      a: documents { fields { text } } b: documents { fields { number } } c: documents { cursor }
    } }`);
    assert.deepEqual([all.a, all.b], [[{ fields: { text: 'here' } }], [{ fields: { number: 7 } }]]);
    assert.equal(typeof all.c[0].cursor, 'string');
  });

  test('the same field asked for twice is merged', async () => {
    const { found } = await data(node.endpoint, `{
      found: ${note}(id: "${id}") { fields { text } }
      found: ${note}(id: "${id}") { fields { number } }
    }`);
    assert.deepEqual(found, { fields: { text: 'here', number: 7 } });
  });

  for (const [name, query, variables, code] of [
    ['an unknown field', (s) => `{ ${s}(id: "x") { nothing } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown root field', () => '{ nothing }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown argument', (s) => `{ all_${s}(last: 1) { totalCount } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['an object without a selection', (s) => `{ all_${s} }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a leaf with a selection', (s) => `{ all_${s} { totalCount { x } } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a variable that is not defined', (s) => `{ all_${s}(first: $n) { totalCount } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a variable that is not used', (s) => `query ($n: Int) { all_${s} { totalCount } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a variable without a value', (s) => `query ($n: Int!) { all_${s}(first: $n) { totalCount } }`, {}, 'BAD_USER_INPUT'],
    ['a variable with a wrong value', (s) => `query ($n: Int) { all_${s}(first: $n) { totalCount } }`, { n: 'x' }, 'BAD_USER_INPUT'],
    ['a null variable', (s) => `query ($n: Int) { all_${s}(first: $n) { totalCount } }`, { n: null }, 'BAD_USER_INPUT'],
    ['a fragment in itself', (s) => `{ all_${s} { ...a } } fragment a on ${s}Collection { ...a }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown fragment', (s) => `{ all_${s} { ...a } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown directive', (s) => `{ all_${s} @defer { totalCount } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a subscription', (s) => `subscription { all_${s} { totalCount } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['conflicting fields', (s) => `{ a: all_${s}(first: 1) { totalCount } a: all_${s}(first: 2) { totalCount } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['what is no GraphQL', () => '{ all_', {}, 'GRAPHQL_PARSE_FAILED'],
    ['an empty query', () => '', {}, 'GRAPHQL_PARSE_FAILED'],
    ['several operations without a choice', (s) => `query A { all_${s} { totalCount } } query B { all_${s} { totalCount } }`, {}, 'OPERATION_RESOLUTION_FAILURE'],
  ]) {
    test(`${name} is refused`, async () => {
      const answer = await request(node.endpoint, query(note), variables);
      assert.equal(answer.data ?? null, null);
      assert.equal(answer.errors[0].extensions.code, code, answer.errors[0].message);
    });
  }

  test('errors say where in the request and where in the answer', async () => {
    const answer = await request(node.endpoint, `{\n  good: ${note}(id: "${id}") { fields { number } }\n  bad: ${note} { meta { owner } }\n}`);
    assert.deepEqual(answer.data, { good: { fields: { number: 7 } }, bad: null });
    assert.equal(answer.errors.length, 1);
    assert.deepEqual(answer.errors[0].path, ['bad']);
    assert.deepEqual(answer.errors[0].locations, [{ line: 3, column: 3 }]);
  });

  test('a field that has to be there takes all data with it', async () => {
    const answer = await request(node.endpoint, `{ good: ${note}(id: "${id}") { fields { number } } bad: all_${note}(first: 0) { totalCount } }`);
    assert.equal(answer.data, null);
    assert.deepEqual(answer.errors[0].path, ['bad']);
  });
});

describe('nextArgs', () => {
  const ask = (args) => data(node.endpoint, `{ next: nextArgs(${args}) { logId seqNum backlink skiplink __typename } }`);

  test('begins with log 0 for a new key, and with the next log for a new document', async () => {
    const author = new Author(node.endpoint);
    const fresh = { seqNum: '1', backlink: null, skiplink: null, __typename: 'NextArguments' };
    assert.deepEqual(await ask(`publicKey: "${author.publicKey}"`), { next: { logId: '0', ...fresh } });
    await author.create(note, { text: 'a', number: 1 });
    assert.deepEqual(await ask(`publicKey: "${author.publicKey}"`), { next: { logId: '1', ...fresh } });
    assert.deepEqual(await ask(`viewId: null, publicKey: "${author.publicKey}"`), { next: { logId: '1', ...fresh } });
  });

  test('links the entries of a log as Bamboo asks for', async () => {
    const author = new Author(node.endpoint);
    const ids = [await author.create(note, { text: 'a', number: 0 })];
    for (let number = 1; number < 13; number += 1) ids.push(await author.update(note, ids.at(-1), { number }));
    for (const [of, backlink, skiplink] of [[2, 1, null], [4, 3, 1], [8, 7, 4], [13, 12, 4]]) {
      const entry = await data(node.endpoint, `{ logEntries(publicKey: "${author.publicKey}", logId: "0", from: "${of}", first: 1) { entry } }`);
      const decoded = decodeEntry(entry.logEntries[0].entry);
      assert.equal(decoded.backlink, ids[backlink - 1]);
      assert.equal(decoded.skiplink ?? null, skiplink && ids[skiplink - 1]);
    }
    const { next } = await ask(`publicKey: "${author.publicKey}", viewId: "${ids.at(-1)}"`);
    assert.deepEqual(next, { logId: '0', seqNum: '14', backlink: ids[12], skiplink: null, __typename: 'NextArguments' });
  });

  test('takes any operations of a document, in any order of the arguments', async () => {
    const id = await alice.create(note, { text: 'a', number: 1 });
    const second = await alice.update(note, id, { number: 2 });
    const third = await alice.update(note, second, { number: 3 });
    const view = [id, third].sort().join('_');
    const { next } = await ask(`viewId: "${view}", publicKey: "${alice.publicKey}"`);
    assert.equal(next.seqNum, '4');
    assert.equal(next.backlink, third);
    const { next: forBob } = await ask(`viewId: "${second}", publicKey: "${bob.publicKey}"`);
    assert.equal(forBob.seqNum, '1', 'another key begins a log of its own');
  });

  test('has no side effects', async () => {
    const author = new Author(node.endpoint);
    const first = await ask(`publicKey: "${author.publicKey}"`);
    assert.deepEqual(await ask(`publicKey: "${author.publicKey}"`), first);
  });
});

test('publish answers when its effects can be seen', async () => {
  const author = new Author(node.endpoint);
  for (let number = 0; number < 20; number += 1) {
    const id = await author.create(note, { text: 'seen', number });
    assert.deepEqual(await byId(node.endpoint, note, id, 'fields { number }'), { fields: { number } });
    await author.delete(note, id);
    assert.equal(await byId(node.endpoint, note, id), null);
  }
  assert.deepEqual(await column(node.endpoint, note, 'text', 'filter: { text: { eq: "seen" } }'), []);
});

test('several mutations of one request are carried out in order', async () => {
  const author = new Author(node.endpoint);
  const first = forge(operation(0, note, { number: 1, text: 'batch' }), {}, author.keyPair);
  const second = forge(operation(0, note, { number: 2, text: 'batch' }), { logId: 1 }, author.keyPair);
  const answer = await data(node.endpoint, `mutation ($e1: String!, $o1: String!, $e2: String!, $o2: String!) {
    one: publish(entry: $e1, operation: $o1) { backlink }
    two: publish(operation: $o2, entry: $e2) { backlink logId seqNum }
  }`, { e1: first.entry, o1: first.operation, e2: second.entry, o2: second.operation.toUpperCase() });
  assert.deepEqual(answer, { one: { backlink: first.id }, two: { backlink: second.id, logId: '1', seqNum: '2' } });
});
