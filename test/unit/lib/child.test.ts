import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { buildScript } from '../../rig/script.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('children', () => {
  it('are started in one place only', () => {
    const sources = ['bin', 'src', 'drivers', 'kvstore'].flatMap((folder) =>
      readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && /\.(ts|cjs|mjs)$/.test(entry.name))
        .map((entry) => relative(root, join(entry.parentPath, entry.name))),
    );
    const starts = (file: string) =>
      /['"](node:)?(child_process|cluster)['"]/.test(readFileSync(join(root, file), 'utf8'));
    expect(sources.length).toBeGreaterThan(300);
    // A checkout's program builds what the others are made of.
    expect(sources.filter(starts)).toEqual(['bin/checkout.cjs', 'src/lib/child.ts']);
  });

  it('have 0, 1 and 2 and nothing else, whatever their parent was given', async () => {
    const script = await buildScript(join(root, 'test/rig/leaky-parent.ts'));
    const leaking = 'exec 25<>/dev/null 200<>/dev/null; exec "$@"';
    const text = execFileSync('bash', ['-c', leaking, 'bash', process.execPath, script], {
      encoding: 'utf8',
    });
    const { before, child, after } = JSON.parse(text);
    expect(before).toEqual(expect.arrayContaining([25, 200]));
    // 3 is that of the folder that is listed.
    expect(child).toBe('itself\n0\n1\n2\n3\n');
    expect(after).toEqual([]);
  });
});
