import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';

/**
 * One request to Consul, which the package takes as its `ctx`: it ends by `cancel`. The package's HTTP client, papi,
 * has a limit only for the whole of an answer, and waits for ever where the connection ends within one. Here it is
 * silence that is limited, so a long list may take longer as long as it comes.
 */
export class ConsulCall extends EventEmitter {
  readonly includeResponse = true;
  readonly #silence: number;
  #began = 0;

  /** `silence` in milliseconds. */
  constructor(silence: number) {
    super();
    this.#silence = silence;
  }

  /** Milliseconds since the first byte of the answer. */
  get transfer(): number {
    return performance.now() - this.#began;
  }

  watchOver(sent: ClientRequest): ClientRequest {
    let answer: IncomingMessage | undefined;
    const silence = setTimeout(() => sent.destroy(new Error('no answer in time')), this.#silence);
    sent.once('response', (response) => {
      answer = response;
      this.#began = performance.now();
      response.on('data', () => silence.refresh());
    });
    sent.once('close', () => {
      clearTimeout(silence);
      if (!answer?.complete) sent.emit('error', new Error('the connection was lost'));
    });
    return sent;
  }
}
