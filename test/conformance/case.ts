/** One call, sent to the Engine and to Fairlead. The table's order matters: cases build on each other. */
export interface Case {
  /** `POST /networks/create`, without version prefix; `{now}` is the time in seconds, once this millisecond is over. */
  readonly call: string;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told from others with the same call, in the list of differences. */
  readonly note?: string;
  /** The answer's `Id` can be written as `{NAME}` in later calls. */
  readonly capture?: string;
  /** Default `1.51`, the newest of Engine 28.5; empty: no prefix. */
  readonly version?: string;
  /** Members that a list is sorted by before it is compared. */
  readonly sortBy?: string;
}

export function get(path: string, more: Partial<Case> = {}): Case {
  return { call: `GET ${path}`, ...more };
}

export function post(path: string, body?: unknown, more: Partial<Case> = {}): Case {
  return { call: `POST ${path}`, ...(body === undefined ? {} : { body }), ...more };
}

export function del(path: string, more: Partial<Case> = {}): Case {
  return { call: `DELETE ${path}`, ...more };
}

/** How a case is named in the list of differences. */
export function titleOf({ call, note }: Case): string {
  return note === undefined ? call : `${call} (${note})`;
}

export function filters(value: unknown): string {
  return `filters=${encodeURIComponent(JSON.stringify(value))}`;
}
