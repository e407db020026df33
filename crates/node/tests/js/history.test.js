// Histories: older states, branches, merges, and deletions, as DO4 to DO10 and D11 say.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, publishSchema, send } from './support/author.js';
import { forge, hex, operation } from './support/forge.js';
import { data } from './support/graphql.js';
import { startNode } from './support/node.js';
import { byId, byView, page } from './support/query.js';

let node, alice, authors, schema;

before(async () => {
  node = await startNode();
  authors = Array.from({ length: 6 }, () => new Author(node.endpoint));
  [alice] = authors;
  schema = await publishSchema(alice, 'note', '', { a: 'str', b: 'str', c: 'int' });
});

after(() => node.stop());

const ALL = 'meta { documentId viewId owner } fields { a b c }';

const create = () => alice.create(schema, { a: 'root', b: 'root', c: 0 });

const state = async (id) => byId(node.endpoint, schema, id, ALL);

const view = async (tips) => byView(node.endpoint, schema, tips, ALL);

/** Updates of one state by as many authors; the ids in ascending order with what they wrote. */
async function branch(from, count, fields) {
  const tips = [];
  for (let index = 0; index < count; index += 1) {
    tips.push([await authors[index].update(schema, from, fields(index)), fields(index)]);
  }
  return tips.sort();
}

describe('older states', () => {
  test('can be asked for, all of them', async () => {
    const id = await create();
    const states = [[id, { a: 'root', b: 'root', c: 0 }]];
    for (let number = 1; number <= 40; number += 1) {
      const [previous, fields] = states.at(-1);
      const change = number % 3 === 0 ? { a: `a${number}` } : { c: number };
      states.push([await authors[number % 4].update(schema, previous, change), { ...fields, ...change }]);
    }
    for (const [viewId, fields] of states) {
      assert.deepEqual(await view(viewId), { meta: { documentId: id, viewId, owner: alice.publicKey }, fields });
    }
    assert.deepEqual((await state(id)).fields, states.at(-1)[1]);
  });

  test('of a branch know nothing of the other branches', async () => {
    const id = await create();
    const tips = await branch(id, 3, (index) => ({ a: `by ${index}` }));
    for (const [tip, fields] of tips) {
      assert.deepEqual((await view(tip)).fields, { a: fields.a, b: 'root', c: 0 });
    }
    const pair = await view(`${tips[0][0]}_${tips[2][0]}`);
    assert.equal(pair.meta.viewId, `${tips[0][0]}_${tips[2][0]}`);
    assert.equal(pair.fields.a, tips[2][1].a);
  });
});

describe('updates', () => {
  test('of no field at all make a state like the one before', async () => {
    const id = await create();
    const { nextArgs } = await data(node.endpoint, `{ nextArgs(publicKey: "${alice.publicKey}", viewId: "${id}") { logId } }`);
    const args = { logId: nextArgs.logId, seqNum: 2, backlink: id };
    const empty = forge(operation(1, schema, [hex(id)], {}), args, alice.keyPair);
    await send(node.endpoint, empty);
    const expected = { meta: { documentId: id, viewId: empty.id, owner: alice.publicKey }, fields: { a: 'root', b: 'root', c: 0 } };
    assert.deepEqual(await state(id), expected);
    // Everything goes on working afterwards.
    await alice.update(schema, empty.id, { a: 'on' });
    assert.equal((await state(id)).fields.a, 'on');
  });

  test('by any key are taken, and the owner stays who created the document', async () => {
    const id = await create();
    let tip = id;
    for (const author of authors) tip = await author.update(schema, tip, { a: author.publicKey });
    const found = await state(id);
    assert.equal(found.meta.owner, alice.publicKey);
    assert.equal(found.fields.a, authors.at(-1).publicKey);
  });

  test('to an older state make a branch', async () => {
    const id = await create();
    const second = await alice.update(schema, id, { a: 'second' });
    const third = await alice.update(schema, second, { b: 'third' });
    const beside = await alice.update(schema, id, { c: 9 });
    const found = await state(id);
    assert.equal(found.meta.viewId, [third, beside].sort().join('_'));
    assert.deepEqual(found.fields, { a: 'second', b: 'third', c: 9 });
  });
});

