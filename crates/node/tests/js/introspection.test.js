// The API about itself: what it is made of for every schema, and that tools can build on it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { buildClientSchema, getIntrospectionQuery, parse, printSchema, validate, validateSchema } from 'graphql';

import { Author, publishSchema } from './support/author.js';
import { data } from './support/graphql.js';
import { startNode } from './support/node.js';

const SYSTEM = ['blob_piece_v1', 'blob_v1', 'schema_definition_v1', 'schema_field_definition_v1'];

const NEWEST = {
  descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
  inputValueDeprecation: true, oneOf: true,
};

let node, band, everything, schema;

before(async () => {
  node = await startNode();
  const alice = new Author(node.endpoint);
  band = await publishSchema(alice, 'band', 'Plays music', { founded: 'int', name: 'str' });
  everything = await publishSchema(alice, 'everything', '', {
    a_bool: 'bool', a_float: 'float', a_str: 'str', an_int: 'int', some_bytes: 'bytes',
    a_rel: `relation(${band})`, a_pin: `pinned_relation(${band})`,
    a_list: `relation_list(${band})`, a_pinlist: `pinned_relation_list(${band})`,
  });
  schema = buildClientSchema(await data(node.endpoint, getIntrospectionQuery(NEWEST)));
});

after(() => node.stop());

/** Fields, arguments or values of a type, as texts. */
const shape = (name) => {
  const type = schema.getType(name);
  assert.ok(type, `there is a type ${name}`);
  if (type.getValues) return type.getValues().map(({ name }) => name);
  const args = (field) => (field.args?.length ? `(${field.args.map(({ name, type }) => `${name}: ${type}`).sort().join(', ')})` : '');
  return Object.values(type.getFields()).map((field) => `${field.name}${args(field)}: ${field.type}`).sort();
};

const collection = (target) =>
  `(after: Cursor, filter: ${target}Filter, first: Int, meta: MetaFilterInputObject, orderBy: ${target}OrderBy, orderDirection: OrderDirection)`;

describe('introspection', () => {
  for (const [name, options] of [
    ['the plainest', { descriptions: false }],
    ['the usual', {}],
    ['the newest', NEWEST],
  ]) {
    test(`by ${name} query of the reference library makes a schema`, async () => {
      const result = await data(node.endpoint, getIntrospectionQuery(options));
      const built = buildClientSchema(result);
      assert.deepEqual(validateSchema(built), []);
      assert.equal(built.getQueryType().name, 'Query');
      assert.equal(built.getMutationType().name, 'MutationRoot');
      assert.equal(built.getSubscriptionType() ?? null, null);
      assert.match(printSchema(built), /type MutationRoot/);
    });
  }

  test('query is valid by its own answer', async () => {
    assert.deepEqual(validate(schema, parse(getIntrospectionQuery(NEWEST))), []);
  });

  test('knows the directives', () => {
    const names = schema.getDirectives().map(({ name }) => name);
    assert.ok(names.includes('include') && names.includes('skip'));
  });

  test('tells of single types, and of none that is not there', async () => {
    const { found, none } = await data(node.endpoint, `{
      found: __type(name: "${band}Filter") { kind name inputFields { name type { kind name ofType { name } } } fields { name } }
      none: __type(name: "nothing") { name }
    }`);
    assert.equal(found.kind, 'INPUT_OBJECT');
    assert.equal(found.fields, null);
    assert.deepEqual(found.inputFields.map(({ name, type }) => [name, type.name]).sort(),
      [['founded', 'IntegerFilter'], ['name', 'StringFilter']]);
    assert.equal(none, null);
  });

  test('tells the default values that clients saw', async () => {
    const { __type: { fields } } = await data(node.endpoint, `{ __type(name: "Query") { fields { name args { name defaultValue } } } }`);
    const { args } = fields.find(({ name }) => name === `all_${band}`);
    const defaults = Object.fromEntries(args.map(({ name, defaultValue }) => [name, defaultValue]));
    assert.deepEqual(defaults, { after: null, filter: null, first: '25', meta: null, orderBy: 'DOCUMENT_ID', orderDirection: 'ASC' });
  });
});

