// Refusals: every rule has a code and, where the specification numbers it, a requirement; nothing
// of what was refused is stored.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { KeyPair } from 'p2panda-js';

import { Author, PUBLISH, publishSchema, send } from './support/author.js';
import { cbor, forge, hex, operation, raw } from './support/forge.js';
import { data, failure } from './support/graphql.js';
import { startNode } from './support/node.js';

const CREATE = 0;
const UPDATE = 1;
const DELETE = 2;

const FIELD = 'schema_field_definition_v1';
const UNKNOWN = `0020${'ab'.repeat(32)}`;

let node, alice, schema, other, retired, related, ids;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  schema = await publishSchema(alice, 'thing', '', { number: 'int', text: 'str' });
  other = await publishSchema(alice, 'other', '', { text: 'str' });
  retired = await publishSchema(alice, 'retired', '', { text: 'str' });
  await alice.delete('schema_definition_v1', retired.slice('retired_'.length));
  related = await publishSchema(alice, 'related', '', {
    link: `relation(${schema})`, links: `relation_list(${schema})`,
    pin: `pinned_relation(${schema})`, pins: `pinned_relation_list(${schema})`,
  });
  ids = [
    await alice.create(schema, { number: 1, text: 'one' }),
    await alice.create(schema, { number: 2, text: 'two' }),
    await alice.create(other, { text: 'other' }),
    await alice.create(schema, { number: 3, text: 'deleted' }),
  ];
  await alice.delete(schema, ids[3]);
});

after(() => node.stop());

const stored = async () => {
  const health = await (await fetch(`${node.origin}/health`)).json();
  return [health.entries, health.documents, health.logs];
};

