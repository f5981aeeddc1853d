import { type EngineVersion, engineVersions } from '../rig/engine-version.ts';

/** FAIRLEAD_ROUNDS; what the command says when it is not set. */
export function roundsOr(usual: number): number {
  return Number(process.env.FAIRLEAD_ROUNDS ?? usual);
}

/** FAIRLEAD_SEED: the same choices in every run. */
export const seed = Number(process.env.FAIRLEAD_SEED ?? 24);

/** FAIRLEAD_ENGINE: of this version only. */
export const versions: readonly EngineVersion[] = engineVersions.filter(
  (version) => (process.env.FAIRLEAD_ENGINE ?? version) === version,
);

/** `most` and the median of measurements in milliseconds, as a report says them. */
export function spread(measured: readonly number[]): string {
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return `median ${at(0.5)} ms, 95 % within ${at(0.95)} ms, at most ${at(1)} ms`;
}
