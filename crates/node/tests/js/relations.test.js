// Relations: latest and pinned states, lists, pages of lists, and what is missing or deleted.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Author, publishSchema } from './support/author.js';
import { data, failure } from './support/graphql.js';
import { startNode } from './support/node.js';
import { byId, page } from './support/query.js';

const UNKNOWN = `0020${'ab'.repeat(32)}`;

let node, alice, person, team;

before(async () => {
  node = await startNode();
  alice = new Author(node.endpoint);
  person = await publishSchema(alice, 'person', '', { name: 'str', age: 'int' });
  team = await publishSchema(alice, 'team', '', {
    name: 'str', lead: `relation(${person})`, founder: `pinned_relation(${person})`,
    members: `relation_list(${person})`, photo: `pinned_relation_list(${person})`,
  });
});

after(() => node.stop());

const relation = (value) => ({ type: 'relation', value });
const pinned = (...value) => ({ type: 'pinned_relation', value });
const list = (...value) => ({ type: 'relation_list', value });
const pins = (...value) => ({ type: 'pinned_relation_list', value: value.map((id) => [id].flat()) });

const newPerson = (name, age = 0) => alice.create(person, { name, age });

const newTeam = (lead, { founder = lead, members = [], photo = [] } = {}) => alice.create(team, {
  name: 'team', lead: relation(lead), founder: pinned(founder), members: list(...members), photo: pins(...photo),
});

const fieldsOf = async (id, selection) => (await byId(node.endpoint, team, id, `fields { ${selection} }`)).fields;

const names = (collection) => collection.documents.map(({ fields }) => fields?.name ?? null);

const SHOW = '{ totalCount hasNextPage endCursor documents { cursor fields { name } } }';

describe('states', () => {
  test('relations show the latest one, pinned relations the pinned one', async () => {
    const [ada, bea] = [await newPerson('ada'), await newPerson('bea')];
    const id = await newTeam(ada, { members: [ada, bea], photo: [ada, bea] });
    const married = await alice.update(person, ada, { name: 'ada b' });
    const older = await alice.update(person, married, { age: 90 });
    const found = await fieldsOf(id, `lead { meta { viewId } fields { name age } }
      founder { meta { viewId documentId } fields { name age } } members ${SHOW} photo ${SHOW}`);
    assert.deepEqual(found.lead, { meta: { viewId: older }, fields: { name: 'ada b', age: 90 } });
    assert.deepEqual(found.founder, { meta: { viewId: ada, documentId: ada }, fields: { name: 'ada', age: 0 } });
    assert.deepEqual(names(found.members), ['ada b', 'bea']);
    assert.deepEqual(names(found.photo), ['ada', 'bea']);
    assert.equal(found.photo.totalCount, 2);
  });

  test('one list may pin several states of one document', async () => {
    const ada = await newPerson('ada');
    const second = await alice.update(person, ada, { name: 'ada 2' });
    await alice.update(person, second, { name: 'ada 3' });
    const id = await newTeam(ada, { photo: [second, ada, second] });
    const { photo } = await fieldsOf(id, `photo ${SHOW}`);
    assert.deepEqual(names(photo), ['ada 2', 'ada', 'ada 2']);
  });

  test('a state of several tips can be pinned', async () => {
    const bob = new Author(node.endpoint);
    const root = await newPerson('root');
    const tips = [await alice.update(person, root, { name: 'left' }), await bob.update(person, root, { age: 7 })].sort();
    const id = await newTeam(root, { photo: [tips] });
    await alice.update(team, id, { founder: pinned(...tips) });
    await alice.update(person, tips, { name: 'merged', age: 1 });
    const found = await fieldsOf(id, 'founder { meta { viewId } fields { name age } } photo { documents { meta { viewId } fields { name age } } }');
    const state = { meta: { viewId: tips.join('_') }, fields: { name: 'left', age: 7 } };
    assert.deepEqual(found, { founder: state, photo: { documents: [state] } });
  });

  test('an older state of a document keeps its own relations', async () => {
    const [ada, bea] = [await newPerson('ada'), await newPerson('bea')];
    const id = await newTeam(ada, { members: [ada] });
    await alice.update(team, id, { lead: relation(bea), members: list(bea, ada) });
    const { old } = await data(node.endpoint, `{ old: ${team}(viewId: "${id}") { fields { lead { fields { name } } members ${SHOW} } } }`);
    assert.equal(old.fields.lead.fields.name, 'ada');
    assert.deepEqual(names(old.fields.members), ['ada']);
  });
});

