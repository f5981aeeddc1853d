import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import Docker from 'dockerode';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/cli/client/client.ts';
import { type Page, servePage } from '../../src/cli/commands/ui/serve.ts';
import { type Fairlead, type FakeNode, startFairlead } from '../../src/testing/index.ts';
import { accessibilityProblems, openBrowser, openTab, type Tab } from '../rig/browser.ts';
import { until } from '../rig/until.ts';

/** For whoever wants to see what the tests have seen. */
const shots = 'coverage/page';

const dockerOf = ({ socketPath = '' }: Pick<FakeNode, 'socketPath'>) => new Docker({ socketPath });
const clientOf = ({ socketPath = '' }: Pick<FakeNode, 'socketPath'>) =>
  new Client(() => ({ address: { kind: 'unix', path: socketPath } }));

async function publish(node: Pick<FakeNode, 'socketPath'>, name: string, network: string): Promise<string> {
  return await new Promise((resolve, reject) =>
    dockerOf(node).modem.dial(
      {
        ...{ method: 'POST', path: '/v1.23/services?', statusCodes: { 201: true } },
        options: { _query: {}, _body: { name, network_name: network } },
      },
      (error: unknown, id: unknown) => (error ? reject(error) : resolve(String(id))),
    ),
  );
}

async function attach(node: Pick<FakeNode, 'socketPath'>, service: string, container: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    dockerOf(node).modem.dial(
      {
        ...{
          method: 'POST',
          path: `/v1.23/services/${service}/backend?`,
          statusCodes: { 200: true, 201: true },
        },
        options: { _query: {}, _body: { container_id: container } },
      },
      (error: unknown) => (error ? reject(error) : resolve()),
    ),
  );
}

async function run(node: Pick<FakeNode, 'socketPath'>, name: string, network: string): Promise<void> {
  const create = { name, Image: 'busybox', HostConfig: { NetworkMode: network } };
  await (await dockerOf(node).createContainer(create)).start();
}

