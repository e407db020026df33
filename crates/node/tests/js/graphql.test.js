// The reference implementation of GraphQL against a node: its tools have to understand the API, and
// both have to agree on which documents are good.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { buildClientSchema, getIntrospectionQuery, parse, validate, validateSchema } from 'graphql';

import { data, request } from './support/graphql.js';
import { startNode } from './support/node.js';

let node, schema;

before(async () => {
  node = await startNode();
  schema = buildClientSchema(await data(node.endpoint, getIntrospectionQuery()));
});

after(() => node.stop());

test('the API introspects to a valid schema, with every question that tools ask', async () => {
  assert.deepEqual(validateSchema(schema), []);
  const everything = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  assert.deepEqual(validateSchema(buildClientSchema(await data(node.endpoint, everything))), []);
});

const ID = '00201c221b573b1e0c67c5e2c624a93419774cdf46b3d62414c44a698df1237b1c16';

const DOCUMENTS = [
  `query A($a: Boolean!) { x: all_blob_v1(first: 3) { totalCount ...P @include(if: $a) } ... on Query { __typename } }
   fragment P on blob_v1Collection { documents { meta { viewId } fields { length pieces(first: 2) { totalCount } } } }`,
  `{ a: blob_v1(id: "${ID}") { meta { owner } fields { mime_type } }
     a: blob_v1(id: "${ID}") { __typename } __type(name: "x") { name ofType { name } } }`,
];

const PIECES = [
  'query', 'mutation', 'fragment', 'on', 'Query', 'F', '...', '...F', '{', '}', '(', ')', '[', ']', ':', '!',
  '$a', '$', '=', '@skip(if: true)', '@include(if: $a)', 'all_blob_v1', `blob_v1(id: "${ID}")`, 'documents',
  'fields', 'meta', 'viewId', 'cursor', 'totalCount', 'first: 1', 'filter: {length: {eq: 1}}', 'orderBy: length',
  '__typename', '__schema', 'types', '__type(name: "a")', 'name', '1', '-0', '1.5', '01', 'null', 'true', '#c\n',
  ',', '{ __typename }', '{ all_blob_v1 { totalCount } }', 'fragment F on Query { __typename }', 'query A',
];

// The same numbers every time.
function numbers(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
}

function changed(random) {
  const parts = DOCUMENTS[random(DOCUMENTS.length)].split(/(?<=[\s{}()])|(?=[\s{}()])/);
  for (let change = random(3); change >= 0; change--) {
    const at = random(parts.length);
    const piece = `${PIECES[random(PIECES.length)]} `;
    parts.splice(at, random(2), ...(random(3) === 0 ? [] : [piece]));
  }
  return parts.join('');
}

function isGood(text) {
  try {
    return validate(schema, parse(text)).length === 0;
  } catch {
    return false;
  }
}

test('documents are good for both or for none', async () => {
  const random = numbers(7);
  const refusals = ['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED'];
  for (let round = 0; round < 1500; round++) {
    const text = changed(random);
    const { errors } = await request(node.endpoint, text, { a: true });
    const refused = refusals.includes(errors?.[0].extensions.code);
    assert.equal(!refused, isGood(text), `${text}\n${JSON.stringify(errors)}`);
  }
});
