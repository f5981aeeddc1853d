/**
 * The closed catalogue of failures. Every error that reaches a user is a FairleadError; its kind alone
 * decides the HTTP status (src/api/http/error-map.ts) and docs/errors.md lists each (held true by a test).
 */
export const errorKinds = [
  /** The request itself is wrong: bad name, bad flag value, ambiguous reference. */
  'invalid',
  /** Understood and refused by a rule: predefined network, object in use. */
  'forbidden',
  /** The named object does not exist; never used when a store could not be asked. */
  'not-found',
  /** Somebody else holds the name, address or provider place. */
  'conflict',
  /** The KV store, the Engine or a plugin cannot be reached now, or the disk is full. */
  'unavailable',
  /** The asker has as many of these at once as one may have. */
  'limited',
  /** No address, subnet or VNI is left in the pools. */
  'exhausted',
  /** The daemon's mode (simulated, say) cannot do this. */
  'unsupported',
  /** A tool or the kernel failed; the message holds the command and its stderr. */
  'internal',
] as const;

export type ErrorKind = (typeof errorKinds)[number];

export class FairleadError extends Error {
  override readonly name = 'FairleadError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Adds one clause in front: `attach web to foo: overlay: …`. The first kind is kept. */
export function withContext(clause: string, error: unknown): FairleadError {
  return new FairleadError(kindOf(error), `${clause}: ${messageOf(error)}`, { cause: error });
}

export function kindOf(error: unknown): ErrorKind {
  if (error instanceof FairleadError) return error.kind;
  return isDiskFull(error) ? 'unavailable' : 'internal';
}

/** The system's error of a file that could not be written for want of room. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** One line, even for an AggregateError: its parts joined by `; `. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof FairleadError && error.kind === kind;
}
