import { isKind } from '../../lib/errors.ts';
import type { Model } from '../../network/model.ts';
import type { Upstream } from './upstream.ts';

/** Called before a use case that needs the container: it may have been made at the Engine a moment ago. */
export type Look = (containerRef: string) => Promise<void>;

export function lookAt({ containers }: Model, upstream: Upstream | undefined): Look {
  return async (ref) => {
    try {
      containers.find(ref);
    } catch (error) {
      if (upstream && isKind(error, 'not-found')) await upstream.know(ref);
    }
  };
}
