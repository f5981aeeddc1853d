import type { FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { FairleadError, withContext } from '../../lib/errors.ts';
import { visible } from '../../lib/plain-text.ts';
import { DecodeError } from '../go/decode-error.ts';
import { fitSchema } from '../go/json.ts';
import { scanValue } from '../go/scanner.ts';

/**
 * Bytes of a request body; more is answered with 413. What a command line can hold (ARG_MAX) fits, and a hundred
 * clients that send without end cost no memory to speak of.
 */
export const bodyLimit = 2 * 1024 * 1024;

/**
 * The JSON body of an Engine call: one value, and nothing after it; an empty body is one without members. `type` is the Go type that the Engine's messages name.
 * @throws invalid, in the words of Engine 28
 */
export function readJson<T extends z.ZodType>(request: FastifyRequest, schema: T, type: string): z.infer<T> {
  const text = bodyText(request);
  const contentType = request.headers['content-type'] ?? '';
  if (contentType !== '' || text !== '') requireJson(contentType);
  try {
    const value = text === '' ? {} : decodeJson(text, 'got EOF while reading request body', refuseMore);
    return fitSchema(schema, value, type);
  } catch (error) {
    throw error instanceof DecodeError ? withContext('invalid JSON', error) : error;
  }
}

/** As `readJson`, for calls whose body may be left out. */
export function readOptionalJson<T extends z.ZodType>(
  request: FastifyRequest,
  schema: T,
  type: string,
): z.infer<T> {
  return bodyText(request).trim() === '' ? fitSchema(schema, {}, type) : readJson(request, schema, type);
}

export function bodyText(request: FastifyRequest): string {
  return Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
}

/** Decodes the first JSON value of a text; `more` is given what follows it. @throws invalid, in Go's words */
export function decodeJson(text: string, whenEmpty: string, more = (_: string) => {}): unknown {
  if (text.trim() === '') throw new DecodeError(whenEmpty);
  const value = parseFirst(text, more);
  // In valid JSON a NUL can only be written so.
  if (text.includes('\\u0000')) refuseNul(value);
  return value;
}

/** Go's decoder takes a bracket that closes nothing for the end. @throws invalid */
function refuseMore(text: string): void {
  if (/^\s*[^\s\]}]/.test(text)) throw new FairleadError('invalid', 'unexpected content after JSON');
}

function parseFirst(text: string, more: (text: string) => void): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const scanned = scanValue(text);
    if ('problem' in scanned) throw new DecodeError(scanned.problem);
    more(text.slice(scanned.end));
    return parseScanned(text.slice(0, scanned.end));
  }
}

/** No path, word, variable or name can hold one: the kernel's texts end there (execve(2)). @throws invalid */
function refuseNul(whole: unknown): void {
  // Not by recursion: a body may be nested as deep as it is long.
  const left: [path: string, value: unknown][] = [['', whole]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [path, value] = next;
    if (path.includes('\0') || (typeof value === 'string' && value.includes('\0'))) {
      throw new FairleadError('invalid', `invalid ${visible(path)}: it holds a NUL character`);
    }
    if (typeof value !== 'object' || value === null) continue;
    for (const [name, member] of Object.entries(value)) {
      left.push([Array.isArray(value) ? path : [path, name].filter(Boolean).join('.'), member]);
    }
  }
}

function parseScanned(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FairleadError('invalid', 'invalid JSON', { cause: error });
  }
}

function requireJson(contentType: string): void {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return;
  throw notJson(contentType);
}

export function notJson(contentType: string): FairleadError {
  return new FairleadError(
    'invalid',
    `unsupported Content-Type header (${contentType}): must be 'application/json'`,
  );
}
