// Questions that most tests ask.
import { data } from './graphql.js';

const META = 'meta { documentId viewId owner }';

/** A document by its id, or null. */
export const byId = (endpoint, schema, id, selection = META) =>
  single(endpoint, schema, { id }, selection);

/** A document in the state of a view id, or null. */
export const byView = (endpoint, schema, viewId, selection = META) =>
  single(endpoint, schema, { viewId }, selection);

async function single(endpoint, schema, where, selection) {
  const [[argument, value]] = Object.entries(where);
  const answer = await data(endpoint, `query ($value: String!) {
    found: ${schema}(${argument}: $value) { ${selection} }
  }`, { value });
  return answer.found;
}

/** A page of a collection; the arguments are given as GraphQL writes them, without brackets. */
export async function page(endpoint, schema, args = '', selection = META) {
  const { all } = await data(endpoint, `{ all: all_${schema}${args && `(${args})`} {
    totalCount hasNextPage endCursor documents { cursor ${selection} }
  } }`);
  return all;
}

/** The values of one field in all documents that a collection answers with. */
export async function column(endpoint, schema, field, args = 'first: 1000') {
  const { documents } = await page(endpoint, schema, args, `fields { ${field} }`);
  return documents.map(({ fields }) => fields[field]);
}

/** Walks through a collection page by page; `between` runs after each of them. */
export async function walk(endpoint, schema, args, { selection = META, between = () => {} } = {}) {
  const pages = [];
  for (let cursor; ;) {
    const after = cursor === undefined ? '' : `, after: "${cursor}"`;
    const found = await page(endpoint, schema, args + after, selection);
    pages.push(found);
    if (!found.hasNextPage) return pages;
    cursor = found.endCursor;
    await between(found);
  }
}

/** The ids of all documents of some pages. */
export const idsOf = (pages) =>
  pages.flatMap(({ documents }) => documents.map(({ meta }) => meta.documentId));
