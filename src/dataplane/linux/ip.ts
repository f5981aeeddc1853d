import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import { type Argv, commandFailed } from './exec.ts';
import type { LinuxHost } from './linux-host.ts';

/** One line of `ip -batch` or `bridge -batch`. `tolerated`: a failure that says this is none (taking away what is not there). */
export interface Command {
  readonly words: readonly string[];
  readonly tolerated?: RegExp;
}

/** A batch that stopped. `reason` is what the program said of the failing line. */
export class BatchError extends FairleadError {
  constructor(
    readonly reason: string,
    line: string,
    program = 'ip',
  ) {
    super('internal', `${program} ${line}: ${reason}`);
  }
}

/** ``ip`link set dev ${name} up` ``: each value is one word, whatever is in it. @throws invalid if it cannot be */
export function ip(literals: TemplateStringsArray, ...values: (string | number)[]): Command {
  const words = literals.flatMap((literal, i) => {
    const value = values[i];
    return [...literal.split(/\s+/).filter(Boolean), ...(value === undefined ? [] : [word(String(value))])];
  });
  return { words };
}

export function tolerating(tolerated: RegExp, command: Command): Command {
  return { ...command, tolerated };
}

// Quotes, backslashes and # have a meaning in a batch; no name or address that we handle has them.
function word(text: string): string {
  if (!/^[^\s"'\\#]+$/.test(text))
    throw new FairleadError('invalid', `"${text}" cannot be an argument of ip`);
  return text;
}

/**
 * Runs the commands in a named namespace or the host's, by a session where there is one. Stops at the
 * first failure.
 * @throws BatchError
 */
export async function batch(
  host: LinuxHost,
  commands: readonly Command[],
  namespace?: string,
): Promise<void> {
  if (commands.length === 0) return;
  const { done, refusal } = await host.ip.run(namespace, commands);
  if (refusal !== undefined) throw batchError(failuresOf(refusal)[0]?.reason ?? refusal, commands[done]);
  // What else a session could not do may be its own fault, for what it remembers: a new process tells.
  await runBatch(host, ['ip', ...(namespace ? ['-n', namespace] : [])], commands.slice(done));
}

/** As `batch`, of lines for `bridge`, in the host's namespace. @throws BatchError */
export async function bridgeBatch(host: LinuxHost, commands: readonly Command[]): Promise<void> {
  await runBatch(host, ['bridge'], commands);
}

async function runBatch(host: LinuxHost, argv: Argv, commands: readonly Command[]): Promise<void> {
  if (commands.length === 0) return;
  const force = commands.some(({ tolerated }) => tolerated) ? ['-force'] : [];
  const input = commands.map(({ words }) => `${words.join(' ')}\n`).join('');
  const outcome = await host.exec([...argv, ...force, '-batch', '-'], { input });
  if (outcome.code === 0) return;
  for (const failure of failuresOf(outcome.stderr)) {
    const command = commands[failure.line - 1];
    if (!command?.tolerated?.test(failure.reason)) {
      throw batchError(failure.reason, command, argv[0]);
    }
  }
}

function batchError(reason: string, command: Command | undefined, program?: string): BatchError {
  return new BatchError(reason, command?.words.join(' ') ?? '-batch -', program);
}

/** `ip` writes what went wrong, then `Command failed -:LINE`, for each failing line. */
function failuresOf(stderr: string): { line: number; reason: string }[] {
  const parts = stderr.split(/^Command failed -:(\d+)$/m);
  const failures = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    failures.push({ reason: oneLine(parts[i] ?? ''), line: Number(parts[i + 1]) });
  }
  const rest = oneLine(parts.at(-1) ?? '');
  return rest === '' && failures.length > 0 ? failures : [...failures, { reason: rest, line: 0 }];
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, '; ');
}

const notThere = /does not exist|Cannot find device|Cannot open network namespace/;

/**
 * `ip -j ARGS`, decoded; undefined when the device or namespace asked for is not there.
 * @throws internal for any other failure
 */
export function query<T extends z.ZodType>(
  host: LinuxHost,
  schema: T,
  args: readonly string[],
  namespace?: string,
): Promise<z.infer<T> | undefined> {
  return runQuery(host, schema, ['ip', ...(namespace ? ['-n', namespace] : []), '-j', ...args]);
}

/** `bridge -j ARGS` in the host's namespace, decoded; undefined when the device asked for is not there. */
export function bridgeQuery<T extends z.ZodType>(
  host: LinuxHost,
  schema: T,
  args: readonly string[],
): Promise<z.infer<T> | undefined> {
  return runQuery(host, schema, ['bridge', '-j', ...args]);
}

async function runQuery<T extends z.ZodType>(
  host: LinuxHost,
  schema: T,
  argv: Argv,
): Promise<z.infer<T> | undefined> {
  const outcome = await host.exec(argv);
  if (outcome.code !== 0) {
    if (notThere.test(outcome.stderr)) return undefined;
    throw commandFailed(argv, outcome);
  }
  // Nothing to show is an empty text, not an empty array.
  const shown: unknown = JSON.parse(outcome.stdout.trim() || '[]');
  return schema.parse(Array.isArray(shown) ? shown.filter(isSomething) : shown);
}

/** What `ip` itself leaves out, where the kernel does not know the type that is asked for, is an empty object. */
function isSomething(entry: unknown): boolean {
  return typeof entry !== 'object' || entry === null || Object.keys(entry).length > 0;
}

export const linkSchema = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  flags: z.array(z.string()),
  mtu: z.number(),
  address: z.string().optional(),
  master: z.string().optional(),
  ifalias: z.string().optional(),
  /** Index of the other end of a veth pair, in that end's namespace. */
  link_index: z.number().optional(),
  /** Instead of it, where both ends are in one namespace: the other's name. */
  link: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      /** Of a sub-interface: its tag. */
      info_data: z.object({ id: z.number().optional() }).optional(),
      info_slave_data: z.object({ isolated: z.boolean().optional() }).optional(),
    })
    .optional(),
  addr_info: z
    .array(z.object({ local: z.string(), prefixlen: z.number(), scope: z.string() }).partial())
    .optional(),
});
export type Link = z.infer<typeof linkSchema>;

/** The interface with its addresses and details; undefined when it, or the namespace, is not there. */
export async function showLink(host: LinuxHost, name: string, namespace?: string): Promise<Link | undefined> {
  const links = await query(host, z.array(linkSchema), ['-d', 'addr', 'show', 'dev', name], namespace);
  return links?.[0];
}

/** Every interface. */
export async function showLinks(host: LinuxHost, namespace?: string): Promise<readonly Link[] | undefined> {
  return query(host, z.array(linkSchema), ['link', 'show'], namespace);
}
