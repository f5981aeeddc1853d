import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = [
  'drivers',
  'src/api',
  'src/apps',
  'src/container',
  'src/daemon',
  'src/dataplane',
  'src/network',
];

/** A warning or an error that is given text only, though the text holds an error's message: its stack would be lost. */
const messageOnly =
  /\blog\.(?:warn|error)\(\s*(?:`[^`]*\$\{messageOf\(|\w*(?:error|failure)\w*\.message|messageOf\()/g;

it('no warning or error drops the stack of the error that it reports', () => {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file)),
  );
  expect(files.length).toBeGreaterThan(100);
  const lost = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(messageOnly)].map(([at]) => `${file}: ${at}`),
  );
  expect(lost).toEqual([]);
});

it('would find one', () => {
  expect(`this.log.warn(\`name x: \${messageOf(error)}\`)`).toMatch(messageOnly);
  expect(`log.warn({ err: error }, \`name x: \${messageOf(error)}\`)`).not.toMatch(messageOnly);
});
