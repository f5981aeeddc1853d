import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { FairleadError } from '../../src/lib/errors.ts';
import { parseJson } from '../../src/lib/json.ts';
import { formatPluginAddress, type PluginAddress } from './address.ts';
import { type Answer, NoAnswer, post } from './transport.ts';

/** Milliseconds. */
export interface Patience {
  /**
   * Pauses before another try where no connection came about: Docker's 1, 2, 4 and 8 s, after which the next
   * would pass the 30 s that it gives a call.
   */
  readonly pauses: readonly number[];
  /** For one try. Docker waits for ever, and so a plugin that hangs holds the whole Engine. */
  readonly limit: number;
  /** For one try, where nobody waits for the outcome or the plugin was in trouble the last time. */
  readonly shortLimit: number;
}

export const dockerPatience: Patience = { pauses: [1000, 2000, 4000, 8000], limit: 30_000, shortLimit: 5000 };

/** The plugin said no: what was asked for is not done, and need not be taken back. */
export class Refusal extends FairleadError {}

export interface CallOptions {
  /** False: one short try, as for what is repeated every minute anyway. */
  readonly patient?: boolean;
}

/**
 * Speaks the plugin protocol with one plugin. Only what was surely not seen by the plugin is sent again. A
 * plugin in trouble gets one short try per call until it answers, so that taking leave of a dead one with
 * several calls costs the wait once.
 */
export class PluginClient {
  #trouble: string | undefined;
  #lost = 0;

  constructor(
    readonly name: string,
    readonly address: PluginAddress,
    private readonly patience: Patience = dockerPatience,
  ) {}

  /** Why the last call had no answer; undefined when it had one. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Tells one life of the plugin from the next: a restarted one has a new socket. Over TCP, that a call could
   * not connect is the sign. Undefined: it is not there.
   */
  async life(): Promise<string | undefined> {
    if (this.address.kind === 'tcp') return `${this.#lost}`;
    const socket = await stat(this.address.path).catch(() => undefined);
    return socket && `${socket.ino} ${socket.ctimeMs}`;
  }

  /**
   * @param request undefined: no payload
   * @throws unavailable (no answer), unsupported (404: it does not know the method), internal (anything else
   *   but a proper answer, in the words of the Engine where it has some)
   */
  async call<T>(
    method: string,
    request: unknown,
    schema: z.ZodType<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const body = request === undefined ? '' : JSON.stringify(request);
    return this.#read(method, await this.#ask(method, body, options.patient ?? true), schema);
  }

  async #ask(method: string, body: string, patient: boolean): Promise<Answer> {
    const calm = patient && this.#trouble === undefined;
    const pauses = calm ? this.patience.pauses : [];
    for (let tried = 0; ; tried += 1) {
      try {
        const answer = await post(
          this.address,
          method,
          body,
          calm ? this.patience.limit : this.patience.shortLimit,
        );
        this.#trouble = undefined;
        return answer;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        if (error.reason === 'unreachable') this.#lost += 1;
        const wait = error.reason === 'unreachable' ? pauses[tried] : undefined;
        if (wait === undefined) throw this.#unanswered(method, error);
        await pause(wait);
      }
    }
  }

  #unanswered(method: string, error: NoAnswer): FairleadError {
    this.#trouble = error.message;
    const where = formatPluginAddress(this.address);
    const what =
      error.reason === 'unreachable'
        ? `plugin "${this.name}" cannot be reached at ${where}: ${error.message} (${method})`
        : `plugin "${this.name}" did not answer ${method}: ${error.message}`;
    return new FairleadError('unavailable', what, { cause: error });
  }

  #read<T>(method: string, { status, text }: Answer, schema: z.ZodType<T>): T {
    const json = parseJson(text);
    if (status !== 200) {
      const kind = status === 404 ? 'unsupported' : 'internal';
      throw new Refusal(kind, `${method}: ${errorIn(json) ?? (brief(text) || `status ${status}`)}`);
    }
    if (json === undefined) {
      const what = text.trim() === '' ? 'nothing (EOF)' : `what is not JSON: ${brief(text)}`;
      throw new FairleadError('internal', `plugin "${this.name}" answered ${method} with ${what}`);
    }
    const told = errorIn(json);
    if (told !== undefined) throw new Refusal('internal', `remote: ${told}`);
    const parsed = schema.safeParse(json ?? {});
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') || 'the answer';
    throw new FairleadError(
      'internal',
      `plugin "${this.name}" answered ${method} wrongly: ${where}: ${issue?.message}: ${brief(text)}`,
    );
  }
}

const failed = z.object({ Err: z.string().optional(), Error: z.string().optional() });

/** Network plugins say `Err`, IPAM plugins `Error`. */
function errorIn(json: unknown): string | undefined {
  const { data } = failed.safeParse(json);
  return brief(data?.Err || data?.Error || '') || undefined;
}

/** One line that a terminal can show. */
function brief(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
