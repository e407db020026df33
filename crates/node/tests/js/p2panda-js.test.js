// The published low-level client, p2panda-js 0.8.1, against a node: unchanged and with variables
// typed as loosely as deployed applications type them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, PUBLISH, publishSchema } from './support/author.js';
import { data, failure, request } from './support/graphql.js';
import { startNode } from './support/node.js';

let node, alice, bob, venue, event;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  bob = new Author(node.endpoint);
  venue = await publishSchema(alice, 'venue', 'Where it happens', { name: 'str', capacity: 'int' });
  event = await publishSchema(alice, 'event', 'What happens', {
    title: 'str',
    price: 'float',
    indoor: 'bool',
    poster: 'bytes',
    venue: `relation(${venue})`,
    venues: `relation_list(${venue})`,
    pinned: `pinned_relation(${venue})`,
    pins: `pinned_relation_list(${venue})`,
  });
});

after(async () => {
  const { code } = await node.stop();
  assert.equal(code, 0, 'SIGTERM ends the node cleanly');
});

const byId = async (schema, id, fields) => {
  const answer = await data(node.endpoint, `query ($id: String!) {
    found: ${schema}(id: $id) { meta { documentId viewId owner } fields { ${fields} } }
  }`, { id });
  return answer.found;
};

describe('schemas', () => {
  test('are queryable as soon as their last operation was published', async () => {
    const name = await publishSchema(bob, 'fresh', '', { text: 'str' });
    const { all } = await data(node.endpoint, `{ all: all_${name} { totalCount documents { cursor } } }`);
    assert.deepEqual(all, { totalCount: 0, documents: [] });
  });

  test('are documents themselves', async () => {
    const { found } = await data(node.endpoint, `{ found: all_schema_definition_v1(
      filter: { name: { eq: "event" } }
    ) { documents { fields { name description fields { documents { fields { name type } } } } } } }`);
    const [{ fields }] = found.documents;
    assert.equal(fields.description, 'What happens');
    assert.deepEqual(fields.fields.documents.map(({ fields }) => fields.name),
      ['title', 'price', 'indoor', 'poster', 'venue', 'venues', 'pinned', 'pins']);
  });
});

describe('documents', () => {
  test('carry every type of field there and back', async () => {
    const a = await alice.create(venue, { name: 'Kulturhaus', capacity: 300 });
    const b = await bob.create(venue, { name: 'Garten', capacity: -1 });
    const id = await alice.create(event, {
      title: 'Pandä 🐼',
      price: { type: 'float', value: 12 },
      indoor: true,
      poster: new Uint8Array([0, 255, 16]),
      venue: { type: 'relation', value: b },
      venues: { type: 'relation_list', value: [b, a, b] },
      pinned: { type: 'pinned_relation', value: [a] },
      pins: { type: 'pinned_relation_list', value: [[b], [a]] },
    });
    const found = await byId(event, id, `title price indoor poster
      venue { fields { name } }
      venues { totalCount documents { meta { documentId } fields { capacity } } }
      pinned { meta { viewId } fields { name } }
      pins { documents { fields { name } } }`);
    assert.deepEqual(found, {
      meta: { documentId: id, viewId: id, owner: alice.publicKey },
      fields: {
        title: 'Pandä 🐼',
        price: 12,
        indoor: true,
        poster: '00ff10',
        venue: { fields: { name: 'Garten' } },
        venues: {
          totalCount: 3,
          documents: [
            { meta: { documentId: b }, fields: { capacity: -1 } },
            { meta: { documentId: a }, fields: { capacity: 300 } },
            { meta: { documentId: b }, fields: { capacity: -1 } },
          ],
        },
        pinned: { meta: { viewId: a }, fields: { name: 'Kulturhaus' } },
        pins: { documents: [{ fields: { name: 'Garten' } }, { fields: { name: 'Kulturhaus' } }] },
      },
    });
  });

  test('are updated, also by others, and keep their older states', async () => {
    const id = await alice.create(venue, { name: 'old', capacity: 1 });
    const second = await bob.update(venue, id, { name: 'new' });
    const third = await alice.update(venue, second, { capacity: 2 });
    assert.deepEqual(await byId(venue, id, 'name capacity'), {
      meta: { documentId: id, viewId: third, owner: alice.publicKey },
      fields: { name: 'new', capacity: 2 },
    });
    const { older } = await data(node.endpoint, `query ($viewId: String!) {
      older: ${venue}(viewId: $viewId) { meta { viewId } fields { name capacity } }
    }`, { viewId: second });
    assert.deepEqual(older, { meta: { viewId: second }, fields: { name: 'new', capacity: 1 } });
  });

  test('branch under concurrent updates and merge again', async () => {
    const id = await alice.create(venue, { name: 'root', capacity: 1 });
    const branches = [
      await alice.update(venue, id, { name: 'by alice' }),
      await bob.update(venue, id, { name: 'by bob' }),
    ].sort();
    const forked = await byId(venue, id, 'name');
    assert.equal(forked.meta.viewId, branches.join('_'));
    const merge = await bob.update(venue, branches, { name: 'merged' });
    const merged = await byId(venue, id, 'name capacity');
    assert.deepEqual(merged, {
      meta: { documentId: id, viewId: merge, owner: alice.publicKey },
      fields: { name: 'merged', capacity: 1 },
    });
  });

  test('are gone after a deletion, and nothing can be published to them', async () => {
    const id = await alice.create(venue, { name: 'closed', capacity: 0 });
    const signed = await bob.sign({ action: 'delete', schemaId: venue, previous: [id] });
    await alice.delete(venue, id);
    assert.equal(await byId(venue, id, 'name'), null);
    const error = await failure(node.endpoint, PUBLISH, signed);
    assert.match(error.message, /deleted/);
    assert.equal(typeof error.extensions.code, 'string');
  });
});

