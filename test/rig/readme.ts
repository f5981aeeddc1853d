import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Sample {
  readonly command: string;
  readonly output: string;
}

const readmeFile = fileURLToPath(new URL('../../README.md', import.meta.url));

/** What the README types and what it says is printed, in its order; `packetsMove`: with what needs that. */
export async function readmeSamples(packetsMove: boolean): Promise<readonly Sample[]> {
  const readme = await readFile(readmeFile, 'utf8');
  const blocks = [...readme.matchAll(/<!-- sample: ([^>]*)-->\n```\n(.*?)```/gs)];
  return blocks
    .filter(([, where = '']) => packetsMove || !where.includes('where packets move'))
    .flatMap(([, , text = '']) => text.split(/^\$ /m).slice(1))
    .map((sample) => {
      const [command = '', ...lines] = sample.split('\n');
      return { command, output: lines.join('\n') };
    });
}

/** Ids and the host's name differ from run to run; their length, and what they are padded to, does not. */
export function withoutIds(text: string): string {
  return text
    .replaceAll(` on ${hostname()}`, ' on h1')
    .replace(/\bfl[0-9a-f]{4}-[0-9a-f]{8}\b/g, 'BRIDGE')
    .replace(/\b[0-9a-f]{64}\b/g, 'ID'.padEnd(64, '.'))
    .replace(/\b[0-9a-f]{12}\b/g, 'ID'.padEnd(12, '.'));
}
