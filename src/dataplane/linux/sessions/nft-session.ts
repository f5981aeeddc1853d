import { BatchProcessEnded } from './batch-process.ts';
import { SessionPool } from './session-pool.ts';

/** An error that shows the line in which it is. */
const dialect = { mark: 'fairlead', complaint: /Error: [^\n]*\nfairlead\n[ ^~]*\n$/ };

/** Characters of a line; what is longer is a whole table, and worth a process. */
const longest = 4096;

/** An `nft -i` that is kept. It knows by itself when somebody else has changed the rules (their generation id). */
export class NftSession {
  readonly #pool: SessionPool;

  /** `enterHost`: what to begin a command with that is to run in the host's namespace. */
  constructor(enterHost: readonly string[]) {
    const [program = 'nft', ...args] = [...enterHost, 'nft', '-i'];
    this.#pool = new SessionPool({ argv: [program, ...args], dialect, most: 1, least: 0 });
  }

  /** One transaction. @returns whether it was carried out: if not, a process of its own tells why */
  async run(commands: readonly string[]): Promise<boolean> {
    const line = commands.join('; ');
    if (line.length > longest) return false;
    const process = await this.#pool.take();
    try {
      const done = (await process.ask(line)) === '';
      if (done) this.#pool.giveBack(process);
      else void this.#pool.discard(process);
      return done;
    } catch (error) {
      if (!(error instanceof BatchProcessEnded)) throw error;
      void this.#pool.discard(process);
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
