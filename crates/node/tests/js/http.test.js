// HTTP: methods, paths, content types, origins, GET, compression, limits, and bodies that are none.
import assert from 'node:assert/strict';
import { request as rawRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Author, PUBLISH, publishSchema } from './support/author.js';
import { forge, operation } from './support/forge.js';
import { data, failure } from './support/graphql.js';
import { run, startNode } from './support/node.js';

let node, alice, schema;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  schema = await publishSchema(alice, 'note', '', { text: 'str' });
});

after(() => node.stop());

const QUERY = '{ __typename }';
const ANSWER = { data: { __typename: 'Query' } };

const post = (body, headers = {}) => fetch(node.endpoint, { method: 'POST', headers, body });

const get = (parameters, headers = {}) =>
  fetch(`${node.endpoint}?${new URLSearchParams(parameters)}`, { headers });

/** Sends a request without the headers that `fetch` adds. */
const plain = (options, body) => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(node.origin);
  const request = rawRequest({ hostname, port, path: '/graphql', method: 'POST', ...options }, (response) => {
    const parts = [];
    response.on('data', (part) => parts.push(part));
    response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() }));
  });
  request.on('error', reject);
  request.end(body);
});

describe('a request', () => {
  for (const type of [
    'application/json', 'application/json; charset=utf-8', 'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded', 'application/graphql-response+json',
  ]) {
    test(`of type ${type} is read as JSON`, async () => {
      const response = await post(JSON.stringify({ query: QUERY }), { 'content-type': type });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.deepEqual(await response.json(), ANSWER);
    });
  }

  test('without a type, or in chunks, is read as JSON', async () => {
    const body = JSON.stringify({ query: QUERY });
    const untyped = await plain({}, body);
    assert.deepEqual([untyped.status, JSON.parse(untyped.text)], [200, ANSWER]);
    const chunked = await plain({ headers: { 'transfer-encoding': 'chunked' } }, body);
    assert.deepEqual([chunked.status, JSON.parse(chunked.text)], [200, ANSWER]);
  });

  test('may hold nulls and more than is known', async () => {
    const response = await post(JSON.stringify({ query: QUERY, variables: null, operationName: null, extensions: {}, other: 1 }));
    assert.deepEqual(await response.json(), ANSWER);
  });

  test('may give variables that are not declared', async () => {
    const response = await post(JSON.stringify({ query: QUERY, variables: { unused: 1 } }));
    assert.deepEqual(await response.json(), ANSWER);
  });

  for (const [name, body, status, code] of [
    ['nothing', '', 400, 'BAD_REQUEST'],
    ['no JSON', QUERY, 400, 'BAD_REQUEST'],
    ['broken JSON', '{"query": "{', 400, 'BAD_REQUEST'],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'BAD_REQUEST'],
    ['several requests', JSON.stringify([{ query: QUERY }]), 400, 'BATCH_NOT_SUPPORTED'],
    ['a text', '"query"', 400, 'BAD_REQUEST'],
    ['null', 'null', 400, 'BAD_REQUEST'],
    ['a query that is none', '{"query": 1}', 400, 'BAD_REQUEST'],
    ['variables in a list', JSON.stringify({ query: QUERY, variables: [] }), 400, 'BAD_REQUEST'],
    ['an operation name that is none', JSON.stringify({ query: QUERY, operationName: 1 }), 400, 'BAD_REQUEST'],
    ['very deep JSON', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 400, 'BAD_REQUEST'],
    ['heavy JSON', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 413, 'LIMIT_EXCEEDED'],
    ['no query', '{}', 200, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown operation name', JSON.stringify({ query: QUERY, operationName: 'x' }), 200, 'OPERATION_RESOLUTION_FAILURE'],
  ]) {
    test(`that holds ${name} is answered with ${status}`, async () => {
      const response = await post(body, { 'content-type': 'application/json' });
      assert.equal(response.status, status);
      assert.equal(response.headers.get('content-type'), 'application/json');
      const answer = await response.json();
      assert.equal(answer.errors[0].extensions.code, code);
      assert.equal(answer.data ?? null, null);
    });
  }

  test('of more bytes than the limit is refused', async () => {
    const body = JSON.stringify({ query: QUERY, filler: ' '.repeat(4 * 1024 * 1024) });
    const refused = await plain({ headers: { 'content-length': 5 * 1024 * 1024, expect: '100-continue' } });
    assert.equal(refused.status, 413);
    assert.equal(JSON.parse(refused.text).errors[0].extensions.code, 'BODY_TOO_LARGE');
    const within = JSON.stringify({ query: QUERY, filler: ' '.repeat(4 * 1024 * 1024 - 100) });
    assert.ok(within.length < 4 * 1024 * 1024 && body.length > 4 * 1024 * 1024);
    assert.deepEqual(await (await post(within)).json(), ANSWER);
  });

  test('with a large operation is taken', async () => {
    const text = 'x'.repeat(500 * 1024);
    const signed = forge(operation(0, schema, { text }));
    const { publish } = await data(node.endpoint, PUBLISH, { entry: signed.entry, operation: signed.operation });
    assert.equal(publish.backlink, signed.id);
    const larger = forge(operation(0, schema, { text: 'x'.repeat(520 * 1024) }));
    const error = await failure(node.endpoint, PUBLISH, { entry: larger.entry, operation: larger.operation });
    assert.equal(error.extensions.code, 'OPERATION_MALFORMED');
    await alice.delete(schema, signed.id);
  });
});

