import { Agent } from 'node:http';
import Docker from 'dockerode';
import { messageOf } from '../../lib/errors.ts';
import { requireOwnFolder } from '../../lib/own-folder.ts';
import { Failure } from '../failure.ts';
import type { Endpoint } from './endpoint.ts';

/** Nothing is sent yet. @throws Failure when nothing may be sent there */
export async function openDocker(endpoint: Endpoint): Promise<Docker> {
  const chosen = await options(endpoint);
  return withoutDockerHost(() => new Docker(chosen));
}

async function options({ address, tls }: Endpoint): Promise<Docker.DockerOptions> {
  // The empty server name spares Node's check whether "localhost" is an IP address: 3 ms of a CLI's start.
  const agent = { agent: new Agent({ servername: '' } as object) };
  if (address.kind === 'unix') {
    if (address.ownFolder !== undefined) trustFolder(address.ownFolder);
    return { socketPath: address.path, ...agent };
  }
  const target = { host: address.host, port: address.port };
  if (!tls) return { ...target, protocol: 'http', ...agent };
  const { secureAgent } = await import('./secure-agent.ts');
  const secure = { agent: secureAgent(tls) };
  return { ...target, protocol: 'https', ...secure };
}

/** Where another user made it, what listens there is no daemon of ours. */
function trustFolder(path: string): void {
  try {
    requireOwnFolder(path);
  } catch (error) {
    throw new Failure(messageOf(error), 1, { cause: error });
  }
}

/** The transport mixes DOCKER_HOST into its options, and fails on values it cannot parse; it is not ours to follow. */
function withoutDockerHost<T>(make: () => T): T {
  const saved = process.env.DOCKER_HOST;
  delete process.env.DOCKER_HOST;
  try {
    return make();
  } finally {
    if (saved !== undefined) process.env.DOCKER_HOST = saved;
  }
}