describe('what is not there', () => {
  test('is null or left out, and comes when it is published', async () => {
    const ada = await newPerson('ada');
    const eve = new Author(node.endpoint);
    const late = await eve.sign({ action: 'create', schemaId: person, fields: { name: 'late', age: 1 } });
    const id = await newTeam(late.id, { members: [ada, late.id, UNKNOWN, ada], photo: [late.id, ada] });
    const selection = `lead { fields { name } } founder { fields { name } } members ${SHOW} photo ${SHOW}`;
    const earlier = await fieldsOf(id, selection);
    assert.deepEqual([earlier.lead, earlier.founder], [null, null]);
    assert.deepEqual([names(earlier.members), earlier.members.totalCount], [['ada', 'ada'], 2]);
    assert.deepEqual([names(earlier.photo), earlier.photo.totalCount], [['ada'], 1]);
    await eve.create(person, { name: 'late', age: 1 });
    const later = await fieldsOf(id, selection);
    assert.deepEqual([later.lead, later.founder], [{ fields: { name: 'late' } }, { fields: { name: 'late' } }]);
    assert.deepEqual(names(later.members), ['ada', 'late', 'ada']);
    assert.deepEqual(names(later.photo), ['late', 'ada']);
  });

  test('was deleted: all its states are gone', async () => {
    const [ada, bea] = [await newPerson('ada'), await newPerson('bea')];
    const second = await alice.update(person, ada, { name: 'ada 2' });
    const id = await newTeam(ada, { members: [ada, bea], photo: [ada, second, bea] });
    await alice.delete(person, second);
    const found = await fieldsOf(id, `lead { meta { viewId } } founder { meta { viewId } } members ${SHOW} photo ${SHOW}`);
    assert.deepEqual([found.lead, found.founder], [null, null]);
    assert.deepEqual([names(found.members), found.members.totalCount], [['bea'], 1]);
    assert.deepEqual([names(found.photo), found.photo.totalCount], [['bea'], 1]);
  });

  test('is of another schema than the field', async () => {
    const ada = await newPerson('ada');
    const other = await newTeam(ada);
    const id = await newTeam(other, { members: [other, ada], photo: [other, ada] });
    const found = await fieldsOf(id, `lead { fields { name age } } founder { fields { age } } members ${SHOW} photo ${SHOW}`);
    assert.deepEqual([found.lead, found.founder], [null, null]);
    assert.deepEqual([names(found.members), names(found.photo)], [['ada'], ['ada']]);
  });

  test('an empty list', async () => {
    const id = await newTeam(UNKNOWN);
    const empty = { totalCount: 0, hasNextPage: false, endCursor: null, documents: [] };
    assert.deepEqual(await fieldsOf(id, `members ${SHOW} photo ${SHOW}`), { members: empty, photo: empty });
  });
});

describe('lists', () => {
  let id, people;

  before(async () => {
    people = {};
    for (const [name, age] of [['carl', 3], ['Anna', 1], ['bert', 2], ['dora', 3]]) people[name] = await newPerson(name, age);
    const { carl, Anna, bert, dora } = people;
    const items = [carl, Anna, carl, dora, bert, Anna, dora];
    id = await newTeam(carl, { members: items, photo: items });
  });

  const OWN = ['carl', 'Anna', 'carl', 'dora', 'bert', 'Anna', 'dora'];

  for (const field of ['members', 'photo']) {
    for (const [args, expected, total = expected.length] of [
      ['', OWN],
      ['(orderDirection: DESC)', OWN],
      ['(first: 3)', OWN.slice(0, 3), 7],
      ['(orderBy: name)', ['Anna', 'Anna', 'bert', 'carl', 'carl', 'dora', 'dora']],
      ['(orderBy: "name", orderDirection: DESC)', ['dora', 'dora', 'carl', 'carl', 'bert', 'Anna', 'Anna']],
      ['(filter: { age: { gte: 3 } })', ['carl', 'carl', 'dora', 'dora']],
      ['(filter: { name: { contains: "A" } }, first: 1)', ['carl'], 6],
      ['(filter: { name: { in: [] } })', []],
      ['(filter: { age: { lt: 3 } }, orderBy: age)', ['Anna', 'Anna', 'bert']],
    ]) {
      test(`${field}${args}`, async () => {
        const { found } = await fieldsOf(id, `found: ${field}${args} ${SHOW}`);
        assert.deepEqual(names(found), expected);
        assert.equal(found.totalCount, total);
        assert.equal(found.hasNextPage, total > expected.length);
      });
    }

    test(`${field} can be filtered by what is known about documents`, async () => {
      const one = await fieldsOf(id, `found: ${field}(meta: { documentId: { eq: "${people.carl}" } }) ${SHOW}`);
      assert.deepEqual(names(one.found), ['carl', 'carl']);
      const none = await fieldsOf(id, `found: ${field}(meta: { owner: { notEq: "${alice.publicKey}" } }) ${SHOW}`);
      assert.equal(none.found.totalCount, 0);
    });

    for (const first of [1, 2, 3, 7]) {
      test(`pages of ${first} of ${field} show each place of the list once`, async () => {
        for (const [order, expected] of [['', OWN], [', orderBy: name', [...OWN].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))]]) {
          const seen = [];
          for (let after = ''; ;) {
            const { found } = await fieldsOf(id, `found: ${field}(first: ${first}${order}${after}) ${SHOW}`);
            assert.equal(found.totalCount, 7);
            assert.equal(found.endCursor, found.documents.at(-1).cursor);
            seen.push(...names(found));
            if (!found.hasNextPage) break;
            after = `, after: "${found.endCursor}"`;
          }
          assert.deepEqual(seen, expected);
        }
      });
    }
  }

  test('ignore cursors of other lists, so that one argument does for many', async () => {
    const second = await newTeam(people.Anna, { members: [people.dora, people.bert] });
    const { found } = await fieldsOf(id, `found: members(first: 2) ${SHOW}`);
    const { all } = await data(node.endpoint, `query ($after: Cursor) {
      all: all_${team}(meta: { documentId: { in: ["${id}", "${second}"] } }) {
        documents { meta { documentId } fields { members(first: 2, after: $after) ${SHOW} } }
      }
    }`, { after: found.endCursor });
    const shown = Object.fromEntries(all.documents.map(({ meta, fields }) => [meta.documentId, names(fields.members)]));
    assert.deepEqual(shown, { [id]: OWN.slice(2, 4), [second]: ['dora', 'bert'] });
  });

  test('refuse pages of no size and unknown orders', async () => {
    for (const [args, code] of [
      ['first: 0', 'BAD_USER_INPUT'], ['first: 1001', 'LIMIT_EXCEEDED'],
      ['orderBy: nothing', 'GRAPHQL_VALIDATION_FAILED'], ['filter: null', 'GRAPHQL_VALIDATION_FAILED'],
    ]) {
      const error = await failure(node.endpoint, `{ found: ${team}(id: "${id}") { fields { members(${args}) { totalCount } } } }`);
      assert.equal(error.extensions.code, code, args);
    }
  });

  test('can be asked for twice in two ways', async () => {
    const found = await fieldsOf(id, `a: members(first: 1) { totalCount } b: members(orderBy: age, first: 2) ${SHOW} c: members { hasNextPage }`);
    assert.deepEqual([found.a, names(found.b), found.c], [{ totalCount: 7 }, ['Anna', 'Anna'], { hasNextPage: false }]);
  });
});