describe('branches', () => {
  test('of one operation: the fields of the one with the higher id win (DO8)', async () => {
    for (let round = 0; round < 4; round += 1) {
      const id = await create();
      const tips = await branch(id, 2, (index) => ({ a: `by ${index}`, [index ? 'b' : 'c']: index ? 'only' : 5 }));
      const found = await state(id);
      assert.equal(found.meta.viewId, tips.map(([tip]) => tip).join('_'));
      assert.deepEqual(found.fields, { a: tips[1][1].a, b: 'only', c: 5 });
    }
  });

  test('win or lose as a whole, however long they are', async () => {
    const id = await create();
    const ends = [];
    for (const author of authors.slice(0, 2)) {
      const begin = await author.update(schema, id, { a: 'begin' });
      let tip = begin;
      for (let c = 1; c <= 5; c += 1) tip = await author.update(schema, tip, { a: `${begin} ${c}`, c });
      ends.push([begin, tip]);
    }
    const [, [winner]] = ends.sort();
    const found = await state(id);
    assert.equal(found.meta.viewId, ends.map(([, tip]) => tip).sort().join('_'));
    assert.equal(found.fields.a, `${winner} 5`);
  });

  test('of one operation in greater number: first the lowest id, then from the greatest down', async () => {
    for (const count of [3, 4, 6]) {
      const id = await create();
      const tips = await branch(id, count, (index) => ({ a: `by ${index}` }));
      const found = await state(id);
      assert.equal(found.meta.viewId, tips.map(([tip]) => tip).join('_'));
      assert.equal(found.fields.a, tips[1][1].a, `of ${count}`);
    }
  });
});

describe('merges', () => {
  test('come after all that they know', async () => {
    for (const count of [2, 3, 6]) {
      const id = await create();
      const tips = await branch(id, count, (index) => ({ a: `by ${index}`, b: `by ${index}` }));
      const before = await state(id);
      const merge = await authors.at(-1).update(schema, tips.map(([tip]) => tip), { a: 'merged' });
      const found = await state(id);
      assert.equal(found.meta.viewId, merge);
      assert.deepEqual(found.fields, { a: 'merged', b: before.fields.b, c: 0 });
      assert.deepEqual((await view(before.meta.viewId)).fields, before.fields);
    }
  });

  test('of some branches stand beside the others', async () => {
    for (let round = 0; round < 4; round += 1) {
      const id = await create();
      const tips = await branch(id, 3, (index) => ({ a: `by ${index}`, c: index + 1 }));
      const merged = [tips[0][0], tips[2][0]];
      const merge = await alice.update(schema, merged, { b: 'merged' });
      const found = await state(id);
      assert.equal(found.meta.viewId, [merge, tips[1][0]].sort().join('_'));
      assert.equal(found.fields.b, 'merged');
      const alone = await view(merge);
      assert.deepEqual(alone.fields, { a: tips[2][1].a, b: 'merged', c: tips[2][1].c });
    }
  });

  test('of a branch and a long detour: the merge wins', async () => {
    const [, bob] = authors;
    const id = await create();
    const short = await alice.update(schema, id, { a: 'short' });
    let long = await bob.update(schema, id, { a: 'long' });
    for (let c = 1; c < 8; c += 1) long = await bob.update(schema, long, { a: `long ${c}`, c });
    const merge = await alice.update(schema, [short, long].sort(), { a: 'merge' });
    assert.deepEqual(await state(id), {
      meta: { documentId: id, viewId: merge, owner: alice.publicKey }, fields: { a: 'merge', b: 'root', c: 7 },
    });
  });

  test('one after the other make many branches no burden', async () => {
    const id = await create();
    let tips = [id];
    for (let round = 0; round < 12; round += 1) {
      const left = await authors[0].update(schema, tips, { a: `left ${round}` });
      const right = await authors[1].update(schema, tips, { b: `right ${round}` });
      tips = [left, right].sort();
    }
    const found = await state(id);
    assert.deepEqual(found.fields, { a: 'left 11', b: 'right 11', c: 0 });
    assert.equal(found.meta.viewId, tips.join('_'));
  });

  test('may name ancestors of what they merge, which changes nothing', async () => {
    const id = await create();
    const second = await alice.update(schema, id, { a: 'second' });
    const third = await alice.update(schema, [id, second].sort(), { b: 'third' });
    assert.deepEqual(await state(id), {
      meta: { documentId: id, viewId: third, owner: alice.publicKey }, fields: { a: 'second', b: 'third', c: 0 },
    });
  });
});

