// Orders and pages: each document exactly once, whatever is asked for and whatever happens meanwhile.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, publishSchema, send } from './support/author.js';
import { forge, hex, operation, raw } from './support/forge.js';
import { data, failure } from './support/graphql.js';
import { startNode } from './support/node.js';
import { column, idsOf, page, walk } from './support/query.js';

let node, alice, schema, tag, ids;

const TEXTS = ['b', 'A', 'a', 'B', 'ä', '', 'aa'];
const FIELDS = ['truth', 'whole', 'real', 'text', 'data', 'link', 'pin', 'links', 'pins'];

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  tag = await publishSchema(alice, 'tag', '', { name: 'str' });
  schema = await publishSchema(alice, 'thing', '', {
    truth: 'bool', whole: 'int', real: 'float', text: 'str', data: 'bytes',
    link: `relation(${tag})`, pin: `pinned_relation(${tag})`,
    links: `relation_list(${tag})`, pins: `pinned_relation_list(${tag})`,
  });
  const tags = [];
  for (const name of ['one', 'two', 'three']) tags.push(await alice.create(tag, { name }));
  ids = [];
  for (let number = 0; number < 23; number += 1) {
    ids.push(await alice.create(schema, {
      truth: number % 2 === 0,
      whole: (number * 7) % 5 - 2,
      real: { type: 'float', value: ((number * 3) % 7) / 2 - 1 },
      text: TEXTS[number % TEXTS.length],
      data: new Uint8Array([number % 4]),
      link: { type: 'relation', value: tags[number % 3] },
      pin: { type: 'pinned_relation', value: [tags[number % 3]] },
      links: { type: 'relation_list', value: tags.slice(0, number % 4) },
      pins: { type: 'pinned_relation_list', value: tags.slice(0, number % 4).map((id) => [id]) },
    }));
  }
});

after(() => node.stop());

