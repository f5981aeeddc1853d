import { closeInherited } from '../lib/descriptors.ts';
import { createLogger } from '../lib/log.ts';
import { LogSink } from '../lib/log-sink.ts';
import type { DaemonConfig } from './config.ts';
import { asTheyAre, startDaemon } from './main.ts';
import { titleWithoutSecrets } from './process-title.ts';
import { tellReady } from './service-manager.ts';

/** The log's: stdout is for what a person is told (ready, on which socket). */
const stderr = 2;
/** For the log to be read, once all is closed, in milliseconds. */
const lastWordsMs = 1000;

/**
 * Runs the daemon until SIGINT or SIGTERM. Says on stdout when it is ready and on which socket. Containers
 * go on running without it.
 */
export async function runDaemon(config: DaemonConfig): Promise<void> {
  closeInherited();
  const title = titleWithoutSecrets([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
  if (title !== undefined) process.title = title;
  const sink = new LogSink(stderr);
  try {
    await runUntilStopped(config, sink);
  } finally {
    // The thread that waits for the log's reader would keep the process from ending, too.
    if (!(await sink.flushed(lastWordsMs))) process.kill(process.pid, 'SIGKILL');
  }
}

async function runUntilStopped(config: DaemonConfig, sink: LogSink): Promise<void> {
  const daemon = await startDaemon(config, asTheyAre, sink);
  // Not before: a start may be ended at any point, as by `kill -9`.
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  for (const line of daemon.greeting) process.stdout.write(`${line}\n`);
  await tellReady(createLogger(config.logLevel, sink));
  await stopped;
  await daemon.close();
}
