/** One call, sent to the Engine and to Fairlead. The table's order matters: cases build on each other. */
export interface Case {
  /** `POST /networks/create`, without version prefix; `{now}` is the time in seconds, once this millisecond is over. */
  readonly call: string;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told from others with the same call, in the list of differences. */
  readonly note?: string;
  /** The answer's `Id` can be written as `{NAME}` in later calls and bodies, its first twelve digits as `{NAME:12}`. */
  readonly capture?: string;
  /** Default `1.51`, the newest of Engine 28.5; empty: no prefix. */
  readonly version?: string;
  /** Changes nothing, and takes the Engine long: sent beside the cases that follow. */
  readonly aside?: boolean;
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

const sleep = { Image: 'busybox', Cmd: ['sleep', '600'] };

/** A container on one network, or on several of which the first is its network mode. */
export function container(name: string, networks: Readonly<Record<string, object>>, more: Body = {}): Case {
  const [NetworkMode = 'default'] = Object.keys(networks);
  const { HostConfig = {}, ...rest } = more;
  return post(`/containers/create?name=${name}`, {
    ...sleep,
    ...rest,
    HostConfig: { NetworkMode, ...HostConfig },
    NetworkingConfig: { EndpointsConfig: networks },
  });
}

type Body = Readonly<Record<string, unknown>> & { readonly HostConfig?: object };

/** What a shell in the container writes. */
export function inside(name: string, script: string, note: string): readonly Case[] {
  const exec = { Cmd: ['sh', '-c', script], AttachStdout: true, AttachStderr: true };
  return [
    post(`/containers/${name}/exec`, exec, { capture: 'inside', note }),
    post('/exec/{inside}/start', { Detach: false, Tty: false }, { note: `in ${name}: ${note}` }),
  ];
}
