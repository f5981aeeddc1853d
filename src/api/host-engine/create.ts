import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { isKind } from '../../lib/errors.ts';
import { type UndoStack, withUndo } from '../../lib/undo.ts';
import type { Model, ServiceView } from '../../network/model.ts';
import { bodyText } from '../body.ts';
import { callEngine, type EngineAnswer, parseJson } from './call.ts';
import type { Upstream } from './upstream.ts';

const createBody = z.looseObject({
  PublishService: z.union([z.string(), z.array(z.string())]).nullish(),
  HostConfig: z.looseObject({ NetworkMode: z.string().nullish() }).nullish(),
});
type CreateBody = z.infer<typeof createBody>;
const created = z.object({ Id: z.string() });

interface Create {
  /** As the client sent it, with the version and the query. */
  readonly path: string;
  readonly body: CreateBody;
  /** `SERVICE[.NETWORK]` */
  readonly services: readonly string[];
}

/**
 * POST /containers/create goes to the Engine as it is, but for `PublishService`: the services are published if
 * they are missing, and the container is attached to them before it can be started.
 */
export function createThroughRoute(app: FastifyInstance, model: Model, upstream: Upstream): void {
  app.post('/containers/create', async (request, reply) => {
    const text = bodyText(request);
    const path = request.originalUrl;
    const body = createBody.safeParse(parseJson(text));
    const services = body.success ? [body.data.PublishService ?? []].flat().filter(Boolean) : [];
    if (!body.success || services.length === 0) {
      return relay(reply, await callEngine(upstream.socketPath, 'POST', path, text));
    }
    return relay(reply, await createPublished(model, upstream, { path, body: body.data, services }));
  });
}

function relay(reply: FastifyReply, { status, body }: EngineAnswer): FastifyReply {
  return reply.code(status).type('application/json').send(body.toString());
}

/** All or nothing: with a service that cannot be taken, neither the container nor what was published stays. */
async function createPublished(
  model: Model,
  upstream: Upstream,
  { path, body, services }: Create,
): Promise<EngineAnswer> {
  return await withUndo(async (undo) => {
    const views: ServiceView[] = [];
    for (const ref of services) views.push(await findOrPublish(model, ref, undo));
    const sent = JSON.stringify(placedOn(views[0]?.network.name, body));
    const answer = await callEngine(upstream.socketPath, 'POST', path, sent);
    const made = created.safeParse(parseJson(answer.body.toString()));
    if (answer.status !== 201 || !made.success) {
      await undo.unwind();
      return answer;
    }
    const { Id } = made.data;
    undo.push('create', () => callEngine(upstream.socketPath, 'DELETE', `/containers/${Id}?force=1&v=1`));
    await upstream.know(Id);
    for (const { service } of views) await model.services.attach(service.id, Id);
    return answer;
  });
}

async function findOrPublish({ services }: Model, ref: string, undo: UndoStack): Promise<ServiceView> {
  try {
    return await services.find(ref);
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
  }
  // Where the network is what is not found, this says so.
  const view = await services.publish(ref);
  undo.push(`publish ${ref}`, () => services.unpublish(view.service.id, { force: true }));
  return view;
}

/** Without a network of its own choice a container is where its first service is, as in 2015. */
function placedOn(network: string | undefined, { PublishService: _, ...body }: CreateBody): CreateBody {
  const mode = body.HostConfig?.NetworkMode ?? '';
  if (network === undefined || (mode !== '' && mode !== 'default')) return body;
  return { ...body, HostConfig: { ...body.HostConfig, NetworkMode: network } };
}
