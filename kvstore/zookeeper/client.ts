import type { StoreOptions } from '../remote/options.ts';
import { ServerList } from '../remote/server-list.ts';
import type { Server } from '../remote/spec.ts';
import { StoreRefusal } from '../store.ts';
import { newSession, type SessionKey, ZooKeeperConnection } from './connection.ts';
import { GreetingRefused } from './socket.ts';
import {
  answerError,
  codes,
  isCode,
  opcodes,
  type Stat,
  type WireReader,
  WireWriter,
  ZooKeeperError,
} from './wire.ts';

export interface Node {
  readonly data: Buffer;
  readonly stat: Stat;
}

/** One step of a transaction. A version of -1 is any. */
export type Step =
  | { readonly op: 'create'; readonly path: string; readonly data: Buffer; readonly ephemeral?: boolean }
  | { readonly op: 'set'; readonly path: string; readonly data: Buffer; readonly version: number }
  | { readonly op: 'delete'; readonly path: string }
  | { readonly op: 'exists'; readonly path: string };

/** A transaction that the server refused whole, at this step. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';

  constructor(
    readonly index: number,
    readonly code: number,
  ) {
    super(`step ${index}: ${new ZooKeeperError(code).message}`);
  }
}

/** Milliseconds. */
const historyLostAfter = 4000;
const persistent = 0;
const ephemeral = 1;
/** ZooDefs.Perms.ALL */
const allPermissions = 31;

/** What ZooKeeper can do, on a connection that is made when needed and made again when it has ended. */
export class ZooKeeperClient {
  readonly #servers: ServerList<Server>;
  readonly #options: StoreOptions;
  readonly #sessionTimeout: number;
  readonly #keepsSession: boolean;
  #session: SessionKey;
  #lastZxid = 0n;
  /** Since when servers have been hanging up on the greeting. */
  #refusedSince: number | undefined;
  #connection: Promise<ZooKeeperConnection> | undefined;
  #closed = false;

  /**
   * `sessionTimeout` in milliseconds. With a `session`, a new one or another client's, all connections are of this one,
   * for its ephemeral nodes; without, each has its own.
   */
  constructor(
    servers: readonly Server[],
    options: StoreOptions,
    sessionTimeout: number,
    session?: SessionKey,
  ) {
    this.#keepsSession = session !== undefined;
    this.#session = session ?? newSession;
    this.#servers = new ServerList(servers);
    this.#options = options;
    this.#sessionTimeout = sessionTimeout;
  }

  /** Of the latest connection. */
  get session(): SessionKey {
    return this.#session;
  }

