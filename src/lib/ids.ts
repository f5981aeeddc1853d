import { randomBytes } from 'node:crypto';

/** An object's id: 64 lower-case hex digits (256 random bits), as Docker's. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** The first 12 digits, as tables show them. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

export function isFullId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