describe('the API', () => {
  test('has two fields for every schema, and those that do not belong to one', () => {
    const names = Object.keys(schema.getQueryType().getFields());
    const ids = [...SYSTEM, band, everything];
    for (const id of ids) assert.ok(names.includes(id) && names.includes(`all_${id}`), id);
    assert.ok(names.includes('nextArgs'));
    assert.equal(new Set(names).size, names.length);
  });

  test('has the same types for every schema', () => {
    for (const id of [...SYSTEM, band, everything]) {
      const root = schema.getQueryType().getFields();
      assert.equal(`${root[id].type}`, id);
      assert.deepEqual(root[id].args.map(({ name, type }) => `${name}: ${type}`), ['id: DocumentId', 'viewId: DocumentViewId']);
      assert.equal(`${root[`all_${id}`].type}`, `${id}Collection!`);
      assert.ok(shape('Query').includes(`all_${id}${collection(id)}: ${id}Collection!`));
      assert.deepEqual(shape(id), [`fields: ${id}Fields`, 'meta: DocumentMeta']);
      assert.deepEqual(shape(`${id}Item`), ['cursor: String', `fields: ${id}Fields`, 'meta: DocumentMeta']);
      assert.deepEqual(shape(`${id}Collection`),
        [`documents: [${id}Item!]!`, 'endCursor: String!', 'hasNextPage: Boolean!', 'totalCount: Int!']);
      const fields = Object.keys(schema.getType(`${id}Fields`).getFields());
      assert.deepEqual(shape(`${id}OrderBy`).sort(), ['DOCUMENT_ID', 'DOCUMENT_VIEW_ID', ...fields].sort());
      assert.deepEqual(shape(`${id}OrderBy`).slice(0, 2), ['DOCUMENT_ID', 'DOCUMENT_VIEW_ID']);
      assert.deepEqual(Object.keys(schema.getType(`${id}Filter`).getFields()).sort(), fields.sort());
    }
  });

  for (const [name, expected] of [
    // `forked` is ours.
    ['DocumentMeta', ['documentId: DocumentId!', 'forked: Boolean!', 'owner: PublicKey!', 'viewId: DocumentViewId!']],
    ['NextArguments', ['backlink: EntryHash', 'logId: LogId!', 'seqNum: SeqNum!', 'skiplink: EntryHash']],
    ['MutationRoot', ['publish(entry: EncodedEntry!, operation: EncodedOperation!): NextArguments!']],
    ['OrderDirection', ['ASC', 'DESC']],
    ['MetaFilterInputObject', ['deleted: BooleanFilter', 'documentId: DocumentIdFilter', 'edited: BooleanFilter', 'owner: OwnerFilter', 'viewId: DocumentViewIdFilter']],
    ['BooleanFilter', ['eq: Boolean', 'notEq: Boolean']],
    ['HexBytesFilter', ['eq: HexBytes', 'notEq: HexBytes']],
    ...[['Integer', 'Int'], ['Float', 'Float']].map(([name, type]) => [`${name}Filter`, [
      `eq: ${type}`, `gt: ${type}`, `gte: ${type}`, `in: [${type}!]`, `lt: ${type}`, `lte: ${type}`, `notEq: ${type}`, `notIn: [${type}!]`,
    ]]),
    ['StringFilter', [
      'contains: String', 'eq: String', 'gt: String', 'gte: String', 'in: [String!]', 'lt: String', 'lte: String',
      'notContains: String', 'notEq: String', 'notIn: [String!]',
    ]],
    ...[
      ['DocumentId', 'DocumentId'], ['Relation', 'DocumentId'], ['DocumentViewId', 'DocumentViewId'],
      ['PinnedRelation', 'DocumentViewId'], ['Owner', 'PublicKey'],
    ].map(([name, type]) => [`${name}Filter`, [`eq: ${type}`, `in: [${type}!]`, `notEq: ${type}`, `notIn: [${type}!]`]]),
    ['RelationListFilter', ['in: [DocumentId!]', 'notIn: [DocumentId!]']],
    ['PinnedRelationListFilter', ['in: [DocumentViewId!]', 'notIn: [DocumentViewId!]']],
  ]) {
    test(`has the type ${name}`, () => assert.deepEqual(shape(name), expected));
  }

  test('has nextArgs', () => {
    assert.ok(shape('Query').includes('nextArgs(publicKey: PublicKey!, viewId: DocumentViewId): NextArguments'));
  });

  test('gives every type of field its type and its filter', () => {
    assert.deepEqual(shape(`${everything}Fields`), [
      'a_bool: Boolean', 'a_float: Float', `a_list${collection(band)}: ${band}Collection`, `a_pin: ${band}`,
      `a_pinlist${collection(band)}: ${band}Collection`, `a_rel: ${band}`, 'a_str: String', 'an_int: Int', 'some_bytes: HexBytes',
    ]);
    assert.deepEqual(shape(`${everything}Filter`), [
      'a_bool: BooleanFilter', 'a_float: FloatFilter', 'a_list: RelationListFilter', 'a_pin: PinnedRelationFilter',
      'a_pinlist: PinnedRelationListFilter', 'a_rel: RelationFilter', 'a_str: StringFilter', 'an_int: IntegerFilter',
      'some_bytes: HexBytesFilter',
    ]);
  });

  test('gives the system schemas their fields', () => {
    const pieces = (target) => `${collection(target)}: ${target}Collection`;
    assert.deepEqual(shape('blob_v1Fields'), ['length: Int', 'mime_type: String', `pieces${pieces('blob_piece_v1')}`]);
    assert.deepEqual(shape('blob_piece_v1Fields'), ['data: HexBytes']);
    assert.deepEqual(shape('schema_definition_v1Fields'),
      ['description: String', `fields${pieces('schema_field_definition_v1')}`, 'name: String']);
    assert.deepEqual(shape('schema_field_definition_v1Fields'), ['name: String', 'type: String']);
  });

  test('has the scalars', () => {
    for (const name of [
      'Boolean', 'Cursor', 'DocumentId', 'DocumentViewId', 'EncodedEntry', 'EncodedOperation', 'EntryHash', 'Float', 'HexBytes',
      'Int', 'LogId', 'PublicKey', 'SeqNum', 'String',
    ]) {
      assert.equal(schema.getType(name)?.astNode ?? null, null);
      assert.equal(schema.getType(name)?.constructor.name, 'GraphQLScalarType', name);
    }
  });

  test('says what a schema is for', () => {
    assert.equal(schema.getType(band).description, 'Plays music');
  });

  test('takes what the reference library holds for valid', async () => {
    const query = `query ($first: Int, $filter: ${everything}Filter, $order: OrderDirection = DESC) {
      all_${everything}(first: $first, filter: $filter, orderBy: an_int, orderDirection: $order, meta: { edited: { eq: false } }) {
        ...page
      }
    }
    fragment page on ${everything}Collection {
      totalCount endCursor
      documents { cursor meta { owner } fields { a_bool a_rel { fields { name } } a_list(first: 2, filter: { founded: { in: [1, 2] } }) { documents { fields { name } } } } }
    }`;
    assert.deepEqual(validate(schema, parse(query)), []);
    const answer = await data(node.endpoint, query, { first: 3, filter: { a_str: { contains: 'x' } } });
    assert.deepEqual(answer, { [`all_${everything}`]: { totalCount: 0, endCursor: null, documents: [] } });
  });

  test('grows with every schema', async () => {
    const fresh = await publishSchema(new Author(node.endpoint), 'fresh', '', { text: 'str' });
    const built = buildClientSchema(await data(node.endpoint, getIntrospectionQuery()));
    assert.ok(built.getType(`${fresh}Collection`));
    assert.deepEqual(validateSchema(built), []);
  });
});

describe('relations to an unknown schema leave the API valid', () => {
  const unknown = `gone_0020${'ab'.repeat(32)}`;
  const introspect = async (fields) => {
    const id = await publishSchema(new Author(node.endpoint), 'dangling', '', fields);
    const built = buildClientSchema(await data(node.endpoint, getIntrospectionQuery(NEWEST)));
    assert.deepEqual(validateSchema(built).map(({ message }) => message), []);
    return [id, built];
  };

  test('beside other fields', async () => {
    const [id, built] = await introspect({ text: 'str', links: `relation_list(${unknown})` });
    assert.deepEqual(Object.keys(built.getType(`${id}Fields`).getFields()), ['text']);
    assert.deepEqual(Object.keys(built.getType(`${id}Filter`).getFields()), ['text']);
  });

  // Comes last: what it publishes stays in the API.
  test('alone, so that no field can be shown', () =>
    introspect({ link: `relation(${unknown})` }));
});
