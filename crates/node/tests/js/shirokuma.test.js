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

test('branches are merged by their view id', async () => {
  const [ada, bea] = [1, 2].map(() => new Session(node.endpoint).setKeyPair(new KeyPair()).setSchemaId(schema));
  const id = await ada.create({ message: 'root', likes: 0 });
  const branches = [await ada.update({ message: 'ada' }, id), await bea.update({ likes: 1 }, id)].sort();
  const [forked] = await messages(`meta: { documentId: { eq: "${id}" } }`);
  assert.deepEqual(forked.meta.viewId, branches.join('_'));
  assert.deepEqual(forked.fields, { message: 'ada', likes: 1 });
  const merge = await bea.update({ message: 'merged' }, forked.meta.viewId);
  const [merged] = await messages(`meta: { documentId: { eq: "${id}" } }`);
  assert.deepEqual(merged, { meta: { ...forked.meta, viewId: merge }, fields: { message: 'merged', likes: 1 } });
});

test('a session is told why something was refused', async () => {
  const session = new Session(node.endpoint).setKeyPair(new KeyPair()).setSchemaId(schema);
  await assert.rejects(() => session.create({ message: 'no likes' }), /likes/);
  const id = await session.create({ message: 'x', likes: 0 });
  await session.delete(id);
  await assert.rejects(() => session.update({ likes: 1 }, id), /deleted/);
  await assert.rejects(() => session.update({ likes: 1 }, `0020${'ab'.repeat(32)}`), /not known/);
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
