import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { daemonFlags } from '../../../src/daemon/flags.ts';
import { manPages } from '../../../src/reference/man.ts';
import { written } from '../../../src/reference/mdoc.ts';

const run = promisify(execFile);
const date = new Date(Date.UTC(2026, 10, 30));

let folder = '';
let files: readonly string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flt-man-'));
  files = await Promise.all(
    (await manPages()).map(async (page) => {
      const file = join(folder, `${page.name}.${page.section}`);
      await writeFile(file, written(page, date));
      return file;
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

/** As a reader sees it. */
async function shown(name: string): Promise<string> {
  const { stdout } = await run('mandoc', ['-T', 'utf8', '-O', 'width=78', join(folder, name)]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: overstrikes are how mandoc writes bold
  return stdout.replace(/.\u0008/g, '');
}

describe('the man pages', () => {
  it('are what mandoc has nothing to say about', async () => {
    const { stdout } = await run('mandoc', ['-T', 'lint', ...files]).catch(
      (error: { stdout: string }) => error,
    );
    // It looks for other pages where the machine has its own; that ours refer to ours is looked at below.
    const remarks = stdout.split('\n').filter((line) => !line.includes('referenced manual not found'));
    expect(remarks).toEqual(['']);
  });

  it('refer only to each other', async () => {
    const all = await manPages();
    const known = all.map(({ name, section }) => `${name} ${section}`);
    const referred = all.flatMap(({ seeAlso }) => seeAlso.map(([name, section]) => `${name} ${section}`));
    expect(referred.filter((page) => !known.includes(page))).toEqual([]);
  });

  it('have every group, and the commands that stand alone', async () => {
    expect(files.map((file) => file.slice(folder.length + 1)).sort()).toEqual([
      'fairlead-app.1',
      'fairlead-completion.1',
      'fairlead-container.1',
      'fairlead-daemon.1',
      'fairlead-dns.1',
      'fairlead-docker.1',
      'fairlead-doctor.1',
      'fairlead-dokku.1',
      'fairlead-events.1',
      'fairlead-fake.1',
      'fairlead-info.1',
      'fairlead-inspect.1',
      'fairlead-link-docker.1',
      'fairlead-link-dokku.1',
      'fairlead-network.1',
      'fairlead-node.1',
      'fairlead-playground.1',
      'fairlead-probe.1',
      'fairlead-service.1',
      'fairlead-topology.1',
      'fairlead-tour.1',
      'fairlead-ui.1',
      'fairlead-uninstall.1',
      'fairlead-version.1',
      'fairlead.1',
      'fairlead.json.5',
    ]);
  });

  it('read as they should', async () => {
    const network = await shown('fairlead-network.1');
    expect(network).toContain('fairlead network rm [options] NETWORK [NETWORK...]');
    expect(network).toMatch(/-d, --driver VALUE\n\s+Driver to manage the Network\.\n/);
    expect(network).toMatch(
      /--ipam-driver VALUE\n\s+IP Address Management Driver\. +The default is default\.\n/,
    );
    const dokku = await shown('fairlead-dokku.1');
    expect(dokku).toContain('network:set <app>|--global <property> (<value>...)');
  });

  it('fairlead.json(5) has every key of the file and no other', async () => {
    const text = await shown('fairlead.json.5');
    const keys = Object.keys(daemonFlags).filter((name) => !['config-file', 'validate'].includes(name));
    const found = [...text.matchAll(/^ {5}([a-z][a-z-]+)(?:$| {2,})/gm)].map(([, key]) => key);
    expect(found.sort()).toEqual(keys.sort());
  });
});
