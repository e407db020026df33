// Tools that exist: lock files of schemas, key files, and programs that send literals.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { KeyPair, decodeEntry, decodeOperation, encodeOperation, generateHash, signAndEncodeEntry } from 'p2panda-js';

import { Author, typed } from './support/author.js';
import { data, failure } from './support/graphql.js';
import { run, startNode } from './support/node.js';
import { byId, column } from './support/query.js';
import { Workshop, publishAll } from './support/workshop.js';

let node, folder;

before(async () => {
  node = await startNode();
  folder = await mkdtemp(join(tmpdir(), 'pandan-tools-'));
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true, force: true });
});

const file = async (name, text) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

const deploy = (lock) => run(['schema', 'deploy', '--lock', lock, '--node', node.origin]);

const isKnown = async (schema) => {
  const { found } = await data(node.endpoint, `{ found: __type(name: "${schema}") { name } }`);
  return found !== null;
};

/** A workshop with two schemas, of which one relates to the other. */
function zoo() {
  const workshop = new Workshop();
  const keeper = workshop.schema('keeper', { name: 'str' }, 'Who feeds');
  const animal = workshop.schema('animal', { keeper: `relation(${keeper})`, legs: 'int', name: 'str' }, 'Who eats');
  return { workshop, keeper, animal };
}

describe('a lock file', () => {
  test('is deployed once, and its schemas can be used', async () => {
    const { workshop, keeper, animal } = zoo();
    const lock = await file('zoo.lock', workshop.lock());
    const first = await deploy(lock);
    assert.equal(first.code, 0, first.stderr);
    const before = await (await fetch(`${node.origin}/health`)).json();
    const again = await deploy(lock);
    assert.equal(again.code, 0, again.stderr);
    assert.equal((await (await fetch(`${node.origin}/health`)).json()).entries, before.entries, 'nothing is sent twice');
    const alice = new Author(node.endpoint);
    const id = await alice.create(keeper, { name: 'Ada' });
    await alice.create(animal, { keeper: { type: 'relation', value: id }, legs: 4, name: 'Panda' });
    const { all } = await data(node.endpoint, `{ all: all_${animal} { documents { fields { name legs keeper { fields { name } } } } } }`);
    assert.deepEqual(all.documents, [{ fields: { name: 'Panda', legs: 4, keeper: { fields: { name: 'Ada' } } } }]);
  });

  test('is deployed from where another deployment stopped', async () => {
    const { workshop, animal } = zoo();
    await publishAll(node.endpoint, workshop.commits.slice(0, 3));
    const { code, stderr } = await deploy(await file('half.lock', workshop.lock()));
    assert.equal(code, 0, stderr);
    assert.equal(await isKnown(animal), true);
  });

  test('may hold updates, each of which makes a schema', async () => {
    const { workshop, keeper } = zoo();
    const [definition] = keeper.split('_').slice(1);
    const operation = encodeOperation({
      action: 'update', schemaId: 'schema_definition_v1', previous: [definition], fields: typed({ description: 'Who sleeps' }),
    });
    const { entry: created } = workshop.commits.find(({ entry_hash: hash }) => hash === definition);
    const { logId } = decodeEntry(created);
    const entry = signAndEncodeEntry({ operation, logId, seqNum: 2, backlink: definition }, workshop.keyPair);
    workshop.commits.push({ entry_hash: generateHash(entry), entry, operation });
    const { code, stderr } = await deploy(await file('update.lock', workshop.lock()));
    assert.equal(code, 0, stderr);
    assert.equal(await isKnown(keeper), true);
    assert.equal(await isKnown(`keeper_${generateHash(entry)}`), true);
  });

  for (const [name, damage] of [
    ['another version', (text) => text.replace('version = 1', 'version = 2')],
    ['an unknown key', (text) => `more = 1\n${text}`],
    ['an unknown key in a commit', (text) => `${text}more = 1\n`],
    ['a hash of something else', (text) => text.replace(/entry_hash = ".*"/, `entry_hash = "0020${'ab'.repeat(32)}"`)],
    ['an entry that is no hex', (text) => text.replace('\nentry = "', '\nentry = "zz')],
    ['another operation', (text) => text.replace(/operation = "(.*)."/, 'operation = "$10"')],
    ['no TOML', () => '{"version": 1}'],
  ]) {
    test(`with ${name} is refused before anything is sent`, async () => {
      const { workshop, keeper } = zoo();
      const text = damage(workshop.lock());
      const { code, stderr } = await deploy(await file('damaged.lock', text));
      assert.notEqual(text, workshop.lock());
      assert.ok([2, 5].includes(code), `${code}: ${stderr}`);
      assert.equal(await isKnown(keeper), false);
    });
  }

  test('without a node is told so', async () => {
    const { workshop } = zoo();
    const lock = await file('alone.lock', workshop.lock());
    const { code } = await run(['schema', 'deploy', '--lock', lock, '--node', 'http://127.0.0.1:1']);
    assert.equal(code, 3);
  });

  test('is what the program itself makes from a schema.toml', async () => {
    const cwd = join(folder, 'project');
    await mkdir(cwd);
    const secret = new KeyPair();
    await writeFile(join(cwd, 'secret.txt'), `${secret.privateKey()}\n`);
    await writeFile(join(cwd, 'schema.toml'), [
      '[tree]', 'description = "Grows"', '', '[tree.fields]', 'name = { type = "str" }',
      'forest = { type = "relation", schema = { name = "forest" } }', '',
      '[forest]', 'description = "Many trees"', '', '[forest.fields]', 'name = { type = "str" }', '',
    ].join('\n'));
    const built = await run(['schema', 'build', '--key', 'secret.txt'], { cwd });
    assert.equal(built.code, 0, built.stderr);
    const text = await readFile(join(cwd, 'schema.lock'), 'utf8');
    assert.match(text, /^version = 1\n/m);
    const commits = [...text.matchAll(/\[\[commits\]\]\nentry_hash = "(.*)"\nentry = "(.*)"\noperation = "(.*)"\n/g)];
    // Schemas before those that relate to them; of each, fields in the order of their names.
    const made = commits.map(([, hash, entry, operation]) => {
      assert.equal(generateHash(entry), hash);
      assert.equal(decodeEntry(entry).publicKey, secret.publicKey());
      return decodeOperation(operation).fields.get('name');
    });
    assert.deepEqual(made, ['name', 'forest', 'forest', 'name', 'tree']);
    const deployed = await deploy(join(cwd, 'schema.lock'));
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.equal(await isKnown(`forest_${commits[1][1]}`), true);
    assert.equal(await isKnown(`tree_${commits[4][1]}`), true);
  });
});

