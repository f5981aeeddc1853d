/** Of gRPC's interceptors what is used here; the library comes with etcd3. */
interface Listener {
  onReceiveStatus?(status: { readonly code: number }): void;
}
interface Call {
  start(metadata: unknown, listener?: Listener): void;
}

/** gRPC's numbers of a status. */
const [resourceExhausted, failedPrecondition] = [8, 9];

/**
 * An interceptor. Of a call that etcd refuses for want of room etcd3 thinks that the server is failing, and closes all
 * streams of the client, watches included. Said to be refused by a rule, which it is, it closes none.
 */
export function keepStreams(options: unknown, nextCall: (options: unknown) => Call): Call {
  const call = nextCall(options);
  const start = call.start.bind(call);
  call.start = (metadata, listener = {}) => {
    const tell = listener.onReceiveStatus?.bind(listener);
    listener.onReceiveStatus = (status) =>
      tell?.(status.code === resourceExhausted ? { ...status, code: failedPrecondition } : status);
    start(metadata, listener);
  };
  return call;
}
