import http from 'node:http';

/**
 * A connection for each call, without a header that says so: where it is to close a connection (`agent: false`) it
 * does so right after its answer, and Node, which ends a request by an empty write, takes the broken pipe for the
 * answer.
 */
class OneCallEach extends http.Agent {
  override keepSocketAlive(): boolean {
    return false;
  }
}

export const engineAgent = new OneCallEach({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
