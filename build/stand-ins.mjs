import { BuildFailed } from './run.mjs';

/**
 * What bundles have in place of modules that a library imports and we never call, or call only later. A stand-in is
 * `{ from, module, code }`: where a file that `from` fits imports `module`, spelled so, it gets `code`. A library that
 * no longer imports it would come in whole again without a word, so one that nothing asks for fails the build.
 */
export class StandIns {
  #known = new Set();
  #used = new Set();

  /** A plugin of esbuild for one bundle. */
  plugin(standIns, root) {
    for (const standIn of standIns) this.#known.add(standIn);
    return { name: 'stand-ins', setup: (build) => this.#setUp(build, standIns, root) };
  }

  /** @throws BuildFailed when one of them was asked for by none of the bundles that have it */
  requireUsed() {
    for (const standIn of this.#known) {
      if (this.#used.has(standIn)) continue;
      const { from, module } = standIn;
      throw new BuildFailed(
        `stand-in for "${module}": nothing in ${from.source} imports it (build/library-stand-ins.mjs)`,
      );
    }
  }

  #setUp(build, standIns, root) {
    for (const [index, standIn] of standIns.entries()) {
      const namespace = `stand-in-${index}`;
      build.onResolve({ filter: exactly(standIn.module) }, ({ path, importer }) => {
        if (!standIn.from.test(importer)) return undefined;
        this.#used.add(standIn);
        return { path, namespace };
      });
      const contents = { contents: standIn.code, loader: 'js', resolveDir: root };
      build.onLoad({ filter: /./, namespace }, () => contents);
    }
  }
}

function exactly(text) {
  return new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`);
}
