// The published high-level client, shirokuma 0.1.3, against a node, unchanged.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { KeyPair, OperationFields, Session } from 'shirokuma';

import { Author, publishSchema } from './support/author.js';
import { data } from './support/graphql.js';
import { startNode } from './support/node.js';

let node, schema;

before(async () => {
  node = await startNode();
  const author = new Author(node.endpoint);
  schema = await publishSchema(author, 'chat', 'Messages', { message: 'str', likes: 'int' });
});

after(() => node.stop());

const messages = async (filter = '') => {
  const { all } = await data(node.endpoint, `{ all: all_${schema}(first: 1000, ${filter}) {
    documents { meta { documentId viewId owner } fields { message likes } }
  } }`);
  return all.documents;
};

test('a session creates, updates and deletes', async () => {
  const session = new Session(node.endpoint).setKeyPair(new KeyPair()).setSchemaId(schema);
  const id = await session.create({ message: 'ahoy', likes: 0 });
  const view = await session.update({ message: 'ahoy again', likes: 1 }, id);
  const owner = session.keyPair.publicKey();
  const [message] = await messages(`meta: { owner: { eq: "${owner}" } }`);
  assert.deepEqual(message, {
    meta: { documentId: id, viewId: view, owner },
    fields: { message: 'ahoy again', likes: 1 },
  });
  await session.delete(view);
  assert.deepEqual(await messages(`meta: { owner: { eq: "${owner}" } }`), []);
});

test('fields may be given with their types', async () => {
  const session = new Session(node.endpoint).setKeyPair(new KeyPair()).setSchemaId(schema);
  const fields = new OperationFields();
  fields.insert('message', 'str', 'typed');
  fields.insert('likes', 'int', 9007199254740993n);
  await session.create(fields);
  const answer = await fetch(node.endpoint, {
    method: 'POST',
    body: JSON.stringify({ query: `{ all: all_${schema}(filter: { message: { eq: "typed" } }) { documents { fields { likes } } } }` }),
  });
  // JavaScript would round the number: it is looked for in the text.
  assert.match(await answer.text(), /"likes":\s*9007199254740993/);
});

test('sessions of several keys work at once', async () => {
  const sessions = Array.from({ length: 6 }, () =>
    new Session(node.endpoint).setKeyPair(new KeyPair()).setSchemaId(schema));
  await Promise.all(sessions.map(async (session, index) => {
    for (let likes = 0; likes < 8; likes += 1) {
      const id = await session.create({ message: `session ${index}`, likes });
      await session.update({ message: `session ${index}, edited` }, id);
    }
  }));
  const found = await messages('filter: { message: { contains: ", EDITED" } }');
  assert.equal(found.length, 48);
});

test('a blob is published in pieces and served again', async () => {
  // The client reads blobs with the browser's FileReader, which Node.js does not have.
  globalThis.FileReader ??= class {
    readAsArrayBuffer(blob) {
      blob.arrayBuffer().then((result) => {
        this.result = result;
        const event = { target: this };
        this.onload?.(event);
        this.onloadend?.(event);
      });
    }
  };
  const session = new Session(node.endpoint).setKeyPair(new KeyPair());
  const bytes = new Uint8Array(600_000).map((_, index) => index * 7);
  const id = await session.createBlob(new Blob([bytes], { type: 'image/png' }));
  const response = await fetch(`${node.origin}/blobs/${id}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'image/png');
  assert.equal(response.headers.get('content-length'), '600000');
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), bytes);
});
