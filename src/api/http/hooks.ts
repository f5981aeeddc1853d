import { type RequestListener, STATUS_CODES } from 'node:http';
import type { ApiHooks, HookAnswer } from '../deps.ts';
import type { UpgradeHandler } from './listeners/upgrade.ts';

export interface HookedHandlers {
  readonly request: RequestListener;
  readonly upgrade: UpgradeHandler;
}

/** The handlers behind what `hooks` lets through. */
export function withHooks<T extends HookedHandlers>(handlers: T, hooks: ApiHooks | undefined): T {
  if (!hooks) return handlers;
  const { request, upgrade } = handlers;
  return {
    ...handlers,
    request(call, response) {
      const answer: HookAnswer = {
        refuse(status, message) {
          const body = bodyOf(message);
          const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
          response.writeHead(status, headers).end(body);
        },
        reset: () => call.socket.destroy(),
      };
      void hooks.admit(call, answer).then((goesOn) => goesOn && request(call, response));
    },
    upgrade(call, connection, head) {
      const answer: HookAnswer = {
        refuse(status, message) {
          const body = bodyOf(message);
          const length = Buffer.byteLength(body);
          connection.end(
            `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nContent-Type: application/json\r\n` +
              `Content-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
          );
        },
        reset: () => connection.destroy(),
      };
      connection.on('error', () => connection.destroy());
      void hooks.admit(call, answer).then((goesOn) => goesOn && upgrade(call, connection, head));
    },
  };
}

function bodyOf(message: string): string {
  return `${JSON.stringify({ message })}\n`;
}
