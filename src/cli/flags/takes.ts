/** What the daemon has names for. */
export type NameKind = 'app' | 'container' | 'driver' | 'network' | 'node' | 'running' | 'service';

/**
 * What the value of a flag, or an argument, may be: completion offers it.
 * - a kind of name that the daemon lists
 * - `new-service`: a new name on a network that there is (`db.foo`)
 * - words; one that ends in `=`, `:` or `/` goes on
 * - `KEY=VALUE`, by key
 */
export type Takes =
  | NameKind
  | 'new-service'
  | 'file'
  | 'directory'
  | readonly string[]
  | { readonly [key: string]: Takes };

/** Any value: nothing to offer. */
export const free: Takes = [];

export const yesOrNo: Takes = ['true', 'false'];
export const scopes: Takes = ['global', 'local', 'swarm'];
/** Those that somebody sends; all others are taken, too. */
export const signals: Takes = ['HUP', 'INT', 'KILL', 'QUIT', 'STOP', 'TERM', 'USR1', 'USR2'];
/** Formats of lists, and of single objects. */
export const listFormats: Takes = ['json', 'raw', 'table'];
export const objectFormats: Takes = ['json'];
