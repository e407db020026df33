// Schemas: when they can be used, how they change, and what happens to those that never fit.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, PUBLISH, publishSchema, send } from './support/author.js';
import { data, failure } from './support/graphql.js';
import { startNode } from './support/node.js';
import { byId, column, page } from './support/query.js';
import { Workshop, publishAll } from './support/workshop.js';

let node, alice;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
});

after(() => node.stop());

const isKnown = async (schema, endpoint = node.endpoint) => {
  const { found } = await data(endpoint, `{ found: __type(name: "${schema}") { name } }`);
  return found !== null;
};

const fieldNames = async (schema) => {
  const { found } = await data(node.endpoint, `{ found: __type(name: "${schema}Fields") { fields { name } } }`);
  return found.fields.map(({ name }) => name).sort();
};

const pins = (ids) => ({ type: 'pinned_relation_list', value: ids.map((id) => [id]) });

describe('a definition', () => {
  test('may arrive before its fields', async () => {
    const workshop = new Workshop();
    const schema = workshop.schema('early', { one: 'str', two: 'int' });
    const [one, two, definition] = workshop.commits;
    await publishAll(node.endpoint, [definition, two]);
    assert.equal(await isKnown(schema), false);
    await send(node.endpoint, one);
    assert.equal(await isKnown(schema), true);
    const id = await alice.create(schema, { one: 'x', two: 2 });
    assert.deepEqual(await byId(node.endpoint, schema, id, 'fields { one two }'), { fields: { one: 'x', two: 2 } });
  });

  for (const [name, fields] of [
    ['without fields', []],
    ['with two fields of one name', [['same', 'str'], ['same', 'int']]],
  ]) {
    test(`${name} is data but no schema`, async () => {
      const workshop = new Workshop();
      const ids = fields.map(([field, type]) => workshop.field(field, type));
      const schema = workshop.definition('never', ids);
      await publishAll(node.endpoint, workshop.commits);
      assert.equal(await isKnown(schema), false);
      const id = schema.slice('never_'.length);
      assert.deepEqual(await byId(node.endpoint, 'schema_definition_v1', id, 'fields { name }'),
        { fields: { name: 'never' } });
    });
  }

  test('that pins documents of another schema as fields is no schema', async () => {
    const workshop = new Workshop();
    const inner = workshop.field('x', 'str');
    const other = workshop.definition('inner', [inner]);
    const schema = workshop.definition('outer', [inner, other.slice('inner_'.length)]);
    await publishAll(node.endpoint, workshop.commits);
    assert.equal(await isKnown(other), true);
    assert.equal(await isKnown(schema), false);
  });

  test('keeps its name, description and order of fields as they were written', async () => {
    const text = 'Ünïcode, "quotes" and a\nnew line';
    const schema = await publishSchema(alice, 'Camel_Case9', text, { b: 'str', a: 'int', C_1: 'bool' });
    const { found } = await data(node.endpoint, `{ found: __type(name: "${schema}") { description } }`);
    assert.equal(found.description, text);
    assert.deepEqual(await fieldNames(schema), ['C_1', 'a', 'b']);
  });
});

describe('an updated definition', () => {
  test('is a second schema; the first keeps working with its documents', async () => {
    const schema = await publishSchema(alice, 'version', 'first', { text: 'str' });
    const definition = schema.slice('version_'.length);
    const kept = await alice.create(schema, { text: 'kept' });
    const field = await alice.create('schema_field_definition_v1', { name: 'number', type: 'int' });
    const view = await alice.update('schema_definition_v1', definition, { fields: pins([field]) });
    const second = `version_${view}`;
    await alice.create(second, { number: 1 });
    assert.deepEqual(await fieldNames(schema), ['text']);
    assert.deepEqual(await fieldNames(second), ['number']);
    assert.deepEqual(await column(node.endpoint, schema, 'text'), ['kept']);
    assert.deepEqual(await column(node.endpoint, second, 'number'), [1]);
    await alice.update(schema, kept, { text: 'edited' });
    assert.deepEqual(await column(node.endpoint, schema, 'text'), ['edited']);
  });

  test('may rename the schema', async () => {
    const schema = await publishSchema(alice, 'before', '', { text: 'str' });
    const view = await alice.update('schema_definition_v1', schema.slice('before_'.length), { name: 'later' });
    assert.deepEqual(await fieldNames(`later_${view}`), ['text']);
    assert.equal(await isKnown(`before_${view}`), false);
    assert.equal(await isKnown(schema), true);
  });

  test('by several keys at once has one schema for each state, and one for both', async () => {
    const bob = new Author(node.endpoint);
    const schema = await publishSchema(alice, 'forked', '', { text: 'str' });
    const definition = schema.slice('forked_'.length);
    const ours = await alice.update('schema_definition_v1', definition, { description: 'by alice' });
    const theirs = await bob.update('schema_definition_v1', definition, { name: 'forked_on' });
    const both = [ours, theirs].sort().join('_');
    assert.equal(await isKnown(`forked_on_${both}`), true);
    const id = await alice.create(`forked_on_${both}`, { text: 'two tips' });
    assert.deepEqual(await byId(node.endpoint, `forked_on_${both}`, id, 'fields { text }'), { fields: { text: 'two tips' } });
  });

  test('does not come from later changes of its fields, which are pinned', async () => {
    const field = await alice.create('schema_field_definition_v1', { name: 'pinned', type: 'str' });
    const id = await alice.create('schema_definition_v1', { name: 'steady', description: '', fields: pins([field]) });
    await alice.update('schema_field_definition_v1', field, { name: 'changed', type: 'int' });
    assert.deepEqual(await fieldNames(`steady_${id}`), ['pinned']);
    await alice.create(`steady_${id}`, { pinned: 'still text' });
    assert.deepEqual(await column(node.endpoint, `steady_${id}`, 'pinned'), ['still text']);
  });
});

