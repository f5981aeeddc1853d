import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import {
  pages,
  readPage,
  repository,
  type Sample,
  samplesOf,
  stepsOf,
  withoutIds,
} from '../rig/doc-samples.ts';
import { HostCluster } from '../rig/host-cluster.ts';
import { TestHost } from '../rig/namespace.ts';

/**
 * What the pages show is true: each block of commands says how it is run, or why not.
 * `run: one host` and `run: two hosts` are typed here, page by page; `run: command, FILE` is run by that test.
 */
describe('the pages', () => {
  const texts = new Map<string, string>();
  beforeAll(async () => {
    for (const page of await pages()) texts.set(page, await readPage(page));
  });

  const marked = (page: string, mark: string) =>
    samplesOf(texts.get(page) ?? '').filter((sample) => sample.mark === mark);

  it('say of every block of commands how it is run, or why not', () => {
    const unmarked = [...texts].flatMap(([page, text]) =>
      samplesOf(text).flatMap(({ line, mark }) =>
        isMark(mark) ? [] : [`${page}:${line}: ${mark ?? 'no mark'}`],
      ),
    );
    expect(unmarked).toEqual([]);
  });

  it('link to what is there', () => {
    const broken = [...texts].flatMap(([page, text]) =>
      linksOf(text).flatMap((link) => (leadsSomewhere(page, link, texts) ? [] : [`${page}: ${link}`])),
    );
    expect(broken).toEqual([]);
  });

  it('print what they say, on one host', async () => {
    const typed = [...texts.keys()].filter((page) => marked(page, 'run: one host').length > 0);
    expect(typed).toContain('docs/concepts.md');
    for (const page of typed) await typeOnOneHost(page, marked(page, 'run: one host'));
  });

  it('work as they say, on two hosts', async () => {
    const typed = [...texts.keys()].filter((page) => marked(page, 'run: two hosts').length > 0);
    expect(typed).toContain('docs/playground.md');
    await using cluster = await HostCluster.create({ hosts: 2, store: 'etcd', leaseTtl: '5s' });
    for (const page of typed) await typeOnHosts(cluster, page, marked(page, 'run: two hosts'));
  });
});

function isMark(mark: string | undefined): boolean {
  if (mark === undefined) return false;
  const [, test] = /^(?:run: command, |sample: run by )(\S+)( where packets move)?$/.exec(mark) ?? [];
  if (test !== undefined) return existsSync(join(repository, test));
  return /^(run: one host|run: two hosts|not run: .+)$/.test(mark);
}

async function typeOnOneHost(page: string, samples: readonly Sample[]): Promise<void> {
  await using host = await TestHost.create();
  await using daemon = await TestDaemon.start({
    namespace: host.path,
    flags: ['--dataplane', 'linux', '--node-name', 'h1'],
  });
  for (const { command, output } of samples.flatMap(stepsOf)) {
    const ran = await typeIn(host.path, daemon.host, command);
    const said = output === undefined ? ran.stdout : output;
    expect({ page, command, stderr: ran.stderr, output: withoutIds(ran.stdout) }).toEqual({
      page,
      command,
      stderr: '',
      output: withoutIds(said),
    });
  }
}

async function typeOnHosts(cluster: HostCluster, page: string, samples: readonly Sample[]): Promise<void> {
  for (const { host, command } of samples.flatMap(stepsOf)) {
    const number = Number(host.slice(1));
    const { code, stderr } = await typeIn(cluster.host(number).path, cluster.daemon(number).host, command);
    expect({ page, command, code, stderr }).toEqual({ page, command, code: 0, stderr: '' });
  }
}

function typeIn(namespace: string, daemon: string, command: string) {
  const env = { ...process.env, PATH: `${repository}dist/bin:${process.env.PATH}`, FAIRLEAD_HOST: daemon };
  return runToEnd(['nsenter', `--net=${namespace}`, 'sh', '-c', command], env);
}

/** Targets of Markdown links, but for those of the web. */
function linksOf(text: string): readonly string[] {
  const prose = text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^https?:/.test(link));
}

function leadsSomewhere(page: string, link: string, texts: ReadonlyMap<string, string>): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : normalize(join(dirname(page), file));
  if (!existsSync(join(repository, target))) return false;
  return anchor === undefined || anchorsOf(texts.get(target) ?? '').has(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