describe('the page of fairlead ui', { timeout: 60_000 }, () => {
  let browser: Browser;
  let fairlead: Fairlead;
  let nodes: readonly FakeNode[];
  let served: Page;
  let tab: Tab;
  const second = () => nodes[1] ?? expect.unreachable();
  const body = () => tab.page.locator('body').textContent();
  const shot = (name: string) => tab.page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });

  beforeAll(async () => {
    mkdirSync(shots, { recursive: true });
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    fairlead = await startFairlead({ nodes: 3 });
    ({ nodes } = fairlead);
    await dockerOf(fairlead).createNetwork({
      ...{ Name: 'backend', Driver: 'overlay' },
      IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] },
    });
    await until('both know it', async () =>
      (await dockerOf(second()).listNetworks()).some(({ Name }) => Name === 'backend'),
    );
    await run(fairlead, 'app', 'backend');
    await run(second(), 'pg1', 'backend');
    await run(fairlead, 'alone', 'bridge');
    await publish(fairlead, 'queue', 'backend');
    const db = await publish(second(), 'db', 'backend');
    await attach(second(), db, 'pg1');
    served = await servePage(clientOf(fairlead), 0);
    tab = await openTab(browser);
    await tab.page.goto(served.url);
    await tab.page.getByRole('button', { name: /^db.*a service of pg1/ }).waitFor();
    return async () => {
      await tab[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
      await fairlead.close();
    };
  });

  it('shows nodes, networks, containers and services where they are', async () => {
    await shot('map');
    const boxOf = async (name: string | RegExp) => {
      const box = await tab.page.getByRole('button', { name }).boundingBox();
      return box ?? expect.unreachable(`${name} is not shown`);
    };
    const columnOf = async (name: string) =>
      (await tab.page.locator('.column', { hasText: name }).boundingBox()) ?? expect.unreachable();
    const [app, pg1, alone] = [await boxOf(/^app on/), await boxOf(/^pg1 on/), await boxOf(/^alone on/)];
    const [first, other] = [await columnOf('node1'), await columnOf('node2')];
    const within = (box: typeof app, column: typeof app) =>
      box.x >= column.x && box.x + box.width <= column.x + column.width;
    expect([within(app, first), within(pg1, other), within(alone, first)]).toEqual([true, true, true]);
    expect(Math.abs(app.y - pg1.y)).toBeLessThan(40);
    expect(alone.y).toBeGreaterThan(app.y + 40);
    expect(await tab.page.locator('.hollow').textContent()).toContain('queue 10.9.0.');
    expect(await body()).toContain('live');
    expect(tab.complaints).toEqual([]);
  });

  it('tells of what another node does, of a lost node and of a store that is away', async () => {
    const began = performance.now();
    await run(second(), 'late', 'backend');
    await tab.page.getByRole('button', { name: /^late on node2/ }).waitFor();
    process.stdout.write(`page: seen ${Math.round(performance.now() - began)} ms after it was begun\n`);
    await fairlead.container('late').setHealth('unhealthy');
    await tab.page.getByRole('button', { name: /^late on node2.*unhealthy/ }).waitFor();
    await nodes[2]?.die();
    await fairlead.clock.advance('20s');
    await tab.page.locator('.column.lost', { hasText: 'node3' }).waitFor();
    await shot('lost-node');
    await tab.page.keyboard.press('5');
    await tab.page.getByText('late on node2 joined backend').waitFor();
    await tab.page.getByText('Node node3 is lost').waitFor();
    await shot('timeline');
    await tab.page.keyboard.press('4');
    await tab.page.getByText('late on node2 is unhealthy: DNS does not name it on backend').waitFor();
    await tab.page.getByText(/\d+ things were looked at: all as it should be/).waitFor();
    await shot('doctor');
    fairlead.store.away('the wire is cut');
    await tab.page.locator('.pill.bad', { hasText: 'away since' }).waitFor();
    await shot('store-away');
  });

  it('folds what is too many; whose column it is stays in sight', async () => {
    for (let at = 0; at < 40; at += 1) await run(fairlead, `many-${at}`, 'backend');
    const more = tab.page.getByRole('button', { name: '34 more' });
    await more.waitFor();
    expect(await tab.page.locator('.chip').count()).toBe(9);
    await more.click();
    await tab.page.getByRole('button', { name: /^many-39 on/ }).scrollIntoViewIfNeeded();
    expect(await tab.page.evaluate('scrollY')).toBeGreaterThan(400);
    const inSight = async (what: string) =>
      ((await tab.page.getByRole('heading', { name: what }).boundingBox()) ?? expect.unreachable()).y;
    for (const what of ['node1', 'backend']) {
      expect(await inSight(what)).toBeGreaterThan(50);
      expect(await inSight(what)).toBeLessThan(200);
    }
    await shot('many');
    await tab.page.getByRole('button', { name: 'fewer' }).click();
    await more.waitFor();
  });

  it('answers a question of two clicks', async () => {
    await tab.page.getByRole('button', { name: /^app on node1/ }).click();
    const began = performance.now();
    await tab.page.getByRole('button', { name: /^db.*a service of pg1/ }).click();
    await tab.page.getByText(/app reaches db\.backend at 10\.9\.0\.\d+\./).waitFor();
    process.stdout.write(`page: answered in ${Math.round(performance.now() - began)} ms\n`);
    expect(await tab.page.locator('.hops li').count()).toBeGreaterThan(0);
    await shot('answer');
    await tab.page.getByRole('button', { name: 'Start over' }).click();
    await tab.page.getByRole('button', { name: /^alone on node1/ }).click();
    await tab.page.getByRole('button', { name: /^app on node1/ }).click();
    await tab.page.locator('.sentence.bad', { hasText: 'alone gets no address for app.backend' }).waitFor();
    expect(await tab.page.locator('.answer code').textContent()).toBe(
      'fairlead network connect backend alone',
    );
    await shot('no-answer');
    await tab.page.getByRole('button', { name: 'Start over' }).click();
    await tab.page.getByRole('button', { name: /^pg1 on node2/ }).click();
    await tab.page.getByRole('button', { name: /^app on node1/ }).click();
    await tab.page.getByText('pg1 runs on node2: only that node can try the way').waitFor();
  });

  it('takes a typed question, by keyboard alone', async () => {
    await tab.page.keyboard.press('2');
    await tab.page.getByLabel('Container').selectOption({ label: 'app' });
    await tab.page.getByLabel('asks for the name').fill('db');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText(/app reaches db at 10\.9\.0\.\d+\./).waitFor();
    await shot('ask');
    await tab.page.keyboard.press('Shift+Tab');
    // A digit that is typed is no view.
    await tab.page.getByLabel('asks for the name').fill('');
    await tab.page.getByLabel('asks for the name').press('3');
    expect(await tab.page.getByLabel('asks for the name').inputValue()).toBe('3');
  });

  it('lists names, and finds them', async () => {
    await tab.page.keyboard.press('3');
    await tab.page.getByText('5 of 5 names').waitFor();
    await shot('names');
    await tab.page.getByLabel('Filter').fill('queue');
    await tab.page.getByText('1 of 5 names').waitFor();
    expect(await tab.page.locator('tbody').textContent()).toMatch(
      /^queuebackendservice10\.9\.0\.\d+nobody: it has no provider–$/,
    );
  });

  it('goes on after the daemon was killed and came back: nothing is lost, nothing is there twice', async () => {
    const [first] = nodes;
    await first?.die();
    await tab.page.locator('.pill.bad', { hasText: 'not live' }).waitFor();
    await run(second(), 'meanwhile', 'backend');
    await first?.revive();
    await tab.page.getByRole('button', { name: /^meanwhile on node2/ }).waitFor();
    await tab.page.locator('.pill.good', { hasText: 'live' }).waitFor();
    await tab.page.getByRole('button', { name: 'As a table' }).click();
    const rows = await tab.page.locator('table').first().locator('tbody tr').allTextContents();
    const named = rows.map((row) => /^(.*node\d)/.exec(row)?.[1]);
    expect(named.sort()).toEqual([
      'backendappnode1',
      'backendmeanwhilenode2',
      'backendpg1node2',
      'bridgealonenode1',
    ]);
  });

  it.each(['light', 'dark'] as const)('axe-core finds nothing in any view, %s', async (colorScheme) => {
    await tab.page.emulateMedia({ colorScheme });
    await fairlead.container('pg1').setHealth('unhealthy');
    await tab.page.getByRole('button', { name: /^pg1 on node2.*unhealthy/ }).waitFor();
    const problems: (readonly [string, readonly string[]])[] = [];
    const look = async (view: string) => {
      problems.push([view, await accessibilityProblems(tab.page)]);
      await shot(`${view}-${colorScheme}`);
    };
    await look('map');
    await tab.page.getByRole('button', { name: 'As a table' }).click();
    await look('table');
    for (const [key, view] of [...'2345'].map(
      (each, at) => [each, ['ask', 'names', 'doctor', 'timeline'][at]] as const,
    )) {
      await tab.page.keyboard.press(key);
      await look(view ?? '');
    }
    expect(problems.filter(([, found]) => found.length > 0)).toEqual([]);
  });

  it('a URL is good once, a reload goes on, and without a session nothing is told', async () => {
    await tab.page.reload();
    await tab.page.getByRole('button', { name: /^db.*a service of pg1/ }).waitFor();
    expect(tab.page.url()).toBe(`http://127.0.0.1:${served.port}/`);
    await using other = await openTab(browser);
    await other.page.goto(served.url);
    await other.page.getByText('this token was used already, or is none').waitFor();
    await other.page.goto(`http://127.0.0.1:${served.port}/`);
    await other.page.getByText('This page has no session').waitFor();
    await other.page.screenshot({ path: `${shots}/refused.png` });
  });

  it('the command prints the URL, serves until Ctrl-C, and says at once when there is no daemon', async () => {
    const start = (host: string) =>
      spawn(process.execPath, ['dist/bin/fairlead', '-H', host, 'ui', '--print'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const command = start(fairlead.host);
    const ended = once(command, 'exit');
    const [line] = await once(createInterface({ input: command.stdout }), 'line');
    expect(line).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/);
    expect((await fetch(new URL('/', line))).status).toBe(200);
    command.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    const refused = start('unix:///nowhere/fairlead.sock');
    expect(await once(refused, 'exit')).toEqual([1, null]);
  });

  it('is small', () => {
    const bytes = ['page.js', 'page.css', 'index.html'].map(
      (name) => gzipSync(readFileSync(`dist/ui/${name}`)).length,
    );
    const sum = bytes.reduce((all, each) => all + each, 0);
    process.stdout.write(`page: ${sum} bytes, compressed\n`);
    expect(sum).toBeLessThan(400_000);
  });

  it('refuses who is not the page', async () => {
    const ask = (path: string, headers: Readonly<Record<string, string>>, method = 'GET') =>
      new Promise<string>((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port: served.port, path, method, headers });
        call.on('error', reject).on('response', (response) => {
          let text = '';
          response.on('data', (chunk) => (text += chunk));
          response.on('end', () => resolve(`${response.statusCode} ${text.slice(0, 60)}`));
        });
        call.end();
      });
    const path = '/api/fairlead/topology';
    expect(await ask(path, {})).toMatch(/^401 .*this needs the session of a page/);
    expect(await ask(path, { 'x-fairlead-session': 'guess' })).toMatch(/^401/);
    for (const headers of [
      { host: 'evil.example' },
      { host: `evil.example:${served.port}` },
      { origin: 'http://evil.example' },
      { origin: 'http://127.0.0.1:1' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      expect(await ask('/', headers)).toMatch(/^403/);
      expect(await ask('/session', headers, 'POST')).toMatch(/^403/);
    }
    const session = await tab.page.evaluate('sessionStorage.getItem("fairlead-session")');
    const own = { 'x-fairlead-session': String(session) };
    expect(await ask(path, own)).toMatch(/^200/);
    expect(await ask('/api/containers/json', own)).toMatch(/^404/);
    expect(await ask('/api/fairlead/doctor', own, 'POST')).toMatch(/^405/);
    expect(await ask('/api/../etc/passwd', own)).toMatch(/^404/);
  });
});
