import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** One line says it all. */
export class BuildFailed extends Error {
  exitCode = 1;
}

/** Of a program that failed: it has said why itself. */
export class ProgramFailed extends BuildFailed {
  constructor(command, code) {
    super(`${command} ended with exit code ${code}`);
    this.exitCode = code;
  }
}

/** Runs a program that has our terminal. @throws ProgramFailed */
export async function run(command, args, options = {}) {
  const [code] = await once(spawn(command, args, { stdio: 'inherit', ...options }), 'exit');
  if (code !== 0) throw new ProgramFailed([command, ...args].join(' '), code ?? 1);
}

/** Resolves when the child has ended with exit code 0. */
export async function endedWell(child) {
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  const [code] = hasEnded ? [child.exitCode] : await once(child, 'exit');
  if (code !== 0) throw new ProgramFailed(child.spawnargs.join(' '), code);
}
