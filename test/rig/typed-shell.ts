import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

export const typedShells = ['bash', 'zsh', 'fish'] as const;
export type TypedShellName = (typeof typedShells)[number];

const [tab, endKey, showKey] = ['\t', '\u0015', '\u0007'];

interface Kind {
  readonly command: string;
  /** Has ctrl-g write the edited line into the file. */
  readonly setUp: (file: string) => readonly string[];
}

const kinds: Readonly<Record<TypedShellName, Kind>> = {
  bash: {
    command: 'bash --norc --noprofile -i',
    setUp: (file) => [
      'bind "set completion-query-items 0"; bind "set page-completions off"; bind "set bell-style none"',
      `show() { printf '%s' "$READLINE_LINE" >${file}; }; bind -x '"\\C-g": show'`,
    ],
  },
  zsh: {
    command: 'zsh -f -i',
    setUp: (file) => [
      'autoload -Uz compinit && compinit -u -D; setopt no_beep no_prompt_cr; LISTMAX=0',
      `show() { print -rn -- "$BUFFER" >${file} }; zle -N show; bindkey "^g" show; bindkey "^u" kill-whole-line`,
    ],
  },
  fish: {
    command: 'fish --no-config --interactive',
    setUp: (file) => [
      'function fish_prompt; echo "> "; end; set -g fish_autosuggestion_enabled 0',
      `function show; commandline | string collect | read -lz line; printf %s "$line" >${file}; end; bind \\cg show; bind \\cu 'commandline ""'`,
    ],
  },
};

/** An interactive shell on a terminal of its own (util-linux' script makes it), whose keys a test presses. */
export class TypedShell implements AsyncDisposable {
  #screen = '';

  private constructor(
    readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  /** `lines` are run first, as from the user's own start file. */
  static async start(
    name: TypedShellName,
    env: NodeJS.ProcessEnv,
    lines: readonly string[],
  ): Promise<TypedShell> {
    const folder = await mkdtemp(join(tmpdir(), 'flt-shell-'));
    const { command, setUp } = kinds[name];
    const child = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'], {
      cwd: folder,
      env: { ...env, HOME: folder, TERM: 'xterm', PS1: '> ', LANG: 'C.UTF-8', INPUTRC: '/dev/null' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const shell = new TypedShell(folder, child);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        shell.#screen += chunk;
      });
    }
    const start = join(folder, 'start');
    await writeFile(start, ['stty cols 150 rows 50', ...setUp(join(folder, 'line')), ...lines].join('\n'));
    // The answer is not on the screen before it is computed.
    const sum = name === 'fish' ? '(math 6 x 7)' : '$((6 * 7))';
    child.stdin?.write(`. ${start}; echo started-${sum}\r`);
    await until(
      'the shell has started',
      () => shell.#screen,
      (text) => text.includes('started-42'),
    );
    return shell;
  }

  /** The line as it is after a tab behind `text`. */
  async completed(text: string): Promise<string> {
    return await this.#press(text, tab);
  }

  /** What the terminal shows after tabs behind `text`, without escape sequences. */
  async listed(text: string): Promise<string> {
    const before = this.#screen.length;
    await this.#press(text, tab, tab);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
    return this.#screen.slice(before).replace(/\u001b(\[[0-9;?<>=]*[a-zA-Z]|[()][A-Z0-9]|[=>])/g, '');
  }

  async #press(text: string, ...keys: readonly string[]): Promise<string> {
    const file = join(this.folder, 'line');
    await rm(file, { force: true });
    this.child.stdin?.write(text);
    for (const key of keys) this.child.stdin?.write(key);
    this.child.stdin?.write(showKey);
    const line = await until(
      `${text} is completed:\n${this.#screen}`,
      () => readFile(file, 'utf8').catch(() => undefined),
      (found) => found !== undefined && found.length >= text.length,
    );
    this.child.stdin?.write(endKey);
    return line ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}
