// The snippets of the book, page `guide/web-client.md`, against a node. What stands between anchors
// is what the book shows.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Author, publishSchema } from './support/author.js';
import { startNode } from './support/node.js';

const node = await startNode();
after(() => node.stop());
const endpoint = node.endpoint;
const fields = { name: 'str', edible: 'bool' };
const schemaId = await publishSchema(new Author(endpoint), 'mushroom', '', fields);

// ANCHOR: write
import { KeyPair, Session } from 'shirokuma';

const keyPair = new KeyPair();
const session = new Session(endpoint).setKeyPair(keyPair).setSchemaId(schemaId);

const id = await session.create({ name: 'Chanterelle', edible: true });
const viewId = await session.update({ name: 'Girolle' }, id);
// ANCHOR_END: write

// ANCHOR: read
async function ask(query, variables = {}) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${errors[0].extensions.code}: ${errors[0].message}`);
  return data;
}

const { mushrooms } = await ask(
  `query ($after: Cursor) {
    mushrooms: all_${schemaId}(filter: { edible: { eq: true } }, orderBy: name, first: 20, after: $after) {
      hasNextPage
      endCursor
      documents { meta { documentId viewId } fields { name } }
    }
  }`,
);
// ANCHOR_END: read

test('what was written is read', () => {
  const meta = { documentId: id, viewId };
  assert.deepEqual(mushrooms.documents, [{ meta, fields: { name: 'Girolle' } }]);
});

test('a page follows by its cursor', async () => {
  const query = `query ($after: Cursor) { all: all_${schemaId}(filter: { name: { eq: "Girolle" } }, orderBy: name, after: $after) { documents { cursor } } }`;
  assert.deepEqual((await ask(query, { after: mushrooms.endCursor })).all.documents, []);
});

test('concurrent changes are merged', async () => {
  const bo = new Session(endpoint).setKeyPair(new KeyPair()).setSchemaId(schemaId);
  await Promise.all([
    session.update({ name: 'Pfifferling' }, viewId),
    bo.update({ edible: false }, viewId),
  ]);
  // ANCHOR: merge
  const { mushroom } = await ask(`{
    mushroom: ${schemaId}(id: "${id}") { meta { viewId } fields { name edible } }
  }`);
  await session.update({ edible: true }, mushroom.meta.viewId);
  // ANCHOR_END: merge
  assert.equal(mushroom.meta.viewId.split('_').length, 2);
  const { merged } = await ask(`{ merged: ${schemaId}(id: "${id}") { meta { viewId } fields { name edible } } }`);
  assert.equal(merged.meta.viewId.split('_').length, 1);
  assert.deepEqual(merged.fields, { name: 'Pfifferling', edible: true });
});

test('keys are kept as text', () => {
  // ANCHOR: keys
  const secret = keyPair.privateKey(); // 64 digits, to be stored
  const again = new KeyPair(secret);
  // ANCHOR_END: keys
  assert.equal(again.publicKey(), keyPair.publicKey());
});

// ANCHOR: low
import { OperationFields, encodeOperation, generateHash, signAndEncodeEntry } from 'p2panda-js';

async function create(fields) {
  const { nextArgs } = await ask(
    `query ($publicKey: PublicKey!) { nextArgs(publicKey: $publicKey) { logId seqNum } }`,
    { publicKey: keyPair.publicKey() },
  );
  const operation = encodeOperation({ action: 'create', schemaId, fields });
  const entry = signAndEncodeEntry({ ...nextArgs, operation }, keyPair);
  await ask(
    `mutation ($entry: EncodedEntry!, $operation: EncodedOperation!) {
      publish(entry: $entry, operation: $operation) { backlink }
    }`,
    { entry, operation },
  );
  return generateHash(entry); // the id of the document
}

const parasol = await create(new OperationFields({ name: 'Parasol', edible: true }));
// ANCHOR_END: low

test('an entry signed by hand is published', async () => {
  const { found } = await ask(`{ found: ${schemaId}(id: "${parasol}") { fields { name edible } } }`);
  assert.deepEqual(found.fields, { name: 'Parasol', edible: true });
});