describe('GET', () => {
  test('asks queries', async () => {
    for (const parameters of [
      { query: QUERY },
      { query: 'query Q { __typename } query R { x: __typename }', operationName: 'Q' },
      { query: 'query ($yes: Boolean!) { __typename @include(if: $yes) }', variables: '{"yes":true}' },
      { query: QUERY, variables: '', operationName: '' },
    ]) {
      const response = await get(parameters);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.deepEqual(await response.json(), ANSWER);
    }
  });

  test('does not publish', async () => {
    const { entry, operation: payload } = forge(operation(0, schema, { text: 'by GET' }));
    const response = await get({ query: PUBLISH, variables: JSON.stringify({ entry, operation: payload }) });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'POST');
    assert.equal((await response.json()).errors[0].extensions.code, 'MUTATION_NOT_ALLOWED');
    const { all } = await data(node.endpoint, `{ all: all_${schema} { totalCount } }`);
    assert.equal(all.totalCount, 0);
  });

  test('with parameters that are none is answered with 400', async () => {
    for (const parameters of [{ query: QUERY, variables: '{' }, { query: QUERY, variables: '[]' }]) {
      const response = await get(parameters);
      assert.equal(response.status, 400);
      assert.equal((await response.json()).errors[0].extensions.code, 'BAD_REQUEST');
    }
    const response = await get({}, { accept: 'application/json' });
    assert.equal(response.status, 400);
  });

  test('from a browser shows a page that needs nothing from elsewhere', async () => {
    const response = await get({}, { accept: 'text/html,*/*' });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /^text\/html/);
    assert.match(response.headers.get('content-security-policy'), /default-src 'none'/);
    assert.doesNotMatch(await response.text(), /(src|href)="?(https?:)?\/\//);
  });

  test('can be asked as HEAD', async () => {
    const response = await fetch(node.endpoint, { method: 'HEAD' });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '');
  });
});

describe('paths and methods', () => {
  for (const path of ['/', '/graphql/', '/graphql/x', '/blobs', '/metric', '/%00', '//graphql', '/GRAPHQL']) {
    test(`${path} is not found`, async () => {
      const response = await fetch(`${node.origin}${path}`);
      assert.equal(response.status, 404);
      assert.equal(await response.text(), '');
    });
  }

  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    test(`${method} is not allowed`, async () => {
      const response = await fetch(node.endpoint, { method });
      assert.equal(response.status, 405);
      assert.deepEqual(response.headers.get('allow').split(/, ?/).sort(), ['GET', 'HEAD', 'POST']);
    });
  }

  test('/health counts what is stored', async () => {
    const response = await fetch(`${node.origin}/health`);
    assert.equal(response.status, 200);
    const health = await response.json();
    assert.equal(health.status, 'ok');
    assert.ok(health.entries >= 2 && health.documents >= 2 && health.schemas >= 5);
  });
});

