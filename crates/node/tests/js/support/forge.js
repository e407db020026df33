// Makes entries and operations byte by byte: also such that no client library would make.
import { createPrivateKey, sign } from 'node:crypto';

import { KeyPair, generateHash } from 'p2panda-js';

// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Encodes and signs an entry; nothing is checked. */
export function forgeEntry(keyPair, { tag = 0, logId = 0, seqNum = 1, skiplink, backlink, operation,
  payloadHash = generateHash(operation), payloadSize = operation.length / 2 }) {
  const unsigned = Buffer.concat([
    Buffer.from([tag]),
    hex(keyPair.publicKey()),
    varu64(logId),
    varu64(seqNum),
    hex(skiplink ?? ''),
    hex(backlink ?? ''),
    varu64(payloadSize),
    hex(payloadHash),
  ]);
  return Buffer.concat([unsigned, signature(keyPair, unsigned)]).toString('hex');
}

/** An entry, its operation and its id, as `send` wants them. */
export function forge(operation, entryArgs = {}, keyPair = new KeyPair()) {
  const entry = forgeEntry(keyPair, { ...entryArgs, operation });
  return { entry, operation, id: generateHash(entry) };
}

/** Encodes numbers, texts, bytes (`Uint8Array`), lists and maps in CBOR. */
export function cbor(value) {
  return encode(value).toString('hex');
}

/** A floating point number in CBOR, with all of its 64 bits. */
export const float64 = (value) => {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfb;
  bytes.writeDoubleBE(value, 1);
  return raw(bytes.toString('hex'));
};

/** Bytes that stand in CBOR as they are. */
export const raw = (text) => ({ raw: hex(text) });

/** Bytes of CBOR out of hexadecimal digits, such as of ids. */
export const hex = (text) => Buffer.from(text, 'hex');

/** An operation of CREATE (0), UPDATE (1) or DELETE (2). */
export const operation = (...items) => cbor([1, ...items]);

function encode(value) {
  if (value.raw) return value.raw;
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([head(3, text.length), text]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)]);
  const fields = Object.entries(value).flat();
  return Buffer.concat([head(5, fields.length / 2), ...fields.map(encode)]);
}

function head(major, number) {
  const type = major << 5;
  if (number < 24) return Buffer.from([type | number]);
  const width = number < 0x100 ? 1 : number < 0x10000 ? 2 : 4;
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = type | (23 + Math.log2(width) + 1);
  bytes.writeUIntBE(number, 1, width);
  return bytes;
}

function varu64(number) {
  let rest = BigInt(number);
  if (rest < 248n) return Buffer.from([Number(rest)]);
  const bytes = [];
  for (; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Buffer.from([247 + bytes.length, ...bytes]);
}

function signature(keyPair, bytes) {
  const der = Buffer.concat([PKCS8, hex(keyPair.privateKey())]);
  return sign(null, bytes, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}