/** Publishes what has to be refused. */
async function refused(signed, code, requirement) {
  const earlier = await stored();
  const error = await failure(node.endpoint, PUBLISH, { entry: signed.entry, operation: signed.operation });
  assert.equal(error.extensions.code, code, error.message);
  assert.equal(error.extensions.requirement ?? null, requirement ?? null, error.message);
  assert.deepEqual(error.path, ['publish']);
  assert.doesNotMatch(error.message, /undefined|panicked|[Ss]ome\(|\{/);
  assert.deepEqual(await stored(), earlier, 'nothing was stored');
}

const good = () => operation(CREATE, schema, { number: 1, text: 'x' });
const thing = (fields) => operation(CREATE, schema, fields);
const update = (previous, fields) => operation(UPDATE, schema, previous, fields);

const flipped = (text, index) =>
  text.slice(0, index) + (text[index] === '0' ? '1' : '0') + text.slice(index + 1);

/** A log of a new key with some entries in it. */
async function log(length, logId = 0) {
  const keyPair = new KeyPair();
  const entries = [];
  const links = { 4: 1, 8: 4 };
  for (let seqNum = 1; seqNum <= length; seqNum += 1) {
    const payload = seqNum === 1 ? good() : update([hex(entries.at(-1).id)], { number: seqNum });
    const skiplink = entries[links[seqNum] - 1]?.id;
    const signed = forge(payload, { logId, seqNum, backlink: entries.at(-1)?.id, skiplink }, keyPair);
    await send(node.endpoint, signed);
    entries.push(signed);
  }
  return { keyPair, entries, last: entries.at(-1).id };
}

describe('operations that are not well formed', () => {
  for (const [name, bytes, requirement] of [
    ['no list', () => cbor({ a: 1 }), 'OP1'],
    ['an empty list', () => cbor([]), 'OP1'],
    ['bytes behind the end', () => `${good()}00`, 'OP1'],
    ['an end too early', () => good().slice(0, -2), 'OP1'],
    ['an item too much', () => operation(CREATE, schema, {}, 1), 'OP1'],
    ['a CREATE without fields', () => operation(CREATE, schema), 'OP1'],
    ['an UPDATE without previous operations', () => operation(UPDATE, schema, { number: 1 }), 'OP1'],
    ['a DELETE with fields', () => operation(DELETE, schema, [hex(UNKNOWN)], {}), 'OP1'],
    ['a null', () => thing({ number: raw('f6'), text: 'x' }), 'OP1'],
    ['a tag', () => thing({ number: raw('c101'), text: 'x' }), 'OP1'],
    ['a map as value', () => thing({ number: {}, text: 'x' }), 'OP1'],
    ['an indefinite list', () => `9f${good().slice(2)}ff`, 'EN1'],
    ['a long head', () => `9804${good().slice(2)}`, 'EN1'],
    ['a long number', () => thing({ number: raw('1801'), text: 'x' }), 'EN1'],
    ['a wide float', () => thing({ number: raw('fb3ff0000000000000'), text: 'x' }), 'EN1'],
    ['another NaN', () => thing({ number: raw('f97e01'), text: 'x' }), 'EN1'],
    ['broken UTF-8', () => thing({ number: 1, text: raw('62c328') }), 'EN1'],
    ['version 0', () => cbor([0, CREATE, schema, {}]), 'OP2'],
    ['version 2', () => cbor([2, CREATE, schema, {}]), 'OP2'],
    ['action 3', () => operation(3, schema, {}), 'OP3'],
    ['a schema id of one word', () => operation(CREATE, 'thing', {}), 'OP4'],
    ['a schema id in upper case', () => operation(CREATE, schema.toUpperCase(), {}), 'OP4'],
    ['an unknown system schema', () => operation(CREATE, 'bamboo_v1', {}), 'OP4'],
    ['a system schema of another version', () => operation(CREATE, 'blob_v2', {}), 'OP4'],
    ['a version with a zero in front', () => operation(CREATE, 'blob_v01', {}), 'OP4'],
    ['no previous operations', () => update([], { number: 1 }), 'OP5'],
    ['a previous operation of few bytes', () => update([hex('0020ab')], { number: 1 }), 'OP7'],
    ['previous operations out of order', () =>
      update([hex(`0020${'bb'.repeat(32)}`), hex(UNKNOWN)], { number: 1 }), 'EN2'],
    ['a previous operation twice', () => update([hex(UNKNOWN), hex(UNKNOWN)], { number: 1 }), 'EN2'],
    ['fields out of order', () => thing({ text: 'x', number: 1 }), 'EN2'],
    ['a field twice', () => `8401 00 ${cbor(schema)} a2 ${cbor('a')}01 ${cbor('a')}02`.replaceAll(' ', ''), 'EN2'],
    ['a number beyond 64 bits', () => thing({ number: raw('1bffffffffffffffff'), text: 'x' }), 'OP7'],
    ['an empty list in a list', () => operation(CREATE, related, { pins: [[]] }), 'OP7'],
  ]) {
    test(name, () => refused(forge(bytes()), 'OPERATION_MALFORMED', requirement));
  }

  test('no bytes', () =>
    refused({ ...forge(good()), operation: '' }, 'OPERATION_MALFORMED', 'OP1'));
});

describe('entries that are not well formed', () => {
  const whole = () => forge(good());
  for (const [name, make] of [
    ['no bytes', () => ({ ...whole(), entry: '' })],
    ['few bytes', () => ({ ...whole(), entry: whole().entry.slice(0, 40) })],
    ['an end too early', () => ({ ...whole(), entry: whole().entry.slice(0, -2) })],
    ['bytes behind the end', () => ({ ...whole(), entry: `${whole().entry}00` })],
    ['another tag', () => forge(good(), { tag: 2 })],
    ['sequence number 0', () => forge(good(), { seqNum: 0 })],
    ['a second entry without a backlink', () => forge(good(), { seqNum: 2 })],
    ['a first entry with a backlink', () => forge(good(), { backlink: UNKNOWN })],
    ['a fourth entry without a skiplink', () => forge(good(), { seqNum: 4, backlink: UNKNOWN })],
  ]) {
    test(name, () => refused(make(), 'ENTRY_MALFORMED', 'BA1'));
  }
});

describe('entries that are not authentic', () => {
  for (const [name, change] of [
    ['another signature', ({ entry }) => flipped(entry, entry.length - 20)],
    ['another author', ({ entry }) => `00${new KeyPair().publicKey()}${entry.slice(66)}`],
    ['a public key that is none', ({ entry }) => `00${'ff'.repeat(32)}${entry.slice(66)}`],
    ['a public key of small order', ({ entry }) => `00${'00'.repeat(32)}${entry.slice(66)}`],
    ['another log', ({ entry }) => `${entry.slice(0, 66)}05${entry.slice(68)}`],
  ]) {
    test(name, () => {
      const signed = forge(good());
      return refused({ ...signed, entry: change(signed) }, 'SIGNATURE_INVALID', 'BA1');
    });
  }

  test('an operation of the same size that was not signed', () => {
    const signed = forge(good());
    return refused({ ...signed, operation: thing({ number: 2, text: 'x' }) }, 'PAYLOAD_HASH_MISMATCH', 'BA2');
  });

  test('a size that is not that of the operation', () =>
    refused(forge(good(), { payloadSize: 7 }), 'PAYLOAD_SIZE_MISMATCH', 'BA2'));
});

describe('entries that do not fit their log', () => {
  test('the same entry again', async () => {
    const { entries } = await log(1);
    await refused(entries[0], 'SEQ_NUM_MISMATCH');
  });

  test('another entry in a place that is taken', async () => {
    const { keyPair } = await log(2);
    await refused(forge(thing({ number: 9, text: 'fork' }), {}, keyPair), 'SEQ_NUM_MISMATCH');
  });

  test('an entry after a gap', async () => {
    const { keyPair, last } = await log(1);
    const gap = forge(update([hex(last)], { number: 2 }), { seqNum: 3, backlink: last }, keyPair);
    await refused(gap, 'SEQ_NUM_MISMATCH');
  });

  test('a log that begins in the middle', () =>
    refused(forge(good(), { seqNum: 2, backlink: UNKNOWN }), 'SEQ_NUM_MISMATCH'));

  test('a backlink to another entry', async () => {
    const { keyPair, last } = await log(1);
    const wrong = forge(update([hex(last)], { number: 2 }), { seqNum: 2, backlink: UNKNOWN }, keyPair);
    await refused(wrong, 'BACKLINK_MISMATCH', 'BA1');
  });

  test('a skiplink to another entry', async () => {
    const { keyPair, last, entries } = await log(3);
    const args = { seqNum: 4, backlink: last, skiplink: entries[1].id };
    await refused(forge(update([hex(last)], { number: 2 }), args, keyPair), 'SKIPLINK_MISMATCH', 'BA1');
  });

  test('an entry after the end of a log', async () => {
    const { keyPair, last } = await log(1);
    const end = forge(update([hex(last)], { number: 2 }), { tag: 1, seqNum: 2, backlink: last }, keyPair);
    // It is stored, and there are no next arguments to answer with.
    const error = await failure(node.endpoint, PUBLISH, { entry: end.entry, operation: end.operation });
    assert.equal(error.extensions.code, 'LOG_ENDED');
    const { found } = await data(node.endpoint, `{ found: ${schema}(viewId: "${end.id}") { fields { number } } }`);
    assert.deepEqual(found, { fields: { number: 2 } });
    const more = forge(update([hex(end.id)], { number: 3 }), { seqNum: 3, backlink: end.id }, keyPair);
    await refused(more, 'LOG_ENDED', 'BA1');
    const next = await failure(node.endpoint,
      `{ nextArgs(publicKey: "${keyPair.publicKey()}", viewId: "${end.id}") { logId } }`);
    assert.equal(next.extensions.code, 'LOG_ENDED');
  });

  test('a second document in a log', async () => {
    const { keyPair, last } = await log(1);
    await refused(forge(good(), { seqNum: 2, backlink: last }, keyPair), 'DOCUMENT_LOG_NOT_FOUND');
    const foreign = forge(update([hex(ids[0])], { number: 5 }), { seqNum: 2, backlink: last }, keyPair);
    await refused(foreign, 'DOCUMENT_LOG_NOT_FOUND');
  });

  test('a second log for a document', async () => {
    const { keyPair, last } = await log(1);
    await refused(forge(update([hex(last)], { number: 2 }), { logId: 1 }, keyPair), 'LOG_ID_MISMATCH');
  });
});

describe('operations that do not fit their schema', () => {
  for (const [name, bytes, code, requirement] of [
    ['a schema nobody knows', () => operation(CREATE, `thing_${UNKNOWN}`, { text: 'x' }), 'SCHEMA_NOT_FOUND'],
    ['a schema under another name', () => operation(CREATE, `b_${schema.split('_').at(-1)}`, {}), 'OPERATION_MALFORMED', 'OP4'],
    ['a retired schema', () => operation(CREATE, retired, { text: 'x' }), 'SCHEMA_RETIRED'],
    ['a missing field', () => thing({ number: 1 }), 'FIELD_MISSING', 'OP6'],
    ['a field too much', () => thing({ more: 1, number: 1, text: 'x' }), 'FIELD_UNKNOWN', 'OP6'],
    ['no fields at all', () => thing({}), 'FIELD_MISSING', 'OP6'],
    ['a text for a number', () => thing({ number: '1', text: 'x' }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['a float for a whole number', () => thing({ number: raw('f93c00'), text: 'x' }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['a truth for a text', () => thing({ number: 1, text: true }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['bytes for a text', () => thing({ number: 1, text: new Uint8Array([65]) }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['an unknown field in an update', () => update([hex(ids[0])], { more: 1 }), 'FIELD_UNKNOWN', 'OP6'],
    ['a wrong type in an update', () => update([hex(ids[0])], { text: 1 }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['a list for a relation', () => operation(UPDATE, related, [hex(ids[0])], { link: [hex(ids[0])] }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['a flat list of hashes for a pinned list', () => operation(UPDATE, related, [hex(ids[0])], { pins: [hex(ids[0])] }), 'FIELD_TYPE_MISMATCH', 'OP8'],
    ['few bytes for a relation', () => operation(UPDATE, related, [hex(ids[0])], { link: new Uint8Array(33) }), 'FIELD_TYPE_MISMATCH', 'OP8'],
  ]) {
    test(name, () => refused(forge(bytes()), code, requirement));
  }
});

describe('previous operations', () => {
  for (const [name, bytes, code, requirement] of [
    ['that nobody knows', () => update([hex(UNKNOWN)], { number: 1 }), 'PREVIOUS_NOT_FOUND', 'DO3'],
    ['of which one is not known', () => update([ids[0], UNKNOWN].sort().map(hex), { number: 1 }), 'PREVIOUS_NOT_FOUND', 'DO3'],
    ['of another schema', () => update([hex(ids[2])], { number: 1 }), 'SCHEMA_MISMATCH'],
    ['of several documents', () => update(ids.slice(0, 2).sort().map(hex), { number: 1 }), 'SEVERAL_DOCUMENTS', 'DV2'],
    ['of a deleted document, to update it', () => update([hex(ids[3])], { number: 1 }), 'DOCUMENT_DELETED', 'DO4'],
    ['of a deleted document, to delete it', () => operation(DELETE, schema, [hex(ids[3])]), 'DOCUMENT_DELETED', 'DO4'],
    ['that nobody knows, to delete them', () => operation(DELETE, schema, [hex(UNKNOWN)]), 'PREVIOUS_NOT_FOUND', 'DO3'],
  ]) {
    test(name, () => refused(forge(bytes()), code, requirement));
  }
});

describe('system schemas', () => {
  const definition = (fields) => operation(CREATE, 'schema_definition_v1', { description: '', fields: [], name: 'fine', ...fields });
  const field = (fields) => operation(CREATE, FIELD, { name: 'fine', type: 'str', ...fields });
  const many = (count) => Array.from({ length: count }, () => [hex(UNKNOWN)]);
  const RULE = 'SYSTEM_SCHEMA_RULE';
  for (const [name, bytes, requirement] of [
    ['a schema name of one letter', () => definition({ name: 'a' }), 'SC1'],
    ['a schema name of 65 letters', () => definition({ name: 'a'.repeat(65) }), 'SC1'],
    ['a schema name that begins with a digit', () => definition({ name: '1a' }), 'SC1'],
    ['a schema name that ends with an underscore', () => definition({ name: 'a_' }), 'SC1'],
    ['a description of 257 letters', () => definition({ description: 'ä'.repeat(257) }), 'SC2'],
    ['a definition of 1025 fields', () => definition({ fields: many(1025) }), 'SC3'],
    ['an empty field name', () => field({ name: '' }), 'SC4'],
    ['a field name with a dash', () => field({ name: 'a-b' }), 'SC4'],
    ['a field name of 65 letters', () => field({ name: 'a'.repeat(65) }), 'SC4'],
    ['an unknown type', () => field({ type: 'string' }), 'SC10'],
    ['a relation of another kind', () => field({ type: `friendship(${schema})` }), 'SC10'],
    ['a relation with text around it', () => field({ type: ` relation(${schema})` }), 'SC10'],
    ['a relation to no schema', () => field({ type: 'relation(thing)' }), 'SC10'],
  ]) {
    test(name, () => refused(forge(bytes()), RULE, requirement));
  }

  test('an update that breaks a rule', async () => {
    const id = await alice.create(FIELD, { name: 'fine', type: 'str' });
    await refused(forge(operation(UPDATE, FIELD, [hex(id)], { type: 'text' })), RULE, 'SC10');
  });
});

describe('arguments', () => {
  for (const [name, variables] of [
    ['an entry that is no hex', { entry: 'zz', operation: '' }],
    ['half a byte', { entry: 'a', operation: '' }],
    ['a number', { entry: 1, operation: '' }],
  ]) {
    test(`${name} is refused`, async () => {
      const error = await failure(node.endpoint, PUBLISH, variables);
      assert.equal(error.extensions.code, 'BAD_USER_INPUT');
      assert.match(error.message, /argument "entry", expected type "EncodedEntry"/);
    });
  }

  test('a missing operation is refused', async () => {
    const error = await failure(node.endpoint, 'mutation { publish(entry: "00") { logId } }');
    assert.equal(error.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  });
});

describe('nextArgs', () => {
  const ask = (viewId, publicKey = alice.publicKey) => failure(node.endpoint,
    `query ($viewId: String, $publicKey: String!) { nextArgs(viewId: $viewId, publicKey: $publicKey) { logId } }`,
    { viewId, publicKey });
  for (const [name, viewId, code, requirement] of [
    ['an unknown operation', () => UNKNOWN, 'PREVIOUS_NOT_FOUND', 'DO3'],
    ['one unknown operation of two', () => [ids[0], UNKNOWN].sort().join('_'), 'PREVIOUS_NOT_FOUND', 'DO3'],
    ['several documents', () => ids.slice(0, 2).sort().join('_'), 'SEVERAL_DOCUMENTS', 'DV2'],
    ['a deleted document', () => ids[3], 'DOCUMENT_DELETED', 'DO4'],
    ['no view id', () => 'x', 'BAD_USER_INPUT'],
    ['an empty view id', () => '', 'BAD_USER_INPUT'],
  ]) {
    test(`fails for ${name}`, async () => {
      const error = await ask(viewId());
      assert.equal(error.extensions.code, code, error.message);
      assert.equal(error.extensions.requirement ?? null, requirement ?? null);
      assert.deepEqual(error.path, ['nextArgs']);
    });
  }

  for (const [name, key] of [
    ['a short key', 'ab'],
    ['a key of small order', '00'.repeat(32)],
    ['bytes that are no key', 'ff'.repeat(32)],
    ['an operation id', UNKNOWN],
  ]) {
    test(`fails for ${name}`, async () => {
      const error = await ask(null, key);
      assert.equal(error.extensions.code, 'BAD_USER_INPUT', error.message);
      assert.match(error.message, /argument "publicKey", expected type "PublicKey"/);
    });
  }

  test('fails when all log ids are used up', async () => {
    const keyPair = new KeyPair();
    await send(node.endpoint, forge(good(), { logId: 2n ** 64n - 1n }, keyPair));
    const error = await ask(null, keyPair.publicKey());
    assert.equal(error.extensions.code, 'MAX_LOG_ID_REACHED');
    assert.equal(error.extensions.requirement, 'BA4');
  });
});

test('any unused log id is taken, and the greatest is counted on from', async () => {
  const keyPair = new KeyPair();
  await send(node.endpoint, forge(good(), { logId: 300 }, keyPair));
  await send(node.endpoint, forge(good(), { logId: 7 }, keyPair));
  const { next } = await data(node.endpoint, `{ next: nextArgs(publicKey: "${keyPair.publicKey()}") { logId } }`);
  assert.equal(next.logId, '301');
});

test('hex of operations and entries may be in upper case', async () => {
  const signed = forge(good());
  const { publish } = await send(node.endpoint, { entry: signed.entry.toUpperCase(), operation: signed.operation.toUpperCase() });
  assert.equal(publish.backlink, signed.id);
});

test('a refused entry is taken once what it needs is there', async () => {
  const keyPair = new KeyPair();
  const first = forge(good(), {}, keyPair);
  const second = forge(update([hex(first.id)], { number: 2 }), { seqNum: 2, backlink: first.id }, keyPair);
  await refused(second, 'SEQ_NUM_MISMATCH');
  await send(node.endpoint, first);
  await send(node.endpoint, second);
});

test('the same entry from several clients at once is stored once', async () => {
  const signed = forge(good());
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => send(node.endpoint, signed)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('of forks that arrive at once one is stored', async () => {
  const keyPair = new KeyPair();
  const forks = Array.from({ length: 8 }, (_, number) => forge(thing({ number, text: 'fork' }), {}, keyPair));
  const results = await Promise.allSettled(forks.map((signed) => send(node.endpoint, signed)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
});