describe('what tools rely on', () => {
  test('nextArgs tells by an error that a commit is not there, and by a greater number that it is', async () => {
    const { workshop } = zoo();
    const [commit] = workshop.commits;
    const ask = `{ nextArgs(publicKey: "${workshop.keyPair.publicKey()}", viewId: "${commit.entry_hash}") { logId seqNum } }`;
    assert.equal((await failure(node.endpoint, ask)).extensions.code, 'PREVIOUS_NOT_FOUND');
    await publishAll(node.endpoint, [commit]);
    assert.deepEqual((await data(node.endpoint, ask)).nextArgs, { logId: '0', seqNum: '2' });
  });

  test('requests made of literals, with a view id of null', async () => {
    const { workshop, keeper } = zoo();
    await publishAll(node.endpoint, workshop.commits);
    const keyPair = new KeyPair();
    const publish = async (operationArgs, viewId) => {
      const { nextArgs } = await data(node.endpoint, `{
        nextArgs(publicKey: "${keyPair.publicKey()}", viewId: ${viewId ? `"${viewId}"` : null}) { logId, seqNum, skiplink, backlink }
      }`);
      const operation = encodeOperation(operationArgs);
      const { logId, seqNum, skiplink, backlink } = nextArgs;
      const links = Object.fromEntries(Object.entries({ skiplink, backlink }).filter(([, link]) => link));
      const entry = signAndEncodeEntry({ logId: BigInt(logId), seqNum: BigInt(seqNum), ...links, operation }, keyPair);
      const answer = await data(node.endpoint, `mutation {
        publish(entry: "${entry}", operation: "${operation}") { logId, seqNum, skiplink, backlink }
      }`);
      return answer.publish.backlink;
    };
    const id = await publish({ action: 'create', schemaId: keeper, fields: typed({ name: 'Ada' }) });
    const view = await publish({ action: 'update', schemaId: keeper, previous: [id], fields: typed({ name: 'Bea' }) }, id);
    assert.deepEqual(await byId(node.endpoint, keeper, id, 'meta { viewId } fields { name }'), { meta: { viewId: view }, fields: { name: 'Bea' } });
    await publish({ action: 'delete', schemaId: keeper, previous: [view] }, view);
    assert.equal(await byId(node.endpoint, keeper, id), null);
  });

  test('operations written as JSON are published with a key file', async () => {
    const { workshop, keeper, animal } = zoo();
    await publishAll(node.endpoint, workshop.commits);
    const keyPair = new KeyPair();
    const key = await file('key.txt', `${keyPair.privateKey()}\n`);
    const publish = async (name, operation) => {
      const json = await file(name, JSON.stringify(operation));
      const { code, stdout, stderr } = await run(['publish', json, '--key', key, '--node', node.origin, '--json']);
      assert.equal(code, 0, stderr);
      return /0020[0-9a-f]{64}/.exec(stdout)[0];
    };
    await publish('create.json', [1, 0, keeper, { name: 'Ada' }]);
    const { all } = await data(node.endpoint, `{ all: all_${keeper} { documents { meta { documentId owner } } } }`);
    const [{ meta }] = all.documents;
    assert.equal(meta.owner, keyPair.publicKey());
    await publish('relate.json', [1, 0, animal, { keeper: meta.documentId, legs: 4, name: 'Panda' }]);
    assert.deepEqual(await column(node.endpoint, animal, 'legs'), [4]);
    await publish('update.json', [1, 1, keeper, [meta.documentId], { name: 'Bea' }]);
    assert.deepEqual(await column(node.endpoint, keeper, 'name'), ['Bea']);
    const { found } = await data(node.endpoint, `{ found: ${keeper}(id: "${meta.documentId}") { meta { viewId } } }`);
    await publish('delete.json', [1, 2, keeper, [found.meta.viewId]]);
    assert.deepEqual(await column(node.endpoint, keeper, 'name'), []);
  });
});

describe('key files', () => {
  test('are hex, with or without a new line', async () => {
    const keyPair = new KeyPair();
    for (const [name, end] of [['bare.txt', ''], ['line.txt', '\n'], ['crlf.txt', '\r\n']]) {
      const key = await file(name, keyPair.privateKey() + end);
      const { code, stdout, stderr } = await run(['key', 'show', key]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(keyPair.publicKey()));
    }
  });

  test('that are none are refused', async () => {
    for (const text of ['', 'zz', 'ab', 'ab'.repeat(33)]) {
      const { code } = await run(['key', 'show', await file('bad.txt', text)]);
      assert.equal(code, 2, text);
    }
  });
});
