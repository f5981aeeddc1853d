/// <reference lib="esnext.disposable" preserve="true" />

/*
 * What `fairlead/testing` offers. This file is the package's declaration, so it imports nothing: its users need
 * none of our packages, nor types of Node's.
 */

/** Milliseconds, or a text: `250ms`, `10s`, `10m`, `2h`, `1d`. */
export type Duration = number | string;

export interface FairleadOptions {
  /** Port on 127.0.0.1; 0: any. Absent: a unix socket in a folder of its own (on Windows any port). */
  readonly port?: number;
  /** Path of the unix socket; its folder is left as it is. */
  readonly socketPath?: string;
  /** A DNS responder on 127.0.0.1, UDP and TCP: on any port, or on this one. Default: none. */
  readonly dns?: boolean | number;
  /** How many daemons share one store; default 1. `port` and `socketPath` are the first one's. */
  readonly nodes?: number;
  /** When the clock begins; default now. */
  readonly time?: Date | string;
  /** Time after which a node that has gone silent counts as dead; default 15s. */
  readonly leaseTtl?: Duration;
  /** `DRIVER:NETWORK`; default bridge:bridge. */
  readonly defaultNetwork?: string;
  /** What of the daemons' log goes to stderr; default silent. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export type StartFairlead = (options?: FairleadOptions) => Promise<Fairlead>;

/** The running daemons: the first one's address, and what is of all of them. */
export interface Fairlead extends AsyncDisposable {
  /** For DOCKER_HOST: `unix:///…` or `tcp://127.0.0.1:PORT`. */
  readonly host: string;
  readonly socketPath: string | undefined;
  readonly port: number | undefined;
  /** DOCKER_HOST and FAIRLEAD_HOST, for a program that is started. */
  readonly env: Readonly<Record<string, string>>;
  /** `127.0.0.1:PORT` of the responder, if there is one. */
  readonly dns: string | undefined;
  readonly nodes: readonly FakeNode[];
  /** The store that the nodes share, as all of them see it. */
  readonly store: FakeStore;
  readonly clock: FakeClock;
  readonly faults: Faults;

  /** By name, id or at least 12 digits of it, on whichever node. It need not be there yet to be given answers. */
  container(ref: string): FakeContainer;
  /** What a command in any container answers. The last matching script counts. */
  onExec(matcher: CommandMatcher, answer: Answers<ExecAnswer, ExecCall>): Script;
  /** What the main process of containers does when it is started. The last matching script counts. */
  onRun(matcher: RunMatcher, answer: Answers<RunAnswer, ContainerInfo>): Script;
  /** Removes all containers, services, networks and apps, and takes back all that was scripted or broken. */
  reset(): Promise<void>;
  /** Ends all nodes and leaves nothing. Repeatable. */
  close(): Promise<void>;
}

/** One daemon. */
export interface FakeNode {
  readonly name: string;
  readonly host: string;
  readonly socketPath: string | undefined;
  readonly port: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly dns: string | undefined;
  readonly isAlive: boolean;
  /** This node's connection to the store: cut it, and the others go on. */
  readonly store: FakeStore;
  /** Ends as by `kill -9`: others hear nothing of it until its lease ends (`clock.advance`). */
  die(): Promise<void>;
  /** Starts it again at the same address, with its containers. */
  revive(): Promise<void>;
}

export interface FakeStore {
  /** Calls that need it fail with 503 from now on, and leases run out. */
  away(reason?: string): void;
  /** Resolves when the nodes have taken it up again. */
  back(): Promise<void>;
}

/** Goes with the real time, and can be moved ahead. */
export interface FakeClock {
  now(): Date;
  /** Moves on, step by step: what falls due meanwhile happens in its order, and has happened when this resolves. */
  advance(by: Duration): Promise<void>;
}

export interface FakeContainer {
  onExec(matcher: CommandMatcher, answer: Answers<ExecAnswer, ExecCall>): Script;
  onRun(answer: Answers<RunAnswer, ContainerInfo>): Script;
  /** Its main process writes. It must be there. */
  log(text: string | Uint8Array, stream?: 'stdout' | 'stderr'): void;
  /** Its main process ends. Resolves when it has left its networks, before a restart policy starts it again. */
  exit(exitCode?: number): Promise<void>;
  /** The state of its health check. DNS withholds it while it is not healthy. */
  setHealth(health: Health | 'none'): Promise<void>;
}

export type Health = 'starting' | 'healthy' | 'unhealthy';

/** The exact words; one text: the words with spaces between; an expression or a question for that text. */
export type CommandMatcher = readonly string[] | string | RegExp | ((command: readonly string[]) => boolean);

/** An image (without a tag: any), an expression for the image, or what must be so of the container. */
export type RunMatcher = string | RegExp | RunPattern | ((container: ContainerInfo) => boolean);

export interface RunPattern {
  readonly image?: string | RegExp;
  readonly name?: string | RegExp;
  readonly command?: CommandMatcher;
}

/** One answer; several: one after another, the last for good; or a function that makes it. */
export type Answers<A, C> = A | readonly A[] | ((call: C) => A | Promise<A>);

export interface ExecAnswer {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string | Uint8Array;
  /** Default 0. */
  readonly exitCode?: number;
  /** How long it takes, by the clock. */
  readonly takes?: Duration;
}

export interface RunAnswer {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string | Uint8Array;
  /** It ends with this; absent: it runs until it is stopped. */
  readonly exitCode?: number;
  /** From its start to its end, by the clock; default 0. */
  readonly exitAfter?: Duration;
  readonly health?: Health;
}

export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  /** `K=V` */
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The name of its node. */
  readonly node: string;
}

export interface ExecCall {
  readonly container: ContainerInfo;
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDir: string;
  readonly tty: boolean;
  /** All that the client sends, once it has ended its input; empty where it attached none. */
  stdin(): Promise<Uint8Array>;
}

export interface Script {
  /** It holds no more. Repeatable. */
  remove(): void;
}

/** Calls of the API that go wrong. Those of `fairlead/fake` do not. */
export interface Faults {
  /** The next so many calls fail. */
  next(count: number, fault: Fault): Script;
  /** Each call takes so much longer, in real time: the client is to feel it. */
  slow(delay: Duration, on?: string): Script;
  clear(): void;
}

export interface Fault {
  /**
   * Which calls: a method, a path without version, or both, as in `POST /networks/create`; `*` stands for one part of a
   * path and `**` for any number of them. Absent: all, `/_ping` included.
   */
  readonly on?: string;
  /** The status of the answer; `reset`: the connection is broken instead. Default 500. */
  readonly status?: number | 'reset';
  readonly message?: string;
}
