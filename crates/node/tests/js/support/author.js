// An author who writes with p2panda-js, the low-level client library.
import { KeyPair, OperationFields, encodeOperation, generateHash, signAndEncodeEntry } from 'p2panda-js';

import { data } from './graphql.js';

// Variables are declared as `String` although the API has scalars of its own: deployed clients do.
const NEXT_ARGS = `query ($publicKey: String!, $viewId: String) {
  nextArgs(publicKey: $publicKey, viewId: $viewId) { logId seqNum backlink skiplink }
}`;

const PUBLISH = `mutation ($entry: String!, $operation: String!) {
  publish(entry: $entry, operation: $operation) { logId seqNum backlink skiplink }
}`;

export class Author {
  constructor(endpoint, keyPair = new KeyPair()) {
    this.endpoint = endpoint;
    this.keyPair = keyPair;
  }

  get publicKey() {
    return this.keyPair.publicKey();
  }

  create(schemaId, fields) {
    return this.publish({ action: 'create', schemaId, fields: typed(fields) });
  }

  update(schemaId, previous, fields) {
    return this.publish({ action: 'update', schemaId, previous: ids(previous), fields: typed(fields) });
  }

  delete(schemaId, previous) {
    return this.publish({ action: 'delete', schemaId, previous: ids(previous) });
  }

  /** Signs an operation without sending it. */
  async sign(operationArgs) {
    const viewId = operationArgs.previous?.join('_');
    const { nextArgs } = await data(this.endpoint, NEXT_ARGS, { publicKey: this.publicKey, viewId });
    const operation = encodeOperation(operationArgs);
    const entry = signAndEncodeEntry({ ...present(nextArgs), operation }, this.keyPair);
    return { entry, operation, id: generateHash(entry) };
  }

  /** Signs and sends an operation; gives back its id. */
  async publish(operationArgs) {
    const { entry, operation, id } = await this.sign(operationArgs);
    const { publish } = await send(this.endpoint, { entry, operation });
    if (publish.backlink !== id) throw new Error(`expected backlink ${id}, found ${publish.backlink}`);
    return id;
  }
}

/** Sends what was signed before. */
export const send = (endpoint, { entry, operation }) => data(endpoint, PUBLISH, { entry, operation });

export { PUBLISH };

/** Publishes a schema: `fields` maps names to types; gives back the schema id. */
export async function publishSchema(author, name, description, fields) {
  const definitions = [];
  for (const [field, type] of Object.entries(fields)) {
    definitions.push([await author.create('schema_field_definition_v1', { name: field, type })]);
  }
  const id = await author.create('schema_definition_v1', {
    name,
    description,
    fields: { type: 'pinned_relation_list', value: definitions },
  });
  return `${name}_${id}`;
}

/** Plain values find their type by themselves; `{ type, value }` says it where they cannot. */
export function typed(fields) {
  const result = new OperationFields();
  for (const [name, field] of Object.entries(fields)) {
    const { type, value } = isTyped(field) ? field : { type: guess(field), value: field };
    result.insert(name, type, value);
  }
  return result;
}

const isTyped = (field) => typeof field === 'object' && 'type' in field;

function guess(value) {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'str';
  if (value instanceof Uint8Array) return 'bytes';
  return Number.isInteger(value) || typeof value === 'bigint' ? 'int' : 'float';
}

const ids = (view) => (Array.isArray(view) ? view : view.split('_'));

// p2panda-js knows absent arguments, not null ones.
const present = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value != null));
