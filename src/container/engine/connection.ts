import Docker from 'dockerode';
import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import { engineError } from './engine-error.ts';

/** What we need is in it: `attachable`, endpoint settings of `connect`, health events. */
const leastVersion = '1.24';
/** The newest that our requests and readings were written for. */
const mostVersion = '1.48';
/** A look at the Engine that takes longer has failed, in milliseconds. */
const answerMs = 5_000;
/** The same while we start: an Engine that starts itself listens already, and may be waiting for its plugin: us. */
export const startMs = 1_000;
/** Calls that make something: an Engine that starts 200 containers at once takes its time. */
const workMs = 120_000;

const versionAnswer = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: z.string().optional(),
});

export interface Negotiated {
  /** Of the Engine: `20.10.24`. */
  readonly version: string;
  readonly apiVersion: string;
}

/** The way to one Engine; dockerode does not negotiate, so its version is chosen here. */
export class EngineConnection {
  readonly address: string;
  #negotiated: Negotiated | undefined;
  #work: Docker;
  #patient: Docker;

  constructor(readonly socketPath: string) {
    this.address = `unix://${socketPath}`;
    this.#work = new Docker({ socketPath, timeout: workMs });
    this.#patient = new Docker({ socketPath });
  }

  get negotiated(): Negotiated | undefined {
    return this.#negotiated;
  }

  /** @throws unavailable, also after `patienceMs` | unsupported when no version suits both */
  async negotiate(patienceMs = answerMs): Promise<Negotiated> {
    const { socketPath } = this;
    const answer = await this.#call(() => new Docker({ socketPath, timeout: patienceMs }).version());
    const parsed = versionAnswer.safeParse(answer);
    if (!parsed.success) throw this.#notAnEngine();
    const { Version, ApiVersion, MinAPIVersion = '1.12' } = parsed.data;
    if (isBefore(ApiVersion, leastVersion) || isBefore(mostVersion, MinAPIVersion)) {
      throw new FairleadError(
        'unsupported',
        `Docker Engine at ${this.address}: version ${Version} speaks API ${MinAPIVersion} to ${ApiVersion}, ` +
          `and one of ${leastVersion} to ${mostVersion} is needed: another version of the Engine, or --engine none`,
      );
    }
    const apiVersion = isBefore(mostVersion, ApiVersion) ? mostVersion : ApiVersion;
    this.#work = new Docker({ socketPath, version: `v${apiVersion}`, timeout: workMs });
    this.#patient = new Docker({ socketPath, version: `v${apiVersion}` });
    this.#negotiated = { version: Version, apiVersion };
    return this.#negotiated;
  }

  /** One call, its answer checked. @throws as engine-error.ts says */
  async ask<T extends z.ZodType>(schema: T, call: (docker: Docker) => Promise<unknown>): Promise<z.infer<T>> {
    const answer = await this.#call(() => call(this.#work));
    const parsed = schema.safeParse(answer);
    if (!parsed.success) throw this.#notAnEngine();
    return parsed.data;
  }

  async do(call: (docker: Docker) => Promise<unknown>): Promise<void> {
    await this.#call(() => call(this.#work));
  }

  /** For what may take as long as it likes: streams, stops, waits. */
  stream<T>(call: (docker: Docker) => Promise<T>): Promise<T> {
    return this.#call(() => call(this.#patient));
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw engineError(this.address, error);
    }
  }

  #notAnEngine(): FairleadError {
    return new FairleadError(
      'unavailable',
      `Docker Engine at ${this.address}: what answers there is no Docker Engine`,
    );
  }
}

function isBefore(a: string, b: string): boolean {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA === majorB ? minorA < minorB : majorA < majorB;
}
