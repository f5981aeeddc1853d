import os from 'node:os';
import type { FastifyInstance } from 'fastify';
import { timestamp } from '../../../lib/time.ts';
import { commit, time } from '../../../lib/version.ts';
import type { ApiDeps, SystemInfo } from '../../deps.ts';
import { apiVersion, minApiVersion, versionOf } from '../../http/version.ts';
import type { Images } from '../images/image-names.ts';
import { hostState, infoShape } from './info-shape.ts';

/** /_ping, /version and /info. */
export function systemRoutes(
  app: FastifyInstance,
  { model, info, dns }: Pick<ApiDeps, 'model' | 'info' | 'dns'>,
  images: Images,
): void {
  pingRoutes(app);
  app.get('/version', async () => versionShape(info(), apiVersion));
  app.get('/info', async (request) =>
    infoShape(info(), await hostState(dns, model), model, images.known().size, versionOf(request)),
  );
}

export function pingRoutes(app: FastifyInstance): void {
  const pingHeaders = {
    'cache-control': 'no-cache, no-store, must-revalidate',
    pragma: 'no-cache',
    swarm: 'inactive',
  };
  app.get('/_ping', (_request, reply) =>
    reply.headers(pingHeaders).type('text/plain; charset=utf-8').send('OK'),
  );
  app.head('/_ping', (_request, reply) =>
    reply
      .headers({ ...pingHeaders, 'content-length': '0' })
      .type('text/plain; charset=utf-8')
      .send(),
  );
}

/** `spoken`: the newest API that we honour. */
export function versionShape({ version, started }: Pick<SystemInfo, 'version' | 'started'>, spoken: string) {
  const system = {
    Version: version,
    ApiVersion: spoken,
    MinAPIVersion: minApiVersion,
    GitCommit: commit,
    // Clients show it; what runs this daemon is Node.
    GoVersion: `node ${process.version}`,
    Os: platformName(),
    Arch: architecture(),
    KernelVersion: os.release(),
    BuildTime: time || timestamp(started),
  };
  const Details = { ...system, Experimental: 'false' };
  return {
    Platform: { Name: 'Fairlead' },
    Components: [{ Name: 'Engine', Version: version, Details }],
    ...system,
  };
}

/** `linux`, `darwin`, `windows`: Go's names. */
export function platformName(): string {
  return process.platform === 'win32' ? 'windows' : process.platform;
}

function architecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
  return names[process.arch] ?? process.arch;
}