describe('deletions', () => {
  const gone = async (id, deletion) => {
    assert.equal(await state(id), null);
    const { documents } = await page(node.endpoint, schema,
      `meta: { deleted: { eq: true }, documentId: { eq: "${id}" } }`, ALL);
    assert.deepEqual(documents.map(({ meta, fields }) => [meta, fields]),
      [[{ documentId: id, viewId: deletion, owner: alice.publicKey }, null]]);
    const { totalCount } = await page(node.endpoint, schema, `meta: { documentId: { eq: "${id}" } }`);
    assert.equal(totalCount, 0);
  };

  test('in a branch delete the whole document (D11)', async () => {
    // Some of the deletions have lower ids than the updates beside them, some higher.
    for (let round = 0; round < 6; round += 1) {
      const id = await create();
      const update = await authors[1].update(schema, id, { a: `${round}` });
      const further = await authors[1].update(schema, update, { a: `${round} further` });
      const deletion = await authors[2].delete(schema, id);
      await gone(id, deletion);
      for (const viewId of [id, update, further, deletion]) assert.equal(await view(viewId), null);
    }
  });

  test('of several branches at once', async () => {
    const id = await create();
    const tips = await branch(id, 3, (index) => ({ a: `by ${index}` }));
    await gone(id, await alice.delete(schema, tips.map(([tip]) => tip)));
  });

  test('by another author, of a long history', async () => {
    const id = await create();
    let tip = id;
    for (let c = 1; c <= 10; c += 1) tip = await alice.update(schema, tip, { c });
    await gone(id, await authors[3].delete(schema, tip));
  });

  test('leave the operations where they are', async () => {
    const id = await create();
    const update = await alice.update(schema, id, { a: 'x' });
    await alice.delete(schema, update);
    const { entries } = await data(node.endpoint, `{ entries: documentEntries(id: "${id}") { entry operation } }`);
    assert.equal(entries.length, 3);
  });
});

test('authors who write to one document at once lose nothing', async () => {
  const id = await create();
  const tips = await Promise.all(authors.map(async (author, index) => {
    let tip = id;
    for (let c = 0; c < 8; c += 1) tip = await author.update(schema, tip, { a: `${index} ${c}` });
    return tip;
  }));
  const found = await state(id);
  assert.equal(found.meta.viewId, [...tips].sort().join('_'));
  const merge = await alice.update(schema, [...tips].sort(), { b: 'merged' });
  assert.equal((await state(id)).meta.viewId, merge);
  for (const [index, tip] of tips.entries()) assert.equal((await view(tip)).fields.a, `${index} 7`);
});

test('histories are the same after a restart', async () => {
  const first = await startNode();
  const [ada, bea] = [new Author(first.endpoint), new Author(first.endpoint)];
  const kept = await publishSchema(ada, 'kept', '', { text: 'str' });
  const id = await ada.create(kept, { text: 'root' });
  const tips = [await ada.update(kept, id, { text: 'ada' }), await bea.update(kept, id, { text: 'bea' })].sort();
  const lost = await ada.create(kept, { text: 'lost' });
  await bea.delete(kept, lost);
  const ask = async ({ endpoint }) => [
    await byId(endpoint, kept, id, 'meta { viewId } fields { text }'),
    await byView(endpoint, kept, tips[0], 'meta { viewId } fields { text }'),
    await byId(endpoint, kept, lost),
    (await page(endpoint, kept, 'meta: { deleted: { eq: true } }')).documents,
  ];
  const expected = await ask(first);
  await first.stop({ keep: true });
  const second = await startNode({ dataDir: first.dataDir });
  assert.deepEqual(await ask(second), expected);
  const next = new Author(second.endpoint, bea.keyPair);
  await next.update(kept, tips, { text: 'merged' });
  assert.equal((await byId(second.endpoint, kept, id, 'fields { text }')).fields.text, 'merged');
  await second.stop();
});