const lower = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('orders', () => {
  for (const [direction, sign] of [['ASC', 1], ['DESC', -1]]) {
    for (const [field, compare] of [
      ['whole', (a, b) => a - b],
      ['real', (a, b) => a - b],
      ['truth', (a, b) => a - b],
      ['data', byBytes],
      ['text', (a, b) => byBytes(lower(a), lower(b))],
    ]) {
      test(`by ${field}, ${direction}`, async () => {
        const values = await column(node.endpoint, schema, field, `orderBy: ${field}, orderDirection: ${direction}`);
        assert.equal(values.length, 23);
        for (const [index, value] of values.slice(1).entries()) {
          assert.ok(sign * compare(values[index], value) <= 0, `${values[index]} before ${value}`);
        }
      });
    }

    test(`by relations, ${direction}`, async () => {
      const selection = 'fields { link { meta { documentId } } pin { meta { viewId } } }';
      for (const [field, part] of [['link', 'documentId'], ['pin', 'viewId']]) {
        const { documents } = await page(node.endpoint, schema, `orderBy: ${field}, orderDirection: ${direction}`, selection);
        const found = documents.map(({ fields }) => fields[field].meta[part]);
        const sorted = [...found].sort();
        assert.deepEqual(found, sign === 1 ? sorted : sorted.reverse());
      }
    });

    test(`by ids, ${direction}`, async () => {
      const expected = sign === 1 ? [...ids].sort() : [...ids].sort().reverse();
      for (const by of ['', 'orderBy: DOCUMENT_ID, ', 'orderBy: DOCUMENT_VIEW_ID, ', 'orderBy: "DOCUMENT_ID", ']) {
        const pages = await walk(node.endpoint, schema, `${by}orderDirection: ${direction}, first: 10`);
        assert.deepEqual(idsOf(pages), expected, by);
      }
    });
  }

  test('end ties by the id of the document', async () => {
    const selection = 'meta { documentId } fields { whole }';
    const { documents } = await page(node.endpoint, schema, 'orderBy: whole', selection);
    for (const [index, { meta, fields }] of documents.slice(1).entries()) {
      const previous = documents[index];
      if (previous.fields.whole === fields.whole) assert.ok(previous.meta.documentId < meta.documentId);
    }
  });

  test('may be given as texts and as variables of type String', async () => {
    const query = `query ($by: String, $direction: String!) {
      all: all_${schema}(orderBy: $by, orderDirection: $direction, first: 1) { documents { fields { whole } } }
    }`;
    const { all } = await data(node.endpoint, query, { by: 'whole', direction: 'DESC' });
    assert.deepEqual(all.documents, [{ fields: { whole: 2 } }]);
    const literal = await column(node.endpoint, schema, 'whole', 'orderBy: "whole", orderDirection: "ASC", first: 1');
    assert.deepEqual(literal, [-2]);
  });

  for (const [name, args] of [
    ['an unknown field', 'orderBy: nothing'],
    ['an unknown field as text', 'orderBy: "nothing"'],
    ['an unknown direction', 'orderDirection: UP'],
    ['null', 'orderBy: null'],
    ['a direction of null', 'orderDirection: null'],
    ['a number', 'orderBy: 1'],
  ]) {
    test(`by ${name} are refused`, async () => {
      const error = await failure(node.endpoint, `{ all_${schema}(${args}) { totalCount } }`);
      assert.equal(error.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    });
  }
});

describe('pages', () => {
  for (const first of [1, 2, 5, 22, 23, 24, 1000]) {
    test(`of ${first} show each document once, in every order`, async () => {
      for (const by of ['DOCUMENT_ID', 'DOCUMENT_VIEW_ID', ...FIELDS]) {
        const direction = first % 2 ? 'ASC' : 'DESC';
        // One document on a page is the hardest case, and too slow for all orders.
        if (first === 1 && !['whole', 'text', 'links'].includes(by)) continue;
        const args = `orderBy: ${by}, orderDirection: ${direction}, first: ${first}`;
        const pages = await walk(node.endpoint, schema, args);
        assert.equal(pages.length, Math.ceil(23 / first), args);
        assert.deepEqual(idsOf(pages).sort(), [...ids].sort(), args);
        for (const { totalCount, endCursor, documents } of pages) {
          assert.equal(totalCount, 23);
          assert.equal(endCursor, documents.at(-1).cursor);
        }
        const [whole] = await walk(node.endpoint, schema, `orderBy: ${by}, orderDirection: ${direction}, first: 100`);
        assert.deepEqual(idsOf(pages), idsOf([whole]), `${args} is the order of a single page`);
      }
    });
  }

  test('with filters count what fits', async () => {
    const args = 'filter: { whole: { gte: 0 } }, orderBy: text, first: 4';
    const pages = await walk(node.endpoint, schema, args, { selection: 'meta { documentId } fields { whole }' });
    const expected = (await page(node.endpoint, schema, 'filter: { whole: { gte: 0 } }, first: 100')).documents.length;
    assert.equal(new Set(idsOf(pages)).size, expected);
    assert.ok(pages.every(({ totalCount }) => totalCount === expected));
    assert.ok(pages.every(({ documents }) => documents.every(({ fields }) => fields.whole >= 0)));
  });

  test('are of 25 unless asked otherwise', async () => {
    const many = await publishSchema(alice, 'many', '', { number: 'int' });
    for (let number = 0; number < 26; number += 1) await alice.create(many, { number });
    const found = await page(node.endpoint, many);
    assert.deepEqual([found.documents.length, found.totalCount, found.hasNextPage], [25, 26, true]);
  });

  test('that are empty have no cursor', async () => {
    const none = await page(node.endpoint, schema, 'filter: { whole: { in: [] } }');
    assert.deepEqual(none, { totalCount: 0, hasNextPage: false, endCursor: null, documents: [] });
  });

  test('behind the last document are empty and still count', async () => {
    const last = await page(node.endpoint, schema, 'first: 1000');
    const beyond = await page(node.endpoint, schema, `after: "${last.endCursor}"`);
    assert.deepEqual(beyond, { totalCount: 23, hasNextPage: false, endCursor: null, documents: [] });
  });

  test('go on after any document, whatever was selected for its cursor', async () => {
    const { documents } = await page(node.endpoint, schema, 'orderBy: text, first: 23', 'fields { whole }');
    const { documents: rest } = await page(node.endpoint, schema,
      `orderBy: text, after: "${documents[9].cursor}"`, 'fields { data link { fields { name } } }');
    assert.equal(rest.length, 13);
    assert.equal(rest.at(-1).cursor, documents.at(-1).cursor);
    const { cursors } = await data(node.endpoint, `{ cursors: all_${schema}(orderBy: text, first: 23) { documents { cursor } } }`);
    assert.deepEqual(cursors.documents.map(({ cursor }) => cursor), documents.map(({ cursor }) => cursor));
  });

  test('of 0, of negative size and of more than the limit say so', async () => {
    for (const [first, code, words] of [
      [0, 'BAD_USER_INPUT', /at least 1, found 0/],
      [-3, 'BAD_USER_INPUT', /at least 1, found -3/],
      [1001, 'LIMIT_EXCEEDED', /at most 1000, found 1001/],
    ]) {
      const error = await failure(node.endpoint, `{ all: all_${schema}(first: ${first}) { totalCount } }`);
      assert.match(error.message, words);
      assert.equal(error.extensions.code, code);
      assert.deepEqual(error.path, ['all']);
    }
  });

  test('after what is no cursor, or one of another order, are refused', async () => {
    const ask = (args) => failure(node.endpoint, `{ all: all_${schema}(${args}) { totalCount documents { cursor } } }`);
    for (const cursor of ['""', '"0"', '"not a cursor"', '7', 'null']) {
      assert.equal((await ask(`after: ${cursor}`)).extensions.code, 'GRAPHQL_VALIDATION_FAILED', cursor);
    }
    const { endCursor } = await page(node.endpoint, schema, 'orderBy: whole, first: 3');
    assert.equal((await ask(`orderBy: text, after: "${endCursor}"`)).extensions.code, 'FOREIGN_CURSOR');
    const others = await page(node.endpoint, tag, 'first: 1');
    assert.equal((await ask(`after: "${others.endCursor}"`)).extensions.code, 'FOREIGN_CURSOR');
  });
});

describe('values at the edges', () => {
  const edges = async (name, type, encoded) => {
    const edge = await publishSchema(alice, name, '', { value: type });
    const created = [];
    for (const value of encoded) {
      const signed = forge(operation(0, edge, { value }));
      await send(node.endpoint, signed);
      created.push(signed.id);
    }
    return [edge, created];
  };

  for (const [type, values, ties] of [
    // What is not a number sorts after every number, and zero has two signs.
    ['float', ['f9fc00', 'fbffefffffffffffff', 'f98000', 'f90000', 'fb0000000000000001', 'f93c00', 'f97c00', 'f97e00', 'f97e00'].map(raw), [[2, 3], [7, 8]]],
    ['int', ['3b7fffffffffffffff', '20', '00', '1b0020000000000000', '1b0020000000000001', '1b7fffffffffffffff'].map(raw), []],
    ['str', ['', 'a', `${'b'.repeat(1000)}1`, `${'b'.repeat(1000)}2`, `${'b'.repeat(1000)}3`, 'z', 'ß', '\uffee', '🐼'], [[2, 3, 4]]],
    ['bytes', ['', '00', '0000', '01', 'ff', 'ffff'].map(hex), []],
  ]) {
    test(`of type ${type} are in order, on pages of every size`, async () => {
      const [edge, created] = await edges(`edge_${type}`, type, values);
      const place = (id) => {
        const index = created.indexOf(id);
        return ties.find((tie) => tie.includes(index))?.[0] ?? index;
      };
      for (const first of [1, 2, 100]) {
        for (const [direction, sign] of [['ASC', 1], ['DESC', -1]]) {
          const seen = idsOf(await walk(node.endpoint, edge, `orderBy: value, orderDirection: ${direction}, first: ${first}`));
          assert.deepEqual([...seen].sort(), [...created].sort());
          const places = seen.map(place);
          assert.deepEqual(places, [...places].sort((a, b) => sign * (a - b)), `${direction} by ${first}`);
        }
      }
    });
  }
});

test('texts with NUL characters are all shown, once, whatever the order', async () => {
  const odd = await publishSchema(alice, 'odd', '', { value: 'str' });
  const texts = ['', '\u0000', '\u0000\u0000', 'a', 'a\u0000', 'a\u0000b', 'A\u0000b', 'a\u0000c'];
  for (const value of texts) await send(node.endpoint, forge(operation(0, odd, { value })));
  for (const first of [1, 3]) {
    const pages = await walk(node.endpoint, odd, `orderBy: value, first: ${first}`, { selection: 'fields { value }' });
    const seen = pages.flatMap(({ documents }) => documents.map(({ fields }) => fields.value));
    assert.deepEqual(seen.sort(), [...texts].sort());
  }
});

describe('pages of a collection that changes', () => {
  const fill = async (name, count) => {
    const changing = await publishSchema(alice, name, '', { rank: 'int', text: 'str' });
    const created = [];
    for (let rank = 0; rank < count; rank += 1) {
      created.push(await alice.create(changing, { rank: rank % 5, text: `${rank}` }));
    }
    return [changing, created];
  };

  for (const first of [1, 3, 7]) {
    for (const by of ['DOCUMENT_ID', 'rank', 'text']) {
      test(`show the rest once, by ${first} in order of ${by}, while shown ones are edited`, async () => {
        const [changing, created] = await fill(`edit_${first}_${by.toLowerCase()}`.slice(0, 60), 14);
        const field = by === 'rank' ? 'text' : 'rank';
        const pages = await walk(node.endpoint, changing, `orderBy: ${by}, first: ${first}`, {
          between: async ({ documents }) => {
            const { meta } = documents.at(-1);
            await alice.update(changing, meta.viewId, { [field]: field === 'rank' ? 99 : 'edited' });
          },
        });
        assert.deepEqual(idsOf(pages).sort(), [...created].sort());
      });
    }
  }

  test('go on where the document under the cursor was deleted', async () => {
    const [changing, created] = await fill('deleting', 15);
    const pages = await walk(node.endpoint, changing, 'orderBy: rank, first: 4', {
      between: ({ documents }) => alice.delete(changing, documents.at(-1).meta.viewId),
    });
    assert.deepEqual(idsOf(pages).sort(), [...created].sort());
    assert.deepEqual(pages.map(({ totalCount }) => totalCount), [15, 14, 13, 12]);
  });

  test('go on where the document under the cursor moved in the order', async () => {
    const [changing, created] = await fill('moving', 12);
    const pages = await walk(node.endpoint, changing, 'orderBy: rank, orderDirection: DESC, first: 5', {
      between: ({ documents }) => alice.update(changing, documents.at(-1).meta.viewId, { rank: 1000 }),
    });
    assert.deepEqual(idsOf(pages).sort(), [...created].sort());
  });

  test('show what was there all along once, while others come', async () => {
    const [changing, created] = await fill('growing', 12);
    const pages = await walk(node.endpoint, changing, 'orderBy: text, first: 2', {
      between: () => alice.create(changing, { rank: 0, text: 'zz' }),
    });
    const seen = idsOf(pages);
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(created.every((id) => seen.includes(id)));
  });
});
