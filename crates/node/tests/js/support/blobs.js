// Blobs: published in pieces, as clients do.
import { createHash } from 'node:crypto';

/** Publishes a blob; gives back its id and the ids of its pieces. */
export async function publishBlob(author, bytes, { mimeType = 'application/octet-stream', pieceSize = 256_000 } = {}) {
  const pieces = [];
  for (let from = 0; from < Math.max(bytes.length, 1); from += pieceSize) {
    pieces.push(await author.create('blob_piece_v1', { data: bytes.slice(from, from + pieceSize) }));
  }
  const id = await author.create('blob_v1', blobFields(bytes.length, pieces, mimeType));
  return { id, pieces };
}

/** The fields of a blob out of pieces that are published already. */
export const blobFields = (length, pieces, mimeType = 'application/octet-stream') => ({
  length,
  mime_type: mimeType,
  pieces: { type: 'pinned_relation_list', value: pieces.map((piece) => [piece].flat()) },
});

/** Bytes that look like chance but are the same each time. */
export function noise(length) {
  const blocks = [];
  for (let block = 0; block * 32 < length; block += 1) {
    blocks.push(createHash('sha256').update(`${block}`).digest());
  }
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}
