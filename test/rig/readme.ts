import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Sample {
  readonly command: string;
  readonly output: string;
}

/** The README, and where it sends who has typed it. */
const pages = ['README.md', 'docs/tour.md'].map((page) =>
  fileURLToPath(new URL(`../../${page}`, import.meta.url)),
);

/** What they type and what they say is printed, in their order; `packetsMove`: with what needs that. */
export async function readmeSamples(packetsMove: boolean): Promise<readonly Sample[]> {
  const texts = await Promise.all(pages.map((page) => readFile(page, 'utf8')));
  const blocks = [...texts.join('\n').matchAll(/<!-- sample: ([^>]*)-->\n```\n(.*?)```/gs)];
  return blocks
    .filter(([, where = '']) => packetsMove || !where.includes('where packets move'))
    .flatMap(([, , text = '']) => text.split(/^\$ /m).slice(1))
    .map((sample) => {
      const [command = '', ...lines] = sample.split('\n');
      return { command, output: lines.join('\n') };
    });
}

/** Ids, times and the host's name differ from run to run; an id's length, and what it is padded to, does not. */
export function withoutIds(text: string): string {
  return text
    .replaceAll(` on ${hostname()}`, ' on h1')
    .replace(/\btime=\S+ ms|\btime \d+ms/g, 'time')
    .replace(/\b\d+\.\d{3}(?=[/ ])/g, 'N')
    .replace(/\bfl[0-9a-f]{4}-[0-9a-f]{8}\b/g, 'BRIDGE')
    .replace(/\b[0-9a-f]{64}\b/g, 'ID'.padEnd(64, '.'))
    .replace(/\b[0-9a-f]{12}\b/g, 'ID'.padEnd(12, '.'));
}
