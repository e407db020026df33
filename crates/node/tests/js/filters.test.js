// Filters: every operator of every type of field, of lists and of what is known about documents.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, publishSchema, send } from './support/author.js';
import { cbor, float64, forge, hex, operation, raw } from './support/forge.js';
import { data, failure } from './support/graphql.js';
import { startNode } from './support/node.js';
import { column, page } from './support/query.js';

let node, alice, bob, target, thing;

// Documents are told apart by `name`; `a`, `b`, `c` and `d` are found or not by the filters below.
const targets = {};
const things = {};

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  bob = new Author(node.endpoint);
  target = await publishSchema(alice, 'target', '', { name: 'str' });
  thing = await publishSchema(alice, 'thing', '', {
    name: 'str', truth: 'bool', whole: 'int', real: 'float', text: 'str', data: 'bytes',
    link: `relation(${target})`, pin: `pinned_relation(${target})`,
    links: `relation_list(${target})`, pins: `pinned_relation_list(${target})`,
  });
  for (const name of ['x', 'y', 'z']) targets[name] = await alice.create(target, { name });
  targets.y2 = await alice.update(target, targets.y, { name: 'y2' });
  const { x, y, y2, z } = targets;
  await create(alice, { name: 'a', truth: true, whole: -5, real: -0.5, text: 'Apple pie', data: 'ab', link: x, pin: [x], links: [], pins: [] });
  await create(alice, { name: 'b', truth: false, whole: 0, real: 0, text: 'apple', data: '', link: y, pin: [y], links: [x], pins: [[x]] });
  await create(bob, { name: 'c', truth: false, whole: 7, real: 2.5, text: '100%_ÄPFEL', data: 'abcd', link: y, pin: [y2], links: [x, y], pins: [[x], [y]] });
  await create(bob, { name: 'd', truth: true, whole: 9007199254740993n, real: NaN, text: '', data: 'ff', link: z, pin: [z], links: [z, z, y], pins: [[y2], [z], [y2]] });
});

after(() => node.stop());

async function create(author, { name, data: bytes, link, pin, links, pins, real, whole, ...rest }) {
  const ids = (list) => list.map(hex);
  const fields = {
    data: hex(bytes), link: hex(link), links: ids(links), name, pin: ids(pin), pins: pins.map(ids),
    real: encoded(real), text: rest.text, truth: rest.truth,
    whole: typeof whole === 'bigint' ? raw(`1b${whole.toString(16).padStart(16, '0')}`) : whole,
  };
  const { next } = await data(node.endpoint, `{ next: nextArgs(publicKey: "${author.publicKey}") { logId } }`);
  const signed = forge(operation(0, thing, fields), { logId: next.logId }, author.keyPair);
  await send(node.endpoint, signed);
  things[name] = signed.id;
}

// The shortest form that holds the number exactly, as signed data must have it.
const encoded = (real) =>
  raw({ '-0.5': 'f9b800', 0: 'f90000', 2.5: 'f94100', NaN: 'f97e00' }[real] ?? cbor(float64(real)));

const found = (args) => column(node.endpoint, thing, 'name', `orderBy: name, ${args}`);

const id = (name) => `"${targets[name]}"`;

