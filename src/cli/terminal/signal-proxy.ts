const proxied = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** After this many, the user wants the CLI to end, whatever the container does (as Docker's). */
const patience = 3;

/** Passes our signals on to the container. @returns what stops it */
export function proxySignals(send: (signal: string) => Promise<void>): () => void {
  let interrupts = 0;
  const pass = (signal: NodeJS.Signals) => {
    if (signal === 'SIGINT' || signal === 'SIGTERM') interrupts += 1;
    if (interrupts >= patience) {
      process.stderr.write(`got ${patience} SIGTERM/SIGINTs, forcefully exiting\n`);
      process.exit(1);
    }
    // The container may be gone already; then there is nobody to tell.
    send(signal.replace(/^SIG/, '')).catch(() => {});
  };
  for (const signal of proxied) process.on(signal, pass);
  return () => {
    for (const signal of proxied) process.off(signal, pass);
  };
}
