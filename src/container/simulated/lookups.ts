import type { ExecAnswer } from './programs.ts';

/** What DNS answers a container that asks for the name. `rcode`: as text, `NXDOMAIN`. */
export type LookUp = (
  containerId: string,
  name: string,
) => Promise<{ readonly rcode: string; readonly answers: readonly { readonly address: string }[] }>;

/** The exit code of getent(1) for a key that was not found. */
const notFound = 2;

/**
 * What `getent hosts NAME`, `getent ahosts NAME` and `nslookup NAME` print in the container, as DNS answers it: the one
 * thing that a container without programs knows all the same. Undefined for any other command.
 */
export function lookupCommand(
  lookUp: (name: string) => ReturnType<LookUp>,
  command: readonly string[],
): Promise<ExecAnswer> | undefined {
  const [program, ...args] = command;
  const [database, host, ...rest] = args;
  if (program === 'getent' && host !== undefined && rest.length === 0 && /^a?hosts$/.test(database ?? ''))
    return getent(lookUp, host);
  if (program === 'nslookup' && database !== undefined && args.length === 1)
    return nslookup(lookUp, database);
  return undefined;
}

async function getent(lookUp: (name: string) => ReturnType<LookUp>, name: string): Promise<ExecAnswer> {
  const { answers } = await lookUp(name);
  const stdout = answers.map(({ address }) => `${address.padEnd(15)} ${name}\n`).join('');
  return { stdout, exitCode: answers.length > 0 ? 0 : notFound };
}

async function nslookup(lookUp: (name: string) => ReturnType<LookUp>, name: string): Promise<ExecAnswer> {
  const { answers, rcode } = await lookUp(name);
  const stdout = answers.map(({ address }) => `Name:\t${name}\nAddress: ${address}\n`).join('');
  if (answers.length > 0) return { stdout, exitCode: 0 };
  return { stdout: `** server can't find ${name}: ${rcode}\n`, exitCode: 1 };
}
