import type { FastifyInstance, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { bodyText, decodeJson } from '../../api/http/body.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { CommandMatcher, Fairlead, FakeNode, Script } from '../contract.ts';
import { controlPrefix } from './call-faults.ts';
import {
  clockBody,
  execBody,
  exitBody,
  faultBody,
  healthBody,
  logBody,
  runBody,
  storeBody,
} from './control-bodies.ts';

type Ref = { Params: { ref: string } };

/** The same as contract.ts over HTTP, for clients in other languages: `/fairlead/fake/…` on each node. */
export function controlRoutes(app: FastifyInstance, fairlead: Fairlead, self: FakeNode): void {
  app.register(
    async (part) => {
      scriptRoutes(part, fairlead);
      containerRoutes(part, fairlead);
      faultRoutes(part, fairlead);
      nodeRoutes(part, fairlead, self);
      part.get('/clock', async () => ({ now: fairlead.clock.now() }));
      part.post('/clock', async (request) => {
        await fairlead.clock.advance(read(request, clockBody).advance);
        return { now: fairlead.clock.now() };
      });
      part.post('/reset', async (_request, reply) => {
        await fairlead.reset();
        return reply.code(204).send();
      });
    },
    { prefix: controlPrefix },
  );
}

function scriptRoutes(app: FastifyInstance, fairlead: Fairlead): void {
  const scripts = new Map<string, Script>();
  const keep = (script: Script) => {
    const id = newId().slice(0, 12);
    scripts.set(id, script);
    return { id };
  };
  app.post('/exec', async (request, reply) => {
    const { container, command, pattern, answer } = read(request, execBody);
    const matcher: CommandMatcher = pattern ?? command ?? (() => true);
    const script =
      container === undefined
        ? fairlead.onExec(matcher, answer)
        : fairlead.container(container).onExec(matcher, answer);
    return reply.code(201).send(keep(script));
  });
  app.post('/run', async (request, reply) => {
    const { answer, ...pattern } = read(request, runBody);
    return reply.code(201).send(keep(fairlead.onRun(pattern, answer)));
  });
  app.delete<Ref>('/scripts/:ref', async (request, reply) => {
    const script = scripts.get(request.params.ref);
    if (!script) throw new FairleadError('not-found', `no script ${request.params.ref}`);
    script.remove();
    scripts.delete(request.params.ref);
    return reply.code(204).send();
  });
}

function containerRoutes(app: FastifyInstance, fairlead: Fairlead): void {
  app.post<Ref>('/containers/:ref/log', async (request, reply) => {
    const { text, stream } = read(request, logBody);
    fairlead.container(request.params.ref).log(text, stream);
    return reply.code(204).send();
  });
  app.post<Ref>('/containers/:ref/exit', async (request, reply) => {
    await fairlead.container(request.params.ref).exit(read(request, exitBody).exitCode);
    return reply.code(204).send();
  });
  app.post<Ref>('/containers/:ref/health', async (request, reply) => {
    await fairlead.container(request.params.ref).setHealth(read(request, healthBody).status);
    return reply.code(204).send();
  });
}

function faultRoutes(app: FastifyInstance, fairlead: Fairlead): void {
  app.post('/faults', async (request, reply) => {
    const { delay, count, on, ...fault } = read(request, faultBody);
    if (delay === undefined) fairlead.faults.next(count, { ...fault, ...(on === undefined ? {} : { on }) });
    else fairlead.faults.slow(delay, on);
    return reply.code(204).send();
  });
  app.delete('/faults', async (_request, reply) => {
    fairlead.faults.clear();
    return reply.code(204).send();
  });
  app.post('/store', async (request, reply) => {
    const { away, reason, node } = read(request, storeBody);
    const { store } = node === undefined ? fairlead : nodeNamed(fairlead, node);
    if (away) store.away(reason);
    else await store.back();
    return reply.code(204).send();
  });
}

function nodeRoutes(app: FastifyInstance, fairlead: Fairlead, self: FakeNode): void {
  app.get('/nodes', async () =>
    fairlead.nodes.map(({ name, host, dns, isAlive }) => ({ name, dockerHost: host, dns, isAlive })),
  );
  app.post<Ref>('/nodes/:ref/die', async (request, reply) => {
    const node = nodeNamed(fairlead, request.params.ref);
    if (node.name === self.name)
      throw new FairleadError('invalid', `${node.name} cannot answer that it is dead: ask another node`);
    await node.die();
    return reply.code(204).send();
  });
  app.post<Ref>('/nodes/:ref/revive', async (request, reply) => {
    await nodeNamed(fairlead, request.params.ref).revive();
    return reply.code(204).send();
  });
}

function nodeNamed({ nodes }: Fairlead, name: string): FakeNode {
  const node = nodes.find((one) => one.name === name);
  if (node) return node;
  const names = nodes.map((one) => one.name).join(', ');
  throw new FairleadError('not-found', `no node ${name}: there is ${names}`);
}

/** @throws invalid: what is wrong with it, where */
function read<T extends z.ZodType>(request: FastifyRequest, schema: T): z.infer<T> {
  const text = bodyText(request);
  const result = schema.safeParse(text.trim() === '' ? {} : decodeJson(text, ''));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new FairleadError('invalid', `${where}${issue?.message ?? messageOf(result.error)}`);
}
