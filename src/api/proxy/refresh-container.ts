import { isKind } from '../../lib/errors.ts';
import type { Model } from '../../network/model.ts';
import type { Upstream } from './upstream.ts';

/** Makes sure that the model knows the container: a client may have made it at the Engine a moment ago. */
export type RefreshContainer = (containerRef: string) => Promise<void>;

export function refreshContainer({ containers }: Model, upstream: Upstream | undefined): RefreshContainer {
  return async (ref) => {
    try {
      containers.find(ref);
    } catch (error) {
      if (upstream && isKind(error, 'not-found')) await upstream.know(ref);
    }
  };
}
