import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { Container } from '../../../container/container.ts';
import { ownRuntime } from '../../../container/runtime.ts';
import { FairleadError } from '../../../lib/errors.ts';
import type { EventBus } from '../../../lib/events.ts';
import { containerEvent } from '../../../network/containers/container-event.ts';
import type { Containers } from '../../../network/model.ts';
import type { UpgradeRoute } from '../../http/listeners/upgrade.ts';
import { flagOf, queryOf } from '../../http/query.ts';
import type { Shares } from '../../http/shares.ts';
import { parseDetachKeys } from '../../http/streams/detach-keys.ts';
import { multiplexedStream, rawStream } from '../../http/streams/framing.ts';
import { type PipeOptions, pipeOutput, pipeProcess } from '../../http/streams/process-pipe.ts';
import { beginStream } from '../../http/streams/stream.ts';
import { type ApiVersion, isBefore, versionOf } from '../../http/version.ts';
import { writeLogs } from './logs.ts';
import type { Terminals } from './terminals.ts';

export interface StreamDeps {
  readonly containers: Containers;
  readonly events: EventBus;
  readonly terminals: Terminals;
  /** A container's attached clients and log followers. */
  readonly streams: Shares;
  readonly closing: AbortSignal;
}

/** POST /containers/REF/attach: may come before the start, as `docker run` does it. */
export function attachRoute({
  containers,
  events,
  terminals,
  streams: shares,
  closing,
}: StreamDeps): UpgradeRoute {
  return {
    pattern: /^\/containers\/(?<ref>[^/]+)\/attach$/,
    async open({ ref, query, version }) {
      const container = containers.find(ref);
      const options = attachOptions(container, query);
      let client: Duplex | undefined;
      // A client that left cannot be distinguished from one that only sends nothing more.
      const share = shares.take(container.id, () => client?.readableEnded === true && !!client.destroy());
      const attached = flagOf(query, 'stream')
        ? ownRuntime(containers.runtime).attach(container.id)
        : undefined;
      const streams = await attached?.catch((error: unknown) => {
        share[Symbol.dispose]();
        throw error;
      });
      if (streams) terminals.add(container.id, streams);
      events.emit(containerEvent(container, 'attach'));
      return {
        contentType: streamType(container.spec.tty, version),
        async run(connection) {
          using _share = share;
          client = connection;
          if (flagOf(query, 'logs')) {
            await writeLogs(
              containers.runtime,
              container,
              { ...options, follow: false },
              connection,
              closing,
            );
          }
          if (!streams) return;
          const onDetach = () => events.emit(containerEvent(container, 'detach'));
          await pipeProcess(connection, streams, { ...options, onDetach });
          terminals.remove(container.id, streams);
        },
      };
    },
  };
}

/** The same without an upgrade: only output, which dockerode requests unless `hijack` is set. */
export function attachOutputRoute(
  app: FastifyInstance,
  { containers, events, streams: shares, closing }: StreamDeps,
): void {
  app.post<{ Params: { ref: string } }>('/containers/:ref/attach', async (request, reply) => {
    const container = containers.find(request.params.ref);
    const query = queryOf(request);
    const options = attachOptions(container, query);
    const { runtime } = containers;
    using _share = shares.take(container.id);
    const streams = flagOf(query, 'stream') ? await ownRuntime(runtime).attach(container.id) : undefined;
    events.emit(containerEvent(container, 'attach'));
    const response = beginStream(reply, streamType(container.spec.tty, versionOf(request)));
    const leave = () => streams?.stdout.destroy();
    response.on('close', leave);
    closing.addEventListener('abort', leave);
    if (flagOf(query, 'logs')) {
      await writeLogs(runtime, container, { ...options, follow: false }, response, closing);
    }
    if (streams) await pipeOutput(streams, response, options);
    closing.removeEventListener('abort', leave);
    response.end();
  });
}

/** From 1.42 on the content type shows whether the stream is framed. */
export function streamType(tty: boolean, version: ApiVersion): string {
  return tty || isBefore(version, '1.42') ? rawStream : multiplexedStream;
}

function attachOptions({ spec }: Container, query: URLSearchParams): PipeOptions {
  return {
    tty: spec.tty,
    stdin: spec.openStdin && flagOf(query, 'stdin'),
    stdout: flagOf(query, 'stdout'),
    stderr: flagOf(query, 'stderr'),
    endInput: stdinOnce(spec.extras),
    detachKeys: parseDetachKeys(query.get('detachKeys') ?? ''),
  };
}

const config = z.object({ Config: z.object({ StdinOnce: z.boolean() }) });

/** `docker run -i` sets it: the input ends with the first client that was attached to it. */
function stdinOnce(extras: Readonly<Record<string, unknown>>): boolean {
  return config.safeParse(extras).data?.Config.StdinOnce ?? false;
}

/** Columns and rows of a resize. @throws invalid */
export function sizeOf(query: URLSearchParams): { readonly columns: number; readonly rows: number } {
  return { rows: sideOf(query, 'h', 'height'), columns: sideOf(query, 'w', 'width') };
}

/** In the Engine's words, but that what is too large is refused: a terminal's sides have 16 bits. */
function sideOf(query: URLSearchParams, name: string, what: string): number {
  const text = query.get(name) ?? '';
  const problem = !/^\d{1,10}$/.test(text)
    ? 'invalid syntax'
    : Number(text) > 65535
      ? 'value out of range'
      : '';
  if (problem === '') return Number(text);
  throw new FairleadError('invalid', `invalid resize ${what} "${text}": ${problem}`);
}
