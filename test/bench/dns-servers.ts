import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runToEnd } from '../rig/daemon.ts';
import { startEngine } from '../rig/dockerd.ts';
import type { TestHost } from '../rig/namespace.ts';
import { serverCache } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { call, unixClient } from './http-call.ts';

/** A server under test, all of it on one core, and whence it is loaded. */
export interface DnsServer {
  readonly pid: number;
  /** Path of the network namespace that the load is in. */
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  /** The source address of queries, where it matters: that of a container with the names. */
  readonly asker: string;
  readonly stop: () => Promise<void>;
}

export interface Place {
  readonly host: TestHost;
  readonly directory: string;
  readonly port: number;
}

/** What each of them knows: a hundred names of one address each, and one of 28. */
export const services = Array.from({ length: 100 }, (_, n) => ({
  name: `service-${n}`,
  address: `127.0.40.${n + 2}`,
}));
export const manyAddresses = 28;
export const serverCpu = 0;
const own = '127.0.40.1';

export const startDnsServer: Readonly<Record<string, (place: Place) => Promise<DnsServer>>> = {
  fairlead: (place) => startNode('fairlead', place),
  echo: (place) => startNode('echo', place),
  dns2: (place) => startNode('dns2', place),
  aardvark: startAardvark,
  dnsmasq: startDnsmasq,
  unbound: startUnbound,
  docker: startDocker,
};

/** It goes into the background, and says as whom. */
async function startAardvark({ host, directory, port }: Place): Promise<DnsServer> {
  const folder = join(directory, 'aardvark');
  await mkdir(folder);
  const lines = services.map(({ name, address }, n) => {
    const names = n < manyAddresses ? `${name},many` : name;
    return `${String(n).padStart(64, '0')} ${address}  ${names}`;
  });
  await writeFile(join(folder, 'net'), `${[own, ...lines].join('\n')}\n`);
  const program = join(serverCache, 'aardvark-dns/usr/lib/podman/aardvark-dns');
  await host.run(...pinned(program, '--config', folder, '--port', String(port), 'run'));
  const pid = Number(await readFile(join(folder, 'aardvark.pid'), 'utf8'));
  return { ...at(host, port), pid, stop: async () => void process.kill(pid, 'SIGKILL') };
}

async function startDnsmasq({ host, directory, port }: Place): Promise<DnsServer> {
  const file = join(directory, 'hosts');
  const lines = services.map(
    ({ name, address }, n) => `${address} ${name}${n < manyAddresses ? ' many' : ''}`,
  );
  await writeFile(file, `${lines.join('\n')}\n`);
  const words = ['--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--user=root'];
  const where = [`--port=${port}`, `--listen-address=${own}`, '--bind-interfaces', '--pid-file='];
  return await startProgram(host, port, ['dnsmasq', ...words, ...where, `--addn-hosts=${file}`]);
}

async function startUnbound({ host, directory, port }: Place): Promise<DnsServer> {
  const file = join(directory, 'unbound.conf');
  const lines = services.flatMap(({ name, address }, n) => [
    `local-data: "${name}. A ${address}"`,
    ...(n < manyAddresses ? [`local-data: "many. A ${address}"`] : []),
  ]);
  const settings = [
    'do-daemonize: no',
    'use-syslog: no',
    'chroot: ""',
    'directory: ""',
    'username: ""',
    'pidfile: ""',
  ];
  const where = [
    `interface: ${own}@${port}`,
    'access-control: 127.0.0.0/8 allow',
    'module-config: "iterator"',
  ];
  const text = [
    'server:',
    ...[...settings, ...where, ...lines].map((line) => `  ${line}`),
    'remote-control:',
  ];
  await writeFile(file, `${[...text, '  control-enable: no'].join('\n')}\n`);
  return await startProgram(host, port, [join(serverCache, 'unbound/usr/sbin/unbound'), '-c', file]);
}

const created = z.object({ Id: z.string() });
const inspected = z.object({ State: z.object({ Pid: z.number() }) });

/** The resolver of a user-defined network; only a container reaches it, through the NAT of its own namespace. */
async function startDocker(): Promise<DnsServer> {
  const engine = await startEngine({ cpu: serverCpu });
  const client = unixClient(engine.socketPath);
  const post = async (path: string, body?: unknown) => await call(client, 'POST', `/v1.41${path}`, body);
  await post('/networks/create', { Name: 'net' });
  const run = async (name: string, aliases: readonly string[]) => {
    const body = {
      Image: 'busybox',
      Cmd: ['sleep', '3600'],
      HostConfig: { NetworkMode: 'net' },
      NetworkingConfig: { EndpointsConfig: { net: { Aliases: aliases } } },
    };
    const { Id } = created.parse(JSON.parse(await post(`/containers/create?name=${name}`, body)));
    await post(`/containers/${Id}/start`);
    return inspected.parse(JSON.parse(await call(client, 'GET', `/v1.41/containers/${Id}/json`)));
  };
  const { State } = await run(
    'asker',
    services.map(({ name }) => name),
  );
  return {
    pid: engine.pid,
    namespace: `/proc/${State.Pid}/ns/net`,
    address: '127.0.0.11',
    port: 53,
    asker: '127.0.0.1',
    stop: async () => {
      client.agent.destroy();
      await engine[Symbol.asyncDispose]();
    },
  };
}

const portMessage = z.object({ port: z.number() });

/** One of ours (dns-target.ts), which says when it is ready. */
async function startNode(what: string, { host }: Place): Promise<DnsServer> {
  const [program, ...words] = pinned(process.execPath, 'dist/bench/dns-target.js', what);
  const child = spawn('nsenter', [`--net=${host.path}`, program, ...words], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = await once(child, 'message');
  const { port } = portMessage.parse(message);
  return { ...at(host, port), pid: child.pid ?? 0, stop: async () => void child.kill('SIGKILL') };
}

async function startProgram(host: TestHost, port: number, words: readonly string[]): Promise<DnsServer> {
  const [program, ...all] = pinned(...words);
  const child = spawn('nsenter', [`--net=${host.path}`, program, ...all], { stdio: 'ignore' });
  const server = { ...at(host, port), pid: child.pid ?? 0, stop: async () => void child.kill('SIGKILL') };
  await until(`${words[0]} answers`, () => answers(server));
  return server;
}

async function answers({ namespace, address, port }: DnsServer): Promise<boolean> {
  const dig = ['dig', '+time=1', '+tries=1', '+short', '-p', String(port), `@${address}`, 'service-0', 'A'];
  return (await runToEnd(['nsenter', `--net=${namespace}`, ...dig])).stdout.trim() === services[0]?.address;
}

function at(host: TestHost, port: number) {
  return { namespace: host.path, address: own, port, asker: services[0]?.address ?? '' };
}

function pinned(...words: readonly string[]): [string, ...string[]] {
  return ['taskset', '-c', String(serverCpu), ...words];
}
