import { UsageError } from '../failure.ts';

/** The words of a `run` or `create`, with what is ours taken out. */
export interface RunWords {
  /** Values of --publish-service. */
  readonly services: readonly string[];
  /** --standby */
  readonly standby: boolean;
  /** What is left, for the real docker. */
  readonly rest: readonly string[];
  readonly help: boolean;
}

/** Flags of docker's `run` and `create` that take no value; all others take one, those of docker to come too. */
const switches = new Set([
  'detach',
  'disable-content-trust',
  'help',
  'init',
  'interactive',
  'no-healthcheck',
  'oom-kill-disable',
  'privileged',
  'publish-all',
  'quiet',
  'read-only',
  'rm',
  'sig-proxy',
  'standby',
  'tty',
  'use-api-socket',
]);
const shortSwitches = 'diPqt';
const ours = '--publish-service';

/**
 * `words` begin with `run`, `create`, `container run` or `container create`. What follows the image is the
 * container's, whatever it looks like.
 * @returns undefined for any other command
 * @throws UsageError when the value is missing
 */
export function takeServices(words: readonly string[]): RunWords | undefined {
  const verbAt = words[0]?.toLowerCase() === 'container' ? 1 : 0;
  if (!['run', 'create'].includes(words[verbAt]?.toLowerCase() ?? '')) return undefined;
  const rest = words.slice(0, verbAt + 1);
  const services: string[] = [];
  let standby = false;
  let at = verbAt + 1;
  while (at < words.length) {
    const [word = '', next] = words.slice(at, at + 2);
    if (!word.startsWith('-') || word === '-' || word === '--') break;
    const length = takesNextWord(word) ? 2 : 1;
    const value = word.startsWith(`${ours}=`) ? word.slice(ours.length + 1) : next;
    const mine = word === ours || word.startsWith(`${ours}=`);
    if (mine && value === undefined) throw new UsageError(`flag needs an argument: ${ours}`);
    if (mine && value) services.push(value);
    if (word === '--standby') standby = true;
    else if (!mine) rest.push(...words.slice(at, at + length));
    at += length;
  }
  return { services, standby, help: rest.includes('--help'), rest: [...rest, ...words.slice(at)] };
}

/** As Go's pflag reads it: `--name value`, `-n value`, and of `-itn value` the last letter's. */
function takesNextWord(word: string): boolean {
  if (word.startsWith('--')) return !word.includes('=') && !switches.has(word.slice(2));
  const firstValue = [...word.slice(1)].findIndex((letter) => !shortSwitches.includes(letter));
  return firstValue >= 0 && firstValue === word.length - 2;
}