describe('nesting', () => {
  test('goes through relations of relations, each with its own arguments', async () => {
    const club = await publishSchema(alice, 'club', '', {
      name: 'str', teams: `relation_list(${team})`, first: `pinned_relation(${team})`,
    });
    const [ada, bea, cleo] = [await newPerson('ada', 1), await newPerson('bea', 2), await newPerson('cleo', 3)];
    const one = await newTeam(ada, { members: [ada, bea, cleo] });
    const two = await newTeam(cleo, { members: [cleo, ada] });
    const id = await alice.create(club, { name: 'club', teams: list(two, one), first: pinned(one) });
    await alice.update(team, one, { lead: relation(bea) });
    await alice.update(person, ada, { name: 'ada!' });
    const { fields } = await byId(node.endpoint, club, id, `fields {
      teams(orderBy: DOCUMENT_ID) { documents { meta { documentId } fields {
        lead { fields { name } }
        members(filter: { age: { lt: 3 } }, orderBy: age, orderDirection: DESC) { totalCount documents { fields { name } } }
      } } }
      first { fields { lead { fields { name } } } }
    }`);
    const shown = fields.teams.documents.map(({ meta, fields }) =>
      [meta.documentId, fields.lead.fields.name, names(fields.members), fields.members.totalCount]);
    const expected = [[one, 'bea', ['bea', 'ada!'], 2], [two, 'cleo', ['ada!'], 1]].sort();
    assert.deepEqual(shown, expected);
    // The pinned state of the team leads to the latest state of the person.
    assert.equal(fields.first.fields.lead.fields.name, 'ada!');
  });

  test('goes through chains of many documents', async () => {
    let below = await publishSchema(alice, 'step_0', '', { name: 'str' });
    let id = await alice.create(below, { name: 'the end' });
    let selection = 'fields { name }';
    for (let step = 1; step <= 10; step += 1) {
      below = await publishSchema(alice, `step_${step}`, '', { next: `relation(${below})` });
      id = await alice.create(below, { next: relation(id) });
      selection = `fields { next { ${selection} } }`;
    }
    let found = await byId(node.endpoint, below, id, selection);
    for (let step = 1; step <= 10; step += 1) found = found.fields.next;
    assert.deepEqual(found, { fields: { name: 'the end' } });
  });

  test('in collections asks each document for its own', async () => {
    const leads = [];
    for (const name of ['p', 'q', 'r', 'p']) leads.push([await newTeam(await newPerson(`${name} lead`)), `${name} lead`]);
    const ids = leads.map(([id]) => `"${id}"`).join(', ');
    const { documents } = await page(node.endpoint, team, `meta: { documentId: { in: [${ids}] } }`,
      'meta { documentId } fields { lead { fields { name } } founder { fields { name } } }');
    const shown = documents.map(({ meta, fields }) => [meta.documentId, fields.lead.fields.name]);
    assert.deepEqual(shown, [...leads].sort());
  });
});
