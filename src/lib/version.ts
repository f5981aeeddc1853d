import packageFile from '../../package.json' with { type: 'json' };

interface Build {
  readonly version: string;
  /** Empty where it is not known. */
  readonly commit: string;
  /** When that commit was made, RFC 3339; empty likewise. */
  readonly time: string;
}

/** Put in by esbuild (build/version.mjs); sources that run without a build have only their package's version. */
declare const FAIRLEAD_BUILD: Build | undefined;

/** Of Fairlead, as the build that runs calls itself. */
export const { version, commit, time }: Build =
  typeof FAIRLEAD_BUILD === 'undefined'
    ? { version: packageFile.version, commit: '', time: '' }
    : FAIRLEAD_BUILD;
