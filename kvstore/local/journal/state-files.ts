import { rename, rm } from 'node:fs/promises';
import { FairleadError } from '../../../src/lib/errors.ts';
import { Rows } from '../rows.ts';
import { BackupCopy, headOfKeptCopy, readKeptCopy } from './backup-copy.ts';
import { exists, readOrUndefined, syncDirectory } from './disk.ts';
import { Journal } from './journal.ts';
import type { OpenState } from './journal-table.ts';
import { Damage, encodeState, type Head, readState, type State } from './state-file.ts';

/** Bytes that a new file has free. */
const newReserve = 256 * 1024;

export interface StateFilesOptions {
  /** Where the state is damaged, goes on with the kept copy. */
  readonly restore?: boolean;
  /** What tells that there was a state: its absence is damage then. */
  readonly trace?: string;
}

export interface OpenedState extends OpenState {
  /** It was damaged, and is now what the copy was. */
  readonly isRestored: boolean;
  /** What a person should know, a line each. */
  readonly notes: readonly string[];
}

/** What the state is, and what is done with it. */
type Content = Pick<State, 'rows' | 'sequence'>;

/**
 * Opens the state in the directory, or makes it. It is read whole and checked before anything is written.
 * @throws invalid when it is damaged and `restore` is not asked for, in one line that says what to do
 */
export async function openStateFiles(
  directory: string,
  { restore = false, trace }: StateFilesOptions,
): Promise<OpenedState> {
  const files = new StateFiles(directory);
  await files.clearUnfinished();
  try {
    return await files.open(trace);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return restore ? await files.restore(error) : await files.refuse(error);
  }
}

class StateFiles {
  readonly #path: string;
  readonly #copyPath: string;

  constructor(readonly directory: string) {
    this.#path = `${directory}/state.journal`;
    this.#copyPath = `${directory}/state.kept`;
  }

  async clearUnfinished(): Promise<void> {
    for (const path of [this.#path, this.#copyPath]) await rm(`${path}.new`, { force: true });
  }

  /** @throws Damage */
  async open(trace: string | undefined): Promise<OpenedState> {
    const bytes = await readOrUndefined(this.#path);
    const hasCopy = await exists(this.#copyPath);
    if (bytes) return await this.#openWhole(readState(bytes));
    if (hasCopy) throw new Damage(`it is missing, but ${this.#copyPath} is there`);
    if (trace !== undefined) throw new Damage(`it is missing, but ${trace}`);
    return await this.#create({ rows: new Rows(), sequence: 0 });
  }

  /** The damaged file is put aside, for whoever wants to look at it. */
  async restore(damage: Damage): Promise<OpenedState> {
    const [copy, head] = [await this.#copyFor(damage), await headOfKeptCopy(this.#copyPath)];
    const aside = await this.#putAside();
    const note =
      `${this.#path} was damaged (${damage.message}): it goes on ${sourceText(head)}` +
      (aside === undefined ? '' : `; the damaged file is ${aside}`);
    const opened = await this.#create(copy ?? { rows: new Rows(), sequence: 0 }, note);
    return { ...opened, isRestored: true };
  }

  /** @throws invalid */
  async refuse(damage: Damage): Promise<never> {
    await this.#copyFor(damage);
    const source = sourceText(await headOfKeptCopy(this.#copyPath));
    throw new FairleadError(
      'invalid',
      `${this.#path} is damaged: ${damage.message}; running containers are left alone; ` +
        `"fairlead daemon --restore" goes on ${source}`,
      { cause: damage },
    );
  }

  async #openWhole({ rows, sequence, end, snapshotSize, isTorn }: State): Promise<OpenedState> {
    const head = await headOfKeptCopy(this.#copyPath);
    if (head && head.sequence > sequence) throw new Damage('its newest changes are missing');
    const journal = await Journal.open(this.#path, end, snapshotSize, isTorn);
    const copy = new BackupCopy(this.#copyPath, head?.sequence);
    const cut = `${this.#path}: a change that a crash interrupted, and that nobody was told of, is left out`;
    return { path: this.#path, rows, sequence, journal, copy, isRestored: false, notes: isTorn ? [cut] : [] };
  }

  async #create({ rows, sequence }: Content, ...notes: readonly string[]): Promise<OpenedState> {
    const journal = await Journal.replace(this.#path, encodeState(rows, sequence), newReserve);
    const copy = new BackupCopy(this.#copyPath);
    return { path: this.#path, rows, sequence, journal, copy, isRestored: false, notes };
  }

  /** Undefined when it is missing. @throws invalid when it is damaged, too */
  async #copyFor(damage: Damage): Promise<State | undefined> {
    try {
      return await readKeptCopy(this.#copyPath);
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      throw new FairleadError(
        'invalid',
        `${this.#path} is damaged: ${damage.message}; so is its copy ${this.#copyPath}: ${error.message}; running ` +
          'containers are left alone; put a backup of either in place, or move the copy away and start with --restore',
        { cause: error },
      );
    }
  }

  /** @returns its new name; undefined when there is no file */
  async #putAside(): Promise<string | undefined> {
    if (!(await exists(this.#path))) return undefined;
    const aside = `${this.directory}/state.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '')}`;
    await rename(this.#path, aside);
    await syncDirectory(this.directory);
    return aside;
  }
}

function sourceText(head: Head | undefined): string {
  return head ? `with the copy of ${head.made}` : 'without records, as there is no copy of it';
}
