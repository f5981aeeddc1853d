import { isatty } from 'node:tty';
import { showsColour } from '../lib/colour.ts';
import { closeInherited } from '../lib/descriptors.ts';
import { createLogger, type LogFormat } from '../lib/log.ts';
import { LogSink } from '../lib/log-sink.ts';
import { readableLine } from '../lib/log-text.ts';
import type { DaemonConfig } from './config.ts';
import { hostPlatform } from './host-platform.ts';
import { startDaemon } from './main.ts';
import { titleWithoutSecrets } from './process-title.ts';
import { tellReady } from './service-manager.ts';
import { StartCut, StopRequest } from './stop-request.ts';

/** The log's: stdout is for what a person is told (ready, on which socket). */
const stderr = 2;
/** For the log to be read, once all is closed, in milliseconds. */
const lastWordsMs = 1000;

/**
 * Runs the daemon until SIGINT or SIGTERM. Says on stdout when it is ready and on which socket. Containers
 * go on running without it. A start that is cut short takes back what it has made, and is no failure (dockerd's exit
 * code is 0 as well).
 */
export async function runDaemon(config: DaemonConfig): Promise<void> {
  using stop = new StopRequest();
  closeInherited();
  // Docker's containers have it, and every file is made with a mode that this one does not change (docs/security.md).
  process.umask(0o022);
  const title = titleWithoutSecrets([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
  if (title !== undefined) process.title = title;
  const sink = new LogSink(stderr, formatter(config.logFormat));
  try {
    await runUntilStopped(config, sink, stop);
  } finally {
    // The thread that waits for the log's reader would keep the process from ending, too.
    if (!(await sink.flushed(lastWordsMs))) process.kill(process.pid, 'SIGKILL');
  }
}

function formatter(format: LogFormat): ((line: string) => string) | undefined {
  const isTerminal = isatty(stderr);
  if (format === 'json' || (format === 'auto' && !isTerminal)) return undefined;
  const isColoured = isTerminal && showsColour(process.env);
  return (line) => readableLine(line, isColoured);
}

async function runUntilStopped(config: DaemonConfig, sink: LogSink, stop: StopRequest): Promise<void> {
  const daemon = await startDaemon(config, hostPlatform(), sink, stop.signal).catch((error: unknown) => {
    if (!(error instanceof StartCut)) throw error;
    return undefined;
  });
  if (!daemon) return;
  for (const line of daemon.greeting) process.stdout.write(`${line}\n`);
  await tellReady(createLogger(config.logLevel, sink));
  await stop.heard();
  await daemon.close();
}
