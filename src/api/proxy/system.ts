import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';
import type { ApiDeps } from '../deps.ts';
import { hostState, infoShape } from '../docker/system/info-shape.ts';
import { pingRoutes, versionShape } from '../docker/system/system.ts';
import { apiVersion, isBefore, splitVersion, versionOf } from '../http/version.ts';
import { callEngine } from './call.ts';
import type { Upstream } from './upstream.ts';

/** What people ask to find out why nothing moves is not to hang, too. In milliseconds. */
const patienceMs = 5_000;

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const plugins = z.looseObject({ Network: texts }).catch({ Network: [] });

/** /_ping, /version and /info: the Engine's own answers, with what we are beside them; ours alone while it is away. */
export function systemThroughRoutes(
  app: FastifyInstance,
  { model, info, dns }: Pick<ApiDeps, 'model' | 'info' | 'dns'>,
  upstream: Upstream,
): void {
  pingRoutes(app);
  app.get('/version', async () => {
    const ours = versionShape(info(), spokenVersion(upstream));
    const engine = await askEngine(upstream.socketPath, '/version').catch(() => undefined);
    if (!engine) return ours;
    const components = z.array(z.unknown()).catch([]).parse(engine.Components);
    const { ApiVersion, MinAPIVersion } = ours;
    const fairlead = { ...ours.Components[0], Name: 'Fairlead' };
    return { ...engine, Components: [...components, fairlead], ApiVersion, MinAPIVersion };
  });
  app.get('/info', async (request) => {
    // Images are the Engine’s to count.
    const ours = infoShape(info(), await hostState(dns, model), model, 0, versionOf(request));
    try {
      return merged(await askEngine(upstream.socketPath, request.originalUrl), ours, upstream);
    } catch (error) {
      const Warnings = [...texts.parse(ours.Warnings), `WARNING: ${messageOf(error)}`];
      return { ...ours, Warnings, Fairlead: withEngine(ours.Fairlead, upstream) };
    }
  });
}

/** Both of us must honour it. */
export function spokenVersion({ apiVersion: engine }: Upstream): string {
  const version = engine();
  if (version === undefined) return apiVersion;
  const parts = splitVersion(`/v${version}`).version;
  return parts && isBefore(parts, apiVersion) ? version : apiVersion;
}

/** Host and containers are described by the Engine; drivers and warnings come from both. */
function merged(
  engine: Record<string, unknown>,
  ours: Record<string, unknown>,
  upstream: Upstream,
): Record<string, unknown> {
  const theirs = plugins.parse(engine.Plugins);
  const drivers = [...theirs.Network, ...plugins.parse(ours.Plugins).Network];
  return {
    ...engine,
    Plugins: { ...theirs, Network: [...new Set(drivers)] },
    Warnings: [...texts.catch([]).parse(engine.Warnings), ...texts.parse(ours.Warnings)],
    Fairlead: withEngine(ours.Fairlead, upstream),
  };
}

/** The drop-in asks where the containers are. */
function withEngine(fairlead: unknown, { socketPath }: Upstream): Record<string, unknown> {
  return { ...object.catch({}).parse(fairlead), engine: `unix://${socketPath}` };
}

const object = z.record(z.string(), z.unknown());

/** A JSON object of the Engine. @throws unavailable when it does not answer, or not with one */
async function askEngine(socketPath: string, path: string): Promise<Record<string, unknown>> {
  const { status, body } = await callEngine(socketPath, 'GET', path, { patienceMs });
  const parsed = status === 200 ? object.safeParse(parseJson(body.toString())) : undefined;
  if (parsed?.success) return parsed.data;
  throw new FairleadError(
    'unavailable',
    `the Docker Engine at unix://${socketPath} answered ${path} with ${status}`,
  );
}