describe('a deleted definition', () => {
  test('retires its schema: data can be read, nothing can be published', async () => {
    const schema = await publishSchema(alice, 'retired', '', { text: 'str' });
    const id = await alice.create(schema, { text: 'old' });
    const another = await alice.sign({ action: 'create', schemaId: schema, fields: { text: 'new' } });
    await alice.delete('schema_definition_v1', schema.slice('retired_'.length));
    assert.deepEqual(await column(node.endpoint, schema, 'text'), ['old']);
    assert.equal((await failure(node.endpoint, PUBLISH, another)).extensions.code, 'SCHEMA_RETIRED');
    const update = await alice.sign({ action: 'update', schemaId: schema, previous: [id], fields: { text: 'new' } });
    assert.equal((await failure(node.endpoint, PUBLISH, update)).extensions.code, 'SCHEMA_RETIRED');
    assert.deepEqual(await column(node.endpoint, schema, 'text'), ['old']);
  });
});

describe('a schema that relates to an unknown one', () => {
  test('works but for that field, and completes when the other arrives', async () => {
    const workshop = new Workshop();
    const target = workshop.schema('target', { name: 'str' });
    const late = workshop.commits.splice(0);
    const source = workshop.schema('source', { text: 'str', link: `relation(${target})` });
    await publishAll(node.endpoint, workshop.commits);
    assert.equal(await isKnown(target), false);
    assert.deepEqual(await fieldNames(source), ['text']);
    const dangling = `0020${'ab'.repeat(32)}`;
    const id = await alice.create(source, { text: 'works', link: { type: 'relation', value: dangling } });
    assert.deepEqual(await column(node.endpoint, source, 'text'), ['works']);

    await publishAll(node.endpoint, late);
    assert.deepEqual(await fieldNames(source), ['link', 'text']);
    const named = await alice.create(target, { name: 'there' });
    await alice.update(source, id, { link: { type: 'relation', value: named } });
    assert.deepEqual(await byId(node.endpoint, source, id, 'fields { text link { fields { name } } }'),
      { fields: { text: 'works', link: { fields: { name: 'there' } } } });
  });

  test('leaves all others alone', async () => {
    const unknown = `gone_0020${'cd'.repeat(32)}`;
    const broken = await publishSchema(alice, 'broken', '', { link: `relation_list(${unknown})` });
    const fresh = await publishSchema(alice, 'unharmed', '', { text: 'str' });
    await alice.create(fresh, { text: 'yes' });
    assert.deepEqual(await column(node.endpoint, fresh, 'text'), ['yes']);
    assert.equal((await page(node.endpoint, broken, '', 'meta { viewId }')).totalCount, 0);
  });
});

test('a schema can relate to itself through an older version', async () => {
  const schema = await publishSchema(alice, 'tree', '', { label: 'str' });
  const parent = await alice.create('schema_field_definition_v1', { name: 'parent', type: `relation(${schema})` });
  const view = await alice.update('schema_definition_v1', schema.slice('tree_'.length), { fields: pins([parent]) });
  const root = await alice.create(schema, { label: 'root' });
  const leaf = await alice.create(`tree_${view}`, { parent: { type: 'relation', value: root } });
  assert.deepEqual(await byId(node.endpoint, `tree_${view}`, leaf, 'fields { parent { fields { label } } }'),
    { fields: { parent: { fields: { label: 'root' } } } });
});

test('many schemas at once from several keys are all there', async () => {
  const authors = Array.from({ length: 6 }, () => new Author(node.endpoint));
  const schemas = await Promise.all(authors.flatMap((author, index) =>
    [publishSchema(author, `many_${index}`, '', { text: 'str' })]));
  await Promise.all(schemas.map((schema, index) => authors[index].create(schema, { text: `${index}` })));
  for (const [index, schema] of schemas.entries()) {
    assert.deepEqual(await column(node.endpoint, schema, 'text'), [`${index}`]);
  }
});

test('superseded, retired and completed schemas are the same after a restart', async () => {
  const first = await startNode();
  const author = new Author(first.endpoint);
  const schema = await publishSchema(author, 'again', 'first', { text: 'str' });
  await author.create(schema, { text: 'old' });
  const view = await author.update('schema_definition_v1', schema.slice('again_'.length), { description: 'second' });
  await author.create(`again_${view}`, { text: 'new' });
  const retired = await publishSchema(author, 'over', '', { text: 'str' });
  await author.create(retired, { text: 'kept' });
  await author.delete('schema_definition_v1', retired.slice('over_'.length));
  await first.stop({ keep: true });

  const second = await startNode({ dataDir: first.dataDir });
  assert.deepEqual(await column(second.endpoint, schema, 'text'), ['old']);
  assert.deepEqual(await column(second.endpoint, `again_${view}`, 'text'), ['new']);
  assert.deepEqual(await column(second.endpoint, retired, 'text'), ['kept']);
  const writer = new Author(second.endpoint, author.keyPair);
  await writer.create(schema, { text: 'more' });
  const signed = await writer.sign({ action: 'create', schemaId: retired, fields: { text: 'no' } });
  assert.equal((await failure(second.endpoint, PUBLISH, signed)).extensions.code, 'SCHEMA_RETIRED');
  await second.stop();
});
