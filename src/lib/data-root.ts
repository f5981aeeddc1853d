export interface Owner {
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  readonly home: string;
}

/** Where a daemon of this user keeps its state unless it is told otherwise. */
export function defaultDataRoot({ env, uid, home }: Owner): string {
  if (uid === 0) return '/var/lib/fairlead';
  return `${env.XDG_DATA_HOME ?? `${home}/.local/share`}/fairlead`;
}