  connection(): Promise<ZooKeeperConnection> {
    if (this.#closed) return Promise.reject(new Error('closed'));
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  /** undefined: no such node. `onChange` is then not called. */
  async get(path: string, onChange?: () => void): Promise<Node | undefined> {
    const connection = await this.connection();
    const stop = onChange && connection.onChange(path, onChange);
    try {
      const answer = await connection.ask(
        opcodes.getData,
        new WireWriter().text(path).bool(onChange !== undefined),
      );
      const data = answer.bytes();
      return { data, stat: answer.stat() };
    } catch (error) {
      stop?.();
      if (isCode(error, codes.noNode)) return undefined;
      throw error;
    }
  }

  /** None when there is no such node. */
  async children(path: string, onChange?: () => void): Promise<string[]> {
    const connection = await this.connection();
    const stop = onChange && connection.onChange(path, onChange);
    const body = new WireWriter().text(path).bool(onChange !== undefined);
    try {
      return (await connection.ask(opcodes.getChildren, body)).texts();
    } catch (error) {
      stop?.();
      if (isCode(error, codes.noNode)) return [];
      throw error;
    }
  }

  async exists(path: string): Promise<boolean> {
    const connection = await this.connection();
    try {
      await connection.ask(opcodes.exists, new WireWriter().text(path).bool(false));
      return true;
    } catch (error) {
      if (isCode(error, codes.noNode)) return false;
      throw error;
    }
  }

  /** What is read on this connection after it has all that was committed anywhere before. */
  async sync(path: string): Promise<void> {
    await (await this.connection()).ask(opcodes.sync, new WireWriter().text(path));
  }

  /** The node and those above it, persistent and empty where they did not exist. */
  async ensure(path: string): Promise<void> {
    try {
      await (await this.connection()).ask(opcodes.create, this.#create(path, Buffer.alloc(0), persistent));
    } catch (error) {
      if (isCode(error, codes.nodeExists)) return;
      const above = path.slice(0, path.lastIndexOf('/'));
      if (!isCode(error, codes.noNode) || above === '') throw error;
      await this.ensure(above);
      await this.ensure(path);
    }
  }

  async delete(path: string): Promise<void> {
    await (await this.connection()).ask(opcodes.delete, new WireWriter().text(path).int(-1));
  }

  /** All steps or none. Returns the transaction's id (zxid), as nodes have it in `stat.modified`. @throws StepFailed */
  async transact(steps: readonly Step[]): Promise<bigint | undefined> {
    const body = new WireWriter();
    for (const step of steps) body.append(this.#step(step));
    body.int(-1).bool(true).int(-1);
    const answer = await (await this.connection()).ask(opcodes.multi, body);
    return readResults(answer);
  }

  /** Leaves the session to its timeout, and so its ephemeral nodes. */
  async close(): Promise<void> {
    this.#closed = true;
    const connection = await this.#connection?.catch(() => undefined);
    connection?.end(new Error('closed'));
  }

  #connect(): Promise<ZooKeeperConnection> {
    const open = async (server: Server) => {
      const session = this.#keepsSession ? this.#session : newSession;
      const wish = { ...session, timeout: this.#sessionTimeout, lastZxid: this.#lastZxid };
      const connection = await ZooKeeperConnection.open(server, this.#options, wish);
      this.#session = connection.session;
      this.#refusedSince = undefined;
      connection.onEnd = () => {
        this.#lastZxid = connection.lastZxid;
        this.#connection = undefined;
      };
      return connection;
    };
    const passOver = (error: unknown) => {
      this.#noteRefusal(error);
      return !isCode(error, codes.sessionExpired);
    };
    return this.#servers.ask(open, passOver).catch((error) => {
      this.#connection = undefined;
      throw error;
    });
  }

  /**
   * A server hangs up on a client that has seen more than itself. It may be behind for a moment; when all
   * are for long, the history that was seen is lost (wiped, or restored from a backup).
   */
  #noteRefusal(error: unknown): void {
    if (!(error instanceof GreetingRefused)) return;
    this.#refusedSince ??= performance.now();
    if (performance.now() - this.#refusedSince > historyLostAfter) this.#lastZxid = 0n;
  }

  #step(step: Step): WireWriter {
    const writer = new WireWriter();
    const head = (opcode: number) => writer.int(opcode).bool(false).int(-1);
    switch (step.op) {
      case 'create':
        head(opcodes.create);
        return writer.append(this.#create(step.path, step.data, step.ephemeral ? ephemeral : persistent));
      case 'set':
        return head(opcodes.setData).text(step.path).bytes(step.data).int(step.version);
      case 'delete':
        return head(opcodes.delete).text(step.path).int(-1);
      case 'exists':
        return head(opcodes.check).text(step.path).int(-1);
    }
  }

  /** With a login the nodes are for its user alone; without, for all the world. */
  #create(path: string, data: Buffer, flags: number): WireWriter {
    const writer = new WireWriter().text(path).bytes(data).int(1).int(allPermissions);
    if (this.#options.login) writer.text('auth').text('');
    else writer.text('world').text('anyone');
    return writer.int(flags);
  }
}

function stepFailure(index: number, code: number): Error {
  const answer = answerError(code);
  return answer instanceof StoreRefusal ? answer : new StepFailed(index, code);
}

function readResults(answer: WireReader): bigint | undefined {
  let modified: bigint | undefined;
  let failure: Error | undefined;
  for (let index = 0; ; index++) {
    const type = answer.int();
    if (answer.bool()) break;
    answer.int();
    if (type === opcodes.create) answer.text();
    if (type === opcodes.setData) modified = answer.stat().modified;
    if (type !== -1) continue;
    const code = answer.int();
    // Steps before the one that failed have 0, those after it -2.
    if (code !== 0) failure ??= stepFailure(index, code);
  }
  if (failure) throw failure;
  return modified;
}
