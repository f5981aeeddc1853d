import { type Argv, type ChildProcess, startChild } from '../../../lib/child.ts';
import { FairleadError } from '../../../lib/errors.ts';

/**
 * How a program that reads commands line by line is asked whether it has done one: by a line that it cannot
 * know. What it says of that line on stderr comes after all that it says of the line before.
 */
export interface Dialect {
  readonly mark: string;
  /** Matches its complaint about the mark, at the end of what it has said so far. */
  readonly complaint: RegExp;
}

/** Milliseconds, far above anything that one command needs; a process that takes longer is killed. */
const patience = 10_000;

/** The process has ended: whether it carried out the command that it was asked last is not known. */
export class BatchProcessEnded extends FairleadError {
  constructor(program: string, said: string) {
    super('internal', `${program} has ended${said === '' ? '' : `: ${said.trim()}`}`);
  }
}

interface Question {
  readonly resolve: (said: string) => void;
  readonly reject: (error: BatchProcessEnded) => void;
}

/**
 * A program that is kept running for many commands, since starting one costs more than the command: 3 ms
 * and a fork of the daemon, against 0.1 ms. It ends with this process, whose pipe is its stdin.
 */
export class BatchProcess {
  readonly #program: string;
  readonly #child: ChildProcess;
  readonly #dialect: Dialect;
  readonly #gone: Promise<void>;
  #said = '';
  #question: Question | undefined;
  #answered = false;
  #ended = false;

  constructor(argv: Argv, dialect: Dialect) {
    this.#program = argv[0];
    this.#dialect = dialect;
    // An interactive nft would keep a history of its commands in the home directory.
    const env = { ...process.env, HOME: '/nonexistent' };
    this.#child = startChild(argv, { stdio: ['pipe', 'ignore', 'pipe'], env });
    this.#gone = new Promise((resolve) => {
      const end = () => {
        this.#end();
        resolve();
      };
      this.#child.once('error', end).once('close', end);
    });
    // Its death is told by `close`; a pipe that breaks has nothing to add.
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#hold(false);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Of the program itself, not of what its argv began with; undefined before it has answered, and after its end. */
  get pid(): number | undefined {
    return this.#answered && !this.#ended ? this.#child.pid : undefined;
  }

  /** One line at a time. Resolves with its complaints, empty when there are none. @throws BatchProcessEnded */
  async ask(line: string): Promise<string> {
    if (this.#ended) throw new BatchProcessEnded(this.#program, this.#said);
    this.#said = '';
    const answer = new Promise<string>((resolve, reject) => {
      this.#question = { resolve, reject };
    });
    this.#hold(true);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    this.#child.stdin?.write(`${line}\n${this.#dialect.mark}\n`);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      this.#hold(false);
    }
  }

  /** After: it is gone. What it was asked before is done first. */
  async end(): Promise<void> {
    this.#hold(true);
    this.#child.stdin?.end();
    await this.#gone;
  }

  #hear(text: string): void {
    this.#said += text;
    const match = this.#dialect.complaint.exec(this.#said);
    if (!match || !this.#question) return;
    const { resolve } = this.#question;
    this.#question = undefined;
    this.#answered = true;
    resolve(this.#said.slice(0, match.index));
    this.#said = '';
  }

  #end(): void {
    this.#ended = true;
    this.#question?.reject(new BatchProcessEnded(this.#program, this.#said));
    this.#question = undefined;
  }

  /** An idle one keeps nobody's event loop alive. */
  #hold(alive: boolean): void {
    const { stdin, stderr } = this.#child;
    for (const each of [this.#child, stdin, stderr]) {
      if (each && 'ref' in each && typeof each.ref === 'function') alive ? each.ref() : unref(each);
    }
  }
}

function unref(each: object): void {
  if ('unref' in each && typeof each.unref === 'function') each.unref();
}
