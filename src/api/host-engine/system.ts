import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { messageOf } from '../../lib/errors.ts';
import type { ApiDeps } from '../deps.ts';
import { infoShape } from '../engine/info-shape.ts';
import { pingRoutes, versionShape } from '../engine/system.ts';
import { apiVersion, isBefore, splitVersion } from '../version.ts';
import { askEngine } from './call.ts';
import type { Upstream } from './upstream.ts';

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const plugins = z.looseObject({ Network: texts }).catch({ Network: [] });

/** /_ping, /version and /info: the Engine's own answers, with what we are beside them; ours alone while it is away. */
export function systemThroughRoutes(
  app: FastifyInstance,
  { model, info }: Pick<ApiDeps, 'model' | 'info'>,
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
  app.get('/info', async () => {
    const ours = infoShape(info(), model);
    try {
      return merged(await askEngine(upstream.socketPath, '/info'), ours);
    } catch (error) {
      return { ...ours, Warnings: [...texts.parse(ours.Warnings), `WARNING: ${messageOf(error)}`] };
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

/** What is said of the host and its containers is the Engine's; drivers and warnings are of both. */
function merged(engine: Record<string, unknown>, ours: Record<string, unknown>): Record<string, unknown> {
  const theirs = plugins.parse(engine.Plugins);
  const drivers = [...theirs.Network, ...plugins.parse(ours.Plugins).Network];
  return {
    ...engine,
    Plugins: { ...theirs, Network: [...new Set(drivers)] },
    Warnings: [...texts.catch([]).parse(engine.Warnings), ...texts.parse(ours.Warnings)],
    Fairlead: ours.Fairlead,
  };
}
