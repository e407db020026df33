// Signs schemas without a node, as tools for schemas do, and writes them as lock files.
import { KeyPair, encodeOperation, generateHash, signAndEncodeEntry } from 'p2panda-js';

import { send, typed } from './author.js';

export class Workshop {
  commits = [];
  #logs = 0;

  constructor(keyPair = new KeyPair()) {
    this.keyPair = keyPair;
  }

  /** Signs the CREATE of a document and gives back its id. */
  create(schemaId, fields) {
    const operation = encodeOperation({ action: 'create', schemaId, fields: typed(fields) });
    const entry = signAndEncodeEntry({ operation, logId: this.#logs, seqNum: 1 }, this.keyPair);
    const id = generateHash(entry);
    this.#logs += 1;
    this.commits.push({ entry_hash: id, entry, operation });
    return id;
  }

  field(name, type) {
    return this.create('schema_field_definition_v1', { name, type });
  }

  /** Signs a definition with fields that are signed already; gives back the schema id. */
  definition(name, fieldIds, description = '') {
    const fields = { type: 'pinned_relation_list', value: fieldIds.map((id) => [id]) };
    return `${name}_${this.create('schema_definition_v1', { name, description, fields })}`;
  }

  /** Signs a schema with all its fields; gives back its id. */
  schema(name, fields, description) {
    const ids = Object.entries(fields).map(([field, type]) => this.field(field, type));
    return this.definition(name, ids, description);
  }

  /** The text of a `schema.lock`. */
  lock() {
    const commits = this.commits.map((commit) =>
      ['[[commits]]', ...Object.entries(commit).map(([key, value]) => `${key} = "${value}"`)].join('\n'));
    return ['version = 1', ...commits].join('\n\n') + '\n';
  }
}

/** Publishes commits in their order. */
export async function publishAll(endpoint, commits) {
  for (const commit of commits) await send(endpoint, commit);
}
