import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Consumer } from '../rig/consumer.ts';
import type { Ran } from '../rig/daemon.ts';
import { serverCache } from '../rig/server.ts';

/** The samples of docs/testing.md, in a project of somebody else's, run as he would run them. */
interface Sample {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

const page = await readFile(new URL('../../docs/testing.md', import.meta.url), 'utf8');
const samples: readonly Sample[] = [
  ...page.matchAll(/<!-- sample: (\w+) file=(\S+) -->\n(?:<!-- run: .+ -->\n)?```\w+\n(.*?)```/gs),
].map(([, name = '', file = '', text = '']) => ({ name, file, text }));
/** The table at the end of the page: sample → whether it is run here. */
const said = new Map(
  [...page.matchAll(/^\| `(\w+)` \| (yes|not run: .+?)(?:,.*)? \|$/gm)].map(([, name = '', how = '']) => [
    name,
    how,
  ]),
);

function sample(name: string): Sample {
  const found = samples.find((one) => one.name === name);
  if (!found) throw new Error(`docs/testing.md has no sample ${name}`);
  return found;
}

let consumer: Consumer;
beforeAll(async () => {
  consumer = await Consumer.create();
  for (const name of ['vitest', 'dockerode']) await consumer.link(name);
  await consumer.link('testcontainers', join(serverCache, 'testcontainers/node_modules/testcontainers'));
  for (const { file, text } of samples) await consumer.write(file, text);
});
afterAll(() => consumer[Symbol.asyncDispose]());

const run: Record<string, () => Promise<void>> = {
  vitest: () => passes('vitest'),
  nodes: () => passes('nodes'),
  testcontainers: () => passes('testcontainers'),
  async pytest() {
    const pytest = [
      '/usr/bin/python3',
      '-m',
      'pytest',
      '-q',
      '-p',
      'no:cacheprovider',
      sample('pytest').file,
    ];
    const { code, stdout, stderr } = await consumer.run(pytest, { DOCKER_HOST: '' });
    expect({ code, stderr, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/\b3 passed/) });
  },
  async go() {
    const home = join(serverCache, 'golang-1.19-go/usr/lib/go-1.19');
    // Without a module and without a C compiler; what it has compiled is kept from run to run.
    const env = { GOROOT: home, GOCACHE: join(serverCache, 'go-build'), GOPATH: join(consumer.folder, 'go') };
    const ran = await consumer.run([join(home, 'bin/go'), 'test', '-v', sample('go').file], {
      ...env,
      GO111MODULE: 'off',
      CGO_ENABLED: '0',
    });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^--- PASS: TestNetwork /m) });
  },
  async actions() {
    const steps = [...sample('actions').text.matchAll(/run: \|\n((?: {6}.*\n)+)/g)];
    expect(steps.length).toBe(2);
    // A runner gives what one step has written into that file to the next.
    const [first = '', second = ''] = steps.map(([, text = '']) => text.replace(/^ {6}/gm, ''));
    const script = `${first}\nset -a; . ./env; set +a\n${second}\nkill "$(node -p 'require("./fake.json").pid')"`;
    const ran = await consumer.run(['bash', '-ec', script], { GITHUB_ENV: 'env' });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f]{64}\nbackend bridge\n$/) });
  },
  async curl() {
    const ran = await consumer.run(['bash', '-eu', sample('curl').file]);
    expect(ran).toEqual({ code: 0, stdout: 'Plan9\n3\n', stderr: '' });
  },
};

/** One start of vitest for all of its samples. */
let vitest: Promise<Ran> | undefined;

async function passes(name: string): Promise<void> {
  const files = ['vitest', 'nodes', 'testcontainers'].map((one) => sample(one).file);
  vitest ??= consumer.run(['npx', 'vitest', 'run', '--testTimeout=60000', ...files], { NO_COLOR: '1' });
  const { code, stdout, stderr } = await vitest;
  const passed = expect.stringMatching(new RegExp(`✓ ${sample(name).file} `));
  expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: passed });
}

describe('docs/testing.md', () => {
  // A project has one of it; the next sample is in the next project.
  beforeEach(() => rm(join(consumer.folder, 'fake.json'), { force: true }));

  it('says of each sample whether it is run, or why not', () => {
    expect([...said.keys()].sort()).toEqual(samples.map(({ name }) => name).sort());
    const yes = [...said].filter(([, how]) => how === 'yes').map(([name]) => name);
    expect(yes.sort()).toEqual(Object.keys(run).sort());
  });

  for (const [name, check] of Object.entries(run)) it(`${name} does what it says`, check);

  it('lists every call of the control API', async () => {
    const source = await readFile(
      fileURLToPath(new URL('../../src/testing/control/control.ts', import.meta.url)),
      'utf8',
    );
    const calls = [...source.matchAll(/\.(get|post|delete)(?:<Ref>)?\('([^']+)'/g)];
    expect(calls.length).toBeGreaterThan(12);
    const paths = calls.map(([, , path = '']) => path.replace(/:ref$/, 'ID').replace(':ref', 'REF'));
    const listed = page.replaceAll('/NAME/', '/REF/').replaceAll('`…/', '`POST /fairlead/fake/nodes/REF/');
    expect(paths.filter((path) => !listed.includes(`/fairlead/fake${path}`))).toEqual([]);
  });
});