describe('concurrency', () => {
  test('several keys publish at once and read their own writes', async () => {
    const schema = await publishSchema(alice, 'note', '', { text: 'str', number: 'int' });
    const authors = Array.from({ length: 8 }, () => new Author(node.endpoint));
    await Promise.all(authors.map(async (author, index) => {
      for (let number = 0; number < 10; number += 1) {
        const id = await author.create(schema, { text: `author ${index}`, number });
        const view = await author.update(schema, id, { text: `author ${index}, edited` });
        const found = await byId(schema, id, 'text number');
        assert.deepEqual(found.fields, { text: `author ${index}, edited`, number });
        assert.equal(found.meta.viewId, view);
        if (number % 5 === 4) await author.delete(schema, view);
      }
    }));
    const { all } = await data(node.endpoint, `{ all: all_${schema}(first: 100, orderBy: "number") {
      totalCount hasNextPage documents { meta { owner } fields { number } }
    } }`);
    assert.equal(all.totalCount, 64);
    assert.equal(all.hasNextPage, false);
    const numbers = all.documents.map(({ fields }) => fields.number);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
    assert.equal(new Set(all.documents.map(({ meta }) => meta.owner)).size, 8);
  });

  test('pages visit every document exactly once while others are edited', async () => {
    const schema = await publishSchema(bob, 'page', '', { rank: 'int', text: 'str' });
    const created = [];
    for (let rank = 0; rank < 30; rank += 1) {
      created.push(await bob.create(schema, { rank: rank % 7, text: 'x' }));
    }
    const seen = [];
    let cursor;
    for (;;) {
      const after = cursor ? `, after: "${cursor}"` : '';
      const { page } = await data(node.endpoint, `{ page: all_${schema}(
        first: 4, orderBy: rank, orderDirection: DESC${after}
      ) { totalCount hasNextPage endCursor documents { cursor meta { documentId viewId } fields { rank text } } } }`);
      assert.equal(page.totalCount, 30);
      seen.push(...page.documents.map(({ meta }) => meta.documentId));
      const last = page.documents.at(-1);
      await bob.update(schema, last.meta.viewId, { text: 'edited' });
      if (!page.hasNextPage) break;
      cursor = page.endCursor;
    }
    assert.deepEqual([...seen].sort(), [...created].sort());
  });
});

describe('refusals', () => {
  test('nextArgs fails for an operation that is not known', async () => {
    const error = await failure(node.endpoint, `query ($publicKey: String!, $viewId: String) {
      nextArgs(viewId: $viewId, publicKey: $publicKey) { logId }
    }`, { publicKey: alice.publicKey, viewId: `0020${'ab'.repeat(32)}` });
    assert.equal(typeof error.extensions.code, 'string');
  });

  test('an entry with a wrong signature is refused and nothing is stored', async () => {
    const signed = await alice.sign({
      action: 'create', schemaId: venue, fields: { name: 'forged', capacity: 1n },
    });
    const last = signed.entry.endsWith('0') ? '1' : '0';
    const forged = signed.entry.slice(0, -10) + last + signed.entry.slice(-9);
    const error = await failure(node.endpoint, PUBLISH, { ...signed, entry: forged });
    assert.equal(typeof error.extensions.code, 'string');
    const { all } = await data(node.endpoint, `{ all: all_${venue}(filter: { name: { eq: "forged" } }) { totalCount } }`);
    assert.equal(all.totalCount, 0);
  });

  test('one failing field leaves the others their data', async () => {
    const answer = await request(node.endpoint, `{
      good: all_${venue}(first: 1) { hasNextPage }
      bad: nextArgs(publicKey: "${alice.publicKey}", viewId: "0020${'cd'.repeat(32)}") { logId }
    }`);
    assert.equal(typeof answer.data.good.hasNextPage, 'boolean');
    assert.equal(answer.data.bad, null);
    assert.deepEqual(answer.errors[0].path, ['bad']);
  });
});

test('everything published is there after a restart', async () => {
  const first = await startNode();
  const author = new Author(first.endpoint);
  const schema = await publishSchema(author, 'kept', '', { text: 'str' });
  const id = await author.create(schema, { text: 'for good' });
  await first.stop({ keep: true });
  const second = await startNode({ dataDir: first.dataDir });
  const { kept } = await data(second.endpoint, `{ kept: ${schema}(id: "${id}") { fields { text } } }`);
  assert.deepEqual(kept, { fields: { text: 'for good' } });
  await second.stop();
});