describe('pages of other origins', () => {
  test('may ask beforehand', async () => {
    for (const path of ['/graphql', '/blobs/x', '/health', '/nothing']) {
      const response = await fetch(`${node.origin}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://example.org', 'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type', 'access-control-request-private-network': 'true',
        },
      });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('access-control-allow-origin'), '*');
      assert.equal(response.headers.get('access-control-allow-methods'), 'GET,POST,OPTIONS');
      assert.equal(response.headers.get('access-control-allow-headers'), 'content-type');
      assert.equal(response.headers.get('access-control-allow-private-network'), 'true');
      assert.equal(response.headers.get('access-control-allow-credentials'), null);
    }
  });

  test('may read every answer', async () => {
    for (const [path, options] of [
      ['/graphql', { method: 'POST', body: JSON.stringify({ query: QUERY }) }],
      ['/graphql', { method: 'POST', body: 'x' }], ['/graphql', {}], ['/nothing', {}], ['/blobs/x', {}],
      ['/graphql', { method: 'PUT' }], ['/health', {}],
    ]) {
      for (const headers of [{}, { origin: 'https://example.org' }]) {
        const response = await fetch(node.origin + path, { ...options, headers });
        assert.equal(response.headers.get('access-control-allow-origin'), '*', path);
        assert.match(response.headers.get('vary'), /origin, access-control-request-method, access-control-request-headers/);
      }
    }
  });
});

describe('answers', () => {
  const big = JSON.stringify({ query: '{ __schema { types { name fields { name } } } }' });

  test('are compressed for clients that take it', async () => {
    for (const [accepted, encoding] of [
      ['gzip', 'gzip'], ['br, gzip;q=0.5', 'gzip'], ['*', 'gzip'], ['identity', undefined], ['gzip;q=0', undefined], ['br', undefined],
    ]) {
      const { headers, text } = await plain({ headers: { 'accept-encoding': accepted } }, big);
      assert.equal(headers['content-encoding'], encoding, accepted);
      assert.match(headers.vary, /accept-encoding/);
      if (!encoding) assert.ok(JSON.parse(text).data);
    }
    const whole = await (await post(big)).json();
    assert.ok(whole.data.__schema.types.length > 10);
  });

  test('are not kept by caches', async () => {
    assert.equal((await get({ query: QUERY })).headers.get('cache-control'), 'no-store');
  });

  test('come for many requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, async (_, index) =>
      (await post(JSON.stringify({ query: `{ a${index}: __typename all_${schema} { totalCount } }` }))).json()));
    for (const [index, { data }] of answers.entries()) {
      assert.deepEqual(data, { [`a${index}`]: 'Query', [`all_${schema}`]: { totalCount: 0 } });
    }
  });
});

describe('limits', () => {
  const code = async (query, at = node) => (await failure(at.endpoint, query)).extensions.code;

  test('on depth: what is nested deeper than 32 levels is refused', async () => {
    const nested = (depth) => `{ __schema { types { ${'ofType { '.repeat(depth)}name${' }'.repeat(depth)} } } }`;
    assert.ok(await data(node.endpoint, nested(25)));
    assert.equal(await code(nested(40)), 'LIMIT_EXCEEDED');
    assert.ok(['LIMIT_EXCEEDED', 'GRAPHQL_PARSE_FAILED'].includes(await code(nested(20_000))));
  });

  test('on fields at the root', async () => {
    const many = (count) => `{ ${Array.from({ length: count }, (_, index) => `f${index}: __typename`).join(' ')} }`;
    assert.equal(Object.keys(await data(node.endpoint, many(100))).length, 100);
    assert.equal(await code(many(101)), 'LIMIT_EXCEEDED');
  });

  test('on fields in all, those of fragments each time they are used', async () => {
    const fragments = Array.from({ length: 13 }, (_, index) =>
      `fragment f${index} on __Type { a: ofType { ...f${index + 1} } b: ofType { ...f${index + 1} } }`);
    const query = `{ __schema { types { ...f0 } } } ${fragments.join(' ')} fragment f13 on __Type { name }`;
    assert.equal(await code(query), 'LIMIT_EXCEEDED');
  });

  test('can be set', async () => {
    const small = await startNode({ args: ['--limit', 'page=3', '--limit', 'depth=4', '--limit', 'body_bytes=2000', '--limit', 'root_fields=2'] });
    const first = (count) => `{ all_blob_v1(first: ${count}) { totalCount } }`;
    assert.ok(await data(small.endpoint, first(3)));
    assert.equal(await code(first(4), small), 'LIMIT_EXCEEDED');
    assert.ok(await data(small.endpoint, '{ all_blob_v1 { totalCount } }'), 'what is not asked for is within the limit');
    assert.equal(await code('{ all_blob_v1 { documents { fields { pieces { documents { fields { data } } } } } } }', small), 'LIMIT_EXCEEDED');
    assert.equal(await code('{ a: __typename b: __typename c: __typename }', small), 'LIMIT_EXCEEDED');
    const response = await fetch(small.endpoint, { method: 'POST', body: ' '.repeat(2001) });
    assert.equal(response.status, 413);
    assert.equal((await small.stop()).code, 0);
  });
});

describe('the program', () => {
  test('does not start on an address that is taken', async () => {
    const { host } = new URL(node.origin);
    const { code, stderr } = await run(['node', '--offline', '--in-memory', '--http', host]);
    assert.equal(code, 6);
    assert.match(stderr, /in use|taken/);
  });

  test('does not share a data directory', async () => {
    const { code } = await run(['node', '--offline', '--http', '127.0.0.1:0', '--data-dir', node.dataDir]);
    assert.equal(code, 6);
  });

  test('listens on loopback addresses alone', () => {
    assert.ok(['127.0.0.1', '[::1]'].includes(new URL(node.origin).hostname));
  });
});
