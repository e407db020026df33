// Blobs over HTTP: their bytes, parts, caches, states, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, PUBLISH, publishSchema, typed } from './support/author.js';
import { blobFields, noise, publishBlob } from './support/blobs.js';
import { failure } from './support/graphql.js';
import { startNode } from './support/node.js';
import { byId } from './support/query.js';

const UNKNOWN = `0020${'ab'.repeat(32)}`;

let node, alice;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
});

after(() => node.stop());

// `identity` keeps the client from undoing encodings, so that headers are those of the node.
const get = (path, headers = {}, method = 'GET') =>
  fetch(`${node.origin}${path}`, { method, headers: { 'accept-encoding': 'identity', ...headers } });

const bytesOf = async (response) => new Uint8Array(await response.arrayBuffer());

describe('the bytes', () => {
  for (const length of [0, 1, 255_999, 256_000, 256_001, 700_000]) {
    test(`of ${length} in pieces of 256,000 come back`, async () => {
      const bytes = noise(length);
      const { id } = await publishBlob(alice, bytes);
      const response = await get(`/blobs/${id}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-length'), `${length}`);
      assert.deepEqual(await bytesOf(response), bytes);
    });
  }

  test('are the pieces in their order, repetitions included', async () => {
    const text = (part) => alice.create('blob_piece_v1', { data: Buffer.from(part) });
    const [one, two] = [await text('one '), await text('two ')];
    const id = await alice.create('blob_v1', blobFields(12, [two, one, two], 'text/plain'));
    assert.equal(await (await get(`/blobs/${id}`)).text(), 'two one two ');
  });

  test('of pieces are those of their pinned state', async () => {
    const piece = await alice.create('blob_piece_v1', { data: Buffer.from('old') });
    const id = await alice.create('blob_v1', blobFields(3, [piece], 'text/plain'));
    const view = await alice.update('blob_piece_v1', piece, { data: Buffer.from('newer') });
    assert.equal(await (await get(`/blobs/${id}`)).text(), 'old');
    const newer = await alice.create('blob_v1', blobFields(5, [view], 'text/plain'));
    assert.equal(await (await get(`/blobs/${newer}`)).text(), 'newer');
  });

  test('are there for many clients at once', async () => {
    const bytes = noise(1_000_000);
    const { id } = await publishBlob(alice, bytes);
    const all = await Promise.all(Array.from({ length: 12 }, async () => bytesOf(await get(`/blobs/${id}`))));
    for (const found of all) assert.deepEqual(found, bytes);
  });

  test('of pieces can be queried as documents', async () => {
    const { id, pieces } = await publishBlob(alice, Buffer.from('abc'), { pieceSize: 2, mimeType: 'text/plain' });
    assert.deepEqual((await byId(node.endpoint, 'blob_piece_v1', pieces[0], 'fields { data }')).fields, { data: '6162' });
    const { fields } = await byId(node.endpoint, 'blob_v1', id, 'fields { length mime_type pieces { totalCount documents { fields { data } } } }');
    assert.deepEqual(fields, {
      length: 3,
      mime_type: 'text/plain',
      pieces: { totalCount: 2, documents: [{ fields: { data: '6162' } }, { fields: { data: '63' } }] },
    });
  });
});

describe('headers', () => {
  let id;

  before(async () => {
    ({ id } = await publishBlob(alice, Buffer.from('0123456789'), { mimeType: 'image/svg+xml', pieceSize: 4 }));
  });

  test('tell type, length, state and how long to keep it', async () => {
    for (const [path, caching] of [
      [`/blobs/${id}`, 'no-cache'], [`/blob/${id}`, 'no-cache'],
      [`/blobs/${id}/${id}`, 'public, max-age=31536000, immutable'],
      [`/blob/${id}/${id}`, 'public, max-age=31536000, immutable'],
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await get(path, {}, method);
        assert.equal(status, 200);
        const expected = {
          'content-type': 'image/svg+xml', 'content-length': '10', 'accept-ranges': 'bytes', etag: `"${id}"`,
          'cache-control': caching, 'access-control-allow-origin': '*', 'x-content-type-options': 'nosniff',
        };
        for (const [name, value] of Object.entries(expected)) assert.equal(headers.get(name), value, `${method} ${path} ${name}`);
      }
    }
  });

  test('of HEAD come without bytes', async () => {
    const response = await get(`/blobs/${id}`, {}, 'HEAD');
    assert.equal((await bytesOf(response)).length, 0);
  });

  for (const [name, etag, status] of [
    ['the same state', (etag) => etag, 304],
    ['a weak one', (etag) => `W/${etag}`, 304],
    ['one of several', (etag) => `"other", ${etag}`, 304],
    ['any', () => '*', 304],
    ['another state', () => `"${UNKNOWN}"`, 200],
  ]) {
    test(`if-none-match with ${name}: ${status}`, async () => {
      const response = await get(`/blobs/${id}`, { 'if-none-match': etag(`"${id}"`), 'cache-control': 'no-transform' });
      assert.equal(response.status, status);
      assert.equal((await bytesOf(response)).length, status === 304 ? 0 : 10);
      assert.equal(response.headers.get('etag'), `"${id}"`);
    });
  }

  for (const [range, status, body, part] of [
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=2-5', 206, '2345', 'bytes 2-5/10'],
    ['bytes=3-4', 206, '34', 'bytes 3-4/10'],
    ['bytes=8-', 206, '89', 'bytes 8-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=5-4', 200, '0123456789', null],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ]) {
    test(`range ${range}: ${status}`, async () => {
      const response = await get(`/blobs/${id}`, { range });
      assert.equal(response.status, status);
      assert.equal(response.headers.get('content-range'), part);
      assert.equal(await response.text(), body);
    });
  }

  test('if-range asks for all bytes when the state changed', async () => {
    const ask = (etag) => get(`/blobs/${id}`, { range: 'bytes=0-1', 'if-range': etag });
    assert.equal((await ask(`"${id}"`)).status, 206);
    assert.equal((await ask('"other"')).status, 200);
  });
});

describe('states', () => {
  test('an updated blob has a new one, and the old one stays', async () => {
    const { id } = await publishBlob(alice, Buffer.from('first'), { mimeType: 'text/plain' });
    const piece = await alice.create('blob_piece_v1', { data: Buffer.from('second') });
    const { pieces, length } = blobFields(6, [piece]);
    const view = await alice.update('blob_v1', id, { length, pieces });
    const text = async (path) => (await get(path)).text();
    assert.equal(await text(`/blobs/${id}`), 'second');
    assert.equal(await text(`/blobs/${id}/${view}`), 'second');
    assert.equal(await text(`/blobs/${id}/${id}`), 'first');
    assert.equal((await get(`/blobs/${id}`)).headers.get('etag'), `"${view}"`);
    const typed = await alice.update('blob_v1', view, { mime_type: 'text/html' });
    const response = await get(`/blobs/${id}`);
    assert.equal(response.headers.get('content-type'), 'text/html');
    assert.equal(response.headers.get('etag'), `"${typed}"`);
    assert.equal(await response.text(), 'second');
  });

  test('a blob that others relate to can be found through them', async () => {
    const schema = await publishSchema(alice, 'album', '', { cover: 'relation(blob_v1)', original: 'pinned_relation(blob_v1)' });
    const { id } = await publishBlob(alice, Buffer.from('cover'), { mimeType: 'image/png' });
    const album = await alice.create(schema, {
      cover: { type: 'relation', value: id }, original: { type: 'pinned_relation', value: [id] },
    });
    await alice.update('blob_v1', id, { mime_type: 'image/webp' });
    const { fields } = await byId(node.endpoint, schema, album,
      'fields { cover { fields { mime_type } } original { meta { documentId viewId } fields { mime_type } } }');
    assert.equal(fields.cover.fields.mime_type, 'image/webp');
    assert.equal(fields.original.fields.mime_type, 'image/png');
    const { documentId, viewId } = fields.original.meta;
    assert.equal((await get(`/blobs/${documentId}/${viewId}`)).headers.get('content-type'), 'image/png');
  });

  test('a deleted blob is gone with all of them', async () => {
    const { id } = await publishBlob(alice, Buffer.from('gone'));
    await alice.delete('blob_v1', id);
    for (const path of [`/blobs/${id}`, `/blobs/${id}/${id}`]) assert.equal((await get(path)).status, 404);
  });

  test('blobs are there after a restart', async () => {
    const first = await startNode();
    const bytes = noise(300_000);
    const { id } = await publishBlob(new Author(first.endpoint), bytes);
    await first.stop({ keep: true });
    const second = await startNode({ dataDir: first.dataDir });
    assert.deepEqual(await bytesOf(await fetch(`${second.origin}/blobs/${id}`)), bytes);
    await second.stop();
  });
});

describe('what is no blob', () => {
  test('is not found', async () => {
    const { id, pieces: [piece] } = await publishBlob(alice, Buffer.from('x'));
    const other = await publishBlob(alice, Buffer.from('y'));
    for (const path of [UNKNOWN, piece, `${id}/${UNKNOWN}`, `${id}/${piece}`, `${id}/${other.id}`, `${piece}/${piece}`]) {
      const response = await get(`/blobs/${path}`);
      assert.equal(response.status, 404, path);
      assert.equal(await response.text(), 'Could not find document');
    }
  });

  test('is a bad request where the id is none', async () => {
    for (const path of ['x', '0020', `${UNKNOWN}/x`, `${UNKNOWN}ab`, `..%2f${UNKNOWN}`, `${UNKNOWN}/${UNKNOWN}_${UNKNOWN}`]) {
      const response = await get(`/blobs/${path}`);
      assert.equal(response.status, 400, path);
      assert.match(await response.text(), /^Could not parse identifier: /);
    }
  });

  test('has no other methods and paths', async () => {
    for (const [path, status] of [['/blobs', 404], ['/blobs/', 404], [`/blobs/${UNKNOWN}/`, 404], [`/blobs/${UNKNOWN}/a/b`, 404]]) {
      assert.equal((await get(path)).status, status, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const response = await get(`/blobs/${UNKNOWN}`, {}, method);
      assert.equal(response.status, 405);
      assert.match(response.headers.get('allow'), /GET/);
    }
  });
});

describe('refused are', () => {
  const refused = async (args, code) => {
    const error = await failure(node.endpoint, PUBLISH, await alice.sign(args));
    assert.equal(error.extensions.code, code, error.message);
  };
  const create = (fields) => ({ action: 'create', schemaId: 'blob_v1', fields });
  const typedFields = (...args) => typed(blobFields(...args));

  test('blobs whose pieces are missing', async () => {
    await refused(create(typedFields(3, [UNKNOWN])), 'BLOB_PIECE_MISSING');
    const { pieces } = await publishBlob(alice, Buffer.from('abc'));
    await refused(create(typedFields(6, [...pieces, UNKNOWN])), 'BLOB_PIECE_MISSING');
  });

  test('blobs whose pieces are something else', async () => {
    const field = await alice.create('schema_field_definition_v1', { name: 'x', type: 'str' });
    await refused(create(typedFields(1, [field])), 'BLOB_PIECE_MISSING');
  });

  test('blobs whose length is not that of the pieces', async () => {
    const { pieces } = await publishBlob(alice, Buffer.from('abc'));
    for (const length of [0, 2, 4]) await refused(create(typedFields(length, pieces)), 'BLOB_LENGTH_MISMATCH');
    await refused(create(typedFields(-1, pieces)), 'SYSTEM_SCHEMA_RULE');
  });

  test('blobs without pieces', async () =>
    refused(create(typedFields(0, [])), 'SYSTEM_SCHEMA_RULE'));

  test('types of media that are none', async () => {
    const { pieces } = await publishBlob(alice, Buffer.from('abc'));
    for (const mimeType of ['', 'image', 'image/', '/png', 'Image/PNG', 'text/plain; charset=utf-8', 'text/plain\r\nx: y', 'a b/c']) {
      await refused(create(typedFields(3, pieces, mimeType)), 'SYSTEM_SCHEMA_RULE');
    }
  });

  test('pieces of more than 256,000 bytes', async () => {
    const args = { action: 'create', schemaId: 'blob_piece_v1', fields: typed({ data: new Uint8Array(256_001) }) };
    await refused(args, 'SYSTEM_SCHEMA_RULE');
  });

  test('updates of the length or the pieces alone', async () => {
    const { id, pieces } = await publishBlob(alice, Buffer.from('abc'));
    const update = (fields) => ({ action: 'update', schemaId: 'blob_v1', previous: [id], fields: typed(fields) });
    await refused(update({ length: 4 }), 'BLOB_FIELDS_APART');
    await refused(update({ pieces: blobFields(6, [...pieces, ...pieces]).pieces }), 'BLOB_FIELDS_APART');
  });
});