describe('fields', () => {
  const cases = {
    bool: [
      ['truth: { eq: true }', 'ad'],
      ['truth: { eq: false }', 'bc'],
      ['truth: { notEq: true }', 'bc'],
      ['truth: { eq: true, notEq: true }', ''],
      ['truth: { notEq: false, eq: true }', 'ad'],
    ],
    int: [
      ['whole: { eq: 7 }', 'c'],
      ['whole: { notEq: 7 }', 'abd'],
      ['whole: { in: [-5, 7, 8] }', 'ac'],
      ['whole: { notIn: [-5, 7, 8] }', 'bd'],
      ['whole: { in: [] }', ''],
      ['whole: { notIn: [] }', 'abcd'],
      ['whole: { gt: 0 }', 'cd'],
      ['whole: { gte: 0 }', 'bcd'],
      ['whole: { lt: 0 }', 'a'],
      ['whole: { lte: 0 }', 'ab'],
      ['whole: { gt: -5, lt: 7 }', 'b'],
      ['whole: { eq: 9007199254740993 }', 'd'],
      ['whole: { eq: 9007199254740992 }', ''],
      ['whole: { gt: 9007199254740992 }', 'd'],
      ['whole: { lte: 9223372036854775807, gte: -9223372036854775808 }', 'abcd'],
    ],
    float: [
      ['real: { eq: 2.5 }', 'c'],
      ['real: { eq: 0 }', 'b'],
      ['real: { eq: -0.0 }', 'b'],
      ['real: { notEq: 2.5 }', 'abd'],
      ['real: { in: [-0.5, 25e-1] }', 'ac'],
      ['real: { notIn: [-0.5, 2.5] }', 'bd'],
      ['real: { in: [] }', ''],
      ['real: { lt: 0.0 }', 'a'],
      ['real: { lte: 0 }', 'ab'],
      // What is not a number sorts after every number.
      ['real: { gt: 0 }', 'cd'],
      ['real: { gte: 0 }', 'bcd'],
      ['real: { gt: -1, lt: 1 }', 'ab'],
    ],
    str: [
      ['text: { eq: "apple" }', 'b'],
      ['text: { eq: "Apple" }', ''],
      ['text: { eq: "" }', 'd'],
      ['text: { notEq: "apple" }', 'acd'],
      ['text: { in: ["apple", ""] }', 'bd'],
      ['text: { notIn: ["apple", ""] }', 'ac'],
      ['text: { in: [] }', ''],
      ['text: { notIn: [] }', 'abcd'],
      ['text: { gt: "Apple pie" }', 'b'],
      ['text: { gte: "Apple pie" }', 'ab'],
      ['text: { lt: "Apple pie" }', 'cd'],
      ['text: { lte: "Apple pie" }', 'acd'],
      ['text: { contains: "APPLE" }', 'ab'],
      ['text: { contains: "" }', 'abcd'],
      ['text: { contains: "%" }', 'c'],
      ['text: { contains: "_" }', 'c'],
      ['text: { contains: "a%e" }', ''],
      ['text: { contains: "Äpfel" }', 'c'],
      ['text: { contains: "äpfel" }', ''],
      ['text: { notContains: "apple" }', 'cd'],
      ['text: { notContains: "_" }', 'abd'],
      ['text: { contains: "apple", notContains: "PIE" }', 'b'],
      ['text: { eq: "apple", in: ["apple", ""] }', 'b'],
      ['text: { eq: "apple", in: [""] }', ''],
      ['text: { contains: "\\"" }', ''],
      ["text: { contains: \"' OR 1=1 --\" }", ''],
    ],
    bytes: [
      ['data: { eq: "ab" }', 'a'],
      ['data: { eq: "ABCD" }', 'c'],
      ['data: { eq: "" }', 'b'],
      ['data: { notEq: "ab" }', 'bcd'],
    ],
    relation: [
      [() => `link: { eq: ${id('x')} }`, 'a'],
      [() => `link: { notEq: ${id('x')} }`, 'bcd'],
      [() => `link: { in: [${id('x')}, ${id('z')}] }`, 'ad'],
      [() => `link: { notIn: [${id('x')}, ${id('z')}] }`, 'bc'],
      [() => 'link: { in: [] }', ''],
      [() => `link: { eq: ${id('y2')} }`, ''],
      [() => `link: { eq: ${id('y').toUpperCase()} }`, 'bc'],
    ],
    pinned_relation: [
      [() => `pin: { eq: ${id('y')} }`, 'b'],
      [() => `pin: { eq: ${id('y2')} }`, 'c'],
      [() => `pin: { notEq: ${id('y')} }`, 'acd'],
      [() => `pin: { in: [${id('x')}, ${id('y2')}] }`, 'ac'],
      [() => `pin: { notIn: [${id('x')}, ${id('y2')}] }`, 'bd'],
    ],
    relation_list: [
      [() => `links: { in: [${id('x')}] }`, 'bc'],
      [() => `links: { in: [${id('x')}, ${id('z')}] }`, 'bcd'],
      [() => 'links: { in: [] }', ''],
      [() => `links: { notIn: [${id('x')}] }`, 'ad'],
      [() => `links: { notIn: [${id('x')}, ${id('z')}] }`, 'a'],
      [() => 'links: { notIn: [] }', 'abcd'],
      [() => `links: { in: [${id('x')}], notIn: [${id('y')}] }`, 'b'],
    ],
    pinned_relation_list: [
      [() => `pins: { in: [${id('y')}] }`, 'c'],
      [() => `pins: { in: [${id('y2')}, ${id('x')}] }`, 'bcd'],
      [() => `pins: { notIn: [${id('y2')}] }`, 'abc'],
      [() => `pins: { notIn: [${id('x')}, ${id('y2')}] }`, 'a'],
      [() => 'pins: { in: [] }', ''],
    ],
  };
  for (const [type, filters] of Object.entries(cases)) {
    test(`of type ${type}`, async () => {
      for (const [given, names] of filters) {
        const filter = typeof given === 'function' ? given() : given;
        assert.equal((await found(`filter: { ${filter} }`)).join(''), names, filter);
        const { totalCount } = await page(node.endpoint, thing, `filter: { ${filter} }, first: 1`);
        assert.equal(totalCount, names.length, filter);
      }
    });
  }

  test('hold together, whether they are selected or not', async () => {
    assert.deepEqual(await found('filter: { truth: { eq: false }, whole: { gt: 0 } }'), ['c']);
    assert.deepEqual(await found('filter: { truth: { eq: false }, whole: { lt: 0 } }'), []);
    assert.deepEqual(await found(`filter: { truth: { eq: true } }, meta: { owner: { eq: "${bob.publicKey}" } }`), ['d']);
    assert.deepEqual(await found('filter: {}'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(await found('filter: { text: {} }'), ['a', 'b', 'c', 'd']);
  });

  test('can be given as variables, whole or in parts', async () => {
    const { whole, part } = await data(node.endpoint, `query ($filter: ${thing}Filter, $text: String, $list: [Int!]) {
      whole: all_${thing}(filter: $filter) { documents { fields { name } } }
      part: all_${thing}(filter: { text: { contains: $text }, whole: { in: $list } }) { documents { fields { name } } }
    }`, { filter: { whole: { gte: 7, lt: 8 } }, text: 'apple', list: [0, 7] });
    assert.deepEqual(whole.documents, [{ fields: { name: 'c' } }]);
    assert.deepEqual(part.documents, [{ fields: { name: 'b' } }]);
  });
});

describe('what is known about documents', () => {
  const ids = (names) => names.map((name) => `"${things[name]}"`).join(', ');
  for (const [args, names] of [
    [() => `documentId: { eq: ${ids(['a'])} }`, 'a'],
    [() => `documentId: { notEq: ${ids(['a'])} }`, 'bcd'],
    [() => `documentId: { in: [${ids(['a', 'd'])}] }`, 'ad'],
    [() => `documentId: { notIn: [${ids(['a', 'd'])}] }`, 'bc'],
    [() => 'documentId: { in: [] }', ''],
    [() => `viewId: { eq: ${ids(['b'])} }`, 'b'],
    [() => `viewId: { notEq: ${ids(['b'])} }`, 'acd'],
    [() => `viewId: { in: [${ids(['b', 'c'])}] }`, 'bc'],
    [() => `viewId: { notIn: [${ids(['b', 'c'])}] }`, 'ad'],
    [() => `owner: { eq: "${alice.publicKey}" }`, 'ab'],
    [() => `owner: { notEq: "${alice.publicKey}" }`, 'cd'],
    [() => `owner: { in: ["${alice.publicKey}", "${bob.publicKey}"] }`, 'abcd'],
    [() => `owner: { notIn: ["${bob.publicKey}"] }`, 'ab'],
    [() => 'edited: { eq: false }', 'abcd'],
    [() => 'edited: { notEq: false }', ''],
    [() => 'deleted: { eq: true }', ''],
    [() => 'deleted: { notEq: true }', 'abcd'],
  ]) {
    test(String(args).slice('() => '.length), async () => {
      assert.equal((await found(`meta: { ${args()} }`)).join(''), names);
    });
  }

  test('whether they were edited or deleted', async () => {
    const schema = await publishSchema(alice, 'state', '', { name: 'str' });
    const [fresh, edited, deleted, both] = [
      await alice.create(schema, { name: 'fresh' }), await alice.create(schema, { name: 'edited' }),
      await alice.create(schema, { name: 'deleted' }), await bob.create(schema, { name: 'both' }),
    ];
    const view = await bob.update(schema, edited, { name: 'edited!' });
    const tomb = await alice.delete(schema, deleted);
    const last = await bob.delete(schema, await alice.update(schema, both, { name: 'both!' }));
    const ask = async (meta) => {
      const { documents, totalCount } = await page(node.endpoint, schema, `meta: { ${meta} }`,
        'meta { documentId viewId owner } fields { name }');
      assert.equal(documents.length, totalCount);
      return documents.map(({ meta, fields }) => [meta.documentId, meta.viewId, meta.owner, fields?.name ?? null])
        .sort();
    };
    const living = [[fresh, fresh, alice.publicKey, 'fresh'], [edited, view, alice.publicKey, 'edited!']];
    // Deleted documents come with what is known about them, and without fields.
    const dead = [[deleted, tomb, alice.publicKey, null], [both, last, bob.publicKey, null]];
    assert.deepEqual(await ask('deleted: { eq: false }'), [...living].sort());
    assert.deepEqual(await ask('deleted: { notEq: true }'), [...living].sort());
    assert.deepEqual(await ask('deleted: { eq: true }'), [...dead].sort());
    assert.deepEqual(await ask('deleted: { notEq: false }'), [...dead].sort());
    assert.deepEqual(await ask('edited: { eq: true }'), [living[1]]);
    assert.deepEqual(await ask('edited: { eq: false }'), [living[0]]);
    assert.deepEqual(await ask('edited: { notEq: false }'), [living[1]]);
    assert.deepEqual(await ask(`deleted: { eq: true }, owner: { eq: "${bob.publicKey}" }`), [dead[1]]);
    assert.deepEqual(await ask(`viewId: { eq: "${edited}" }`), [], 'only latest states are in collections');
  });
});

describe('a filter that fits nothing is refused:', () => {
  for (const [name, args] of [
    ['an unknown field', 'filter: { nothing: { eq: 1 } }'],
    ['an unknown operator', 'filter: { whole: { contains: 1 } }'],
    ['an operator of another type', 'filter: { truth: { gt: true } }'],
    ['a text for a number', 'filter: { whole: { eq: "1" } }'],
    ['a float for a whole number', 'filter: { whole: { eq: 1.0 } }'],
    ['a number beyond 64 bits', 'filter: { whole: { eq: 9223372036854775808 } }'],
    ['a number for a text', 'filter: { text: { eq: 1 } }'],
    ['no hex for bytes', 'filter: { data: { eq: "xy" } }'],
    ['half a byte', 'filter: { data: { eq: "a" } }'],
    ['one value for a set', 'filter: { text: { in: "x" } }'],
    ['null in a set', 'filter: { text: { in: [null] } }'],
    ['null as a filter', 'filter: null'],
    ['null as a meta filter', 'meta: null'],
    ['null as a value', 'filter: { text: { eq: null } }'],
    ['no id for a relation', 'filter: { link: { eq: "x" } }'],
    ['an operator given twice', 'filter: { whole: { eq: 1, eq: 1 } }'],
    ['a field given twice', 'filter: { whole: { eq: 1 }, whole: { eq: 1 } }'],
    ['a short key', 'meta: { owner: { eq: "00" } }'],
    ['eq of a list', 'filter: { links: { eq: "x" } }'],
  ]) {
    test(name, async () => {
      const error = await failure(node.endpoint, `{ all_${thing}(${args}) { totalCount } }`);
      assert.match(error.message, /^Invalid value for argument "/);
      assert.equal(error.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    });
  }
});
