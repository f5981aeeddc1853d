import type { FastifyInstance, FastifyReply } from 'fastify';
import * as z from 'zod';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';
import { type UndoStack, withUndo } from '../../lib/undo.ts';
import type { Model, ServiceView } from '../../network/model.ts';
import { bodyText } from '../http/body.ts';
import { callEngine, type EngineAnswer } from './call.ts';
import type { Upstream } from './upstream.ts';

const createBody = z.looseObject({
  PublishService: z.union([z.string(), z.array(z.string())]).nullish(),
  Standby: z.boolean().nullish(),
  HostConfig: z.looseObject({ NetworkMode: z.string().nullish() }).nullish(),
  NetworkingConfig: z.looseObject({ EndpointsConfig: z.record(z.string(), z.unknown()).nullish() }).nullish(),
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
      return relay(reply, await callEngine(upstream.socketPath, 'POST', path, { body: text }));
    }
    if (body.data.Standby) throw noStandby();
    const { answer, published } = await createPublished(model, upstream, { path, body: body.data, services });
    return relay(reply.header(publishedHeader, published.join(',')), answer);
  });
}

function noStandby(): FairleadError {
  return new FairleadError(
    'unsupported',
    'beside a Docker Engine there are no standbys yet: create the container when nobody has the service',
  );
}

function relay(reply: FastifyReply, { status, body }: EngineAnswer): FastifyReply {
  return reply.code(status).type('application/json').send(body.toString());
}

/** Ids of the services made for this create; a failed start removes them. */
const publishedHeader = 'Fairlead-Published';

interface Created {
  readonly answer: EngineAnswer;
  readonly published: readonly string[];
}

/** All or nothing: with a service that cannot be taken, neither the container nor what was published stays. */
async function createPublished(
  model: Model,
  upstream: Upstream,
  { path, body, services }: Create,
): Promise<Created> {
  return await withUndo(async (undo) => {
    const places: Place[] = [];
    for (const ref of services) places.push(await publishOrFind(model, ref, undo));
    const sent = JSON.stringify(placedOn(places[0]?.view.network.name, body));
    const answer = await callEngine(upstream.socketPath, 'POST', path, { body: sent });
    const made = created.safeParse(parseJson(answer.body.toString()));
    if (answer.status !== 201 || !made.success) {
      await undo.unwind();
      return { answer, published: [] };
    }
    const { Id } = made.data;
    undo.push('create', () => callEngine(upstream.socketPath, 'DELETE', `/containers/${Id}?force=1&v=1`));
    await upstream.know(Id);
    for (const { view } of places) await model.services.attach(view.service.id, Id);
    return { answer, published: places.flatMap(({ isNew, view }) => (isNew ? [view.service.id] : [])) };
  });
}

interface Place {
  readonly view: ServiceView;
  readonly isNew: boolean;
}

/** By its name alone: another's id may begin with it. */
async function publishOrFind({ services }: Model, ref: string, undo: UndoStack): Promise<Place> {
  try {
    const view = await services.publish(ref);
    undo.push(`publish ${ref}`, () => services.unpublish(view.service.id, { force: true }));
    return { view, isNew: true };
  } catch (error) {
    // There is one of that name, which goes before any id's beginning.
    if (isKind(error, 'conflict')) return { view: await services.find(ref), isNew: false };
    // Clients take a 404 of a create for a missing image, and pull it.
    if (isKind(error, 'not-found')) throw new FairleadError('invalid', messageOf(error), { cause: error });
    throw error;
  }
}

/** Without a network of its own choice a container is where its first service is, as in 2015. */
function placedOn(network: string | undefined, { PublishService: _, ...body }: CreateBody): CreateBody {
  const mode = body.HostConfig?.NetworkMode ?? '';
  if (network === undefined || (mode !== '' && mode !== 'default')) return body;
  const { default: settings, ...others } = body.NetworkingConfig?.EndpointsConfig ?? {};
  // Where the two name different networks, the Engine goes by this one (docker-facts 5.3).
  const EndpointsConfig = settings === undefined ? others : { ...others, [network]: settings };
  return {
    ...body,
    HostConfig: { ...body.HostConfig, NetworkMode: network },
    ...(body.NetworkingConfig && { NetworkingConfig: { ...body.NetworkingConfig, EndpointsConfig } }),
  };
}
