import { describe, expect, it } from 'vitest';
import type { ShownTopology } from '../../../../src/lib/cluster-map/bands.ts';
import { type Box, layOut } from '../../../../src/lib/cluster-map/layout.ts';

/** So many containers, each on one of the networks and on one of the nodes. */
function cluster(nodes: number, networks: number, containers: number): ShownTopology {
  const list = (count: number, of: string) => Array.from({ length: count }, (_, at) => `${of}${at}`);
  return {
    nodes: list(nodes, 'h').map((name) => ({ id: name, name, state: 'alive', self: false })),
    networks: list(networks, 'n').map((name) => ({
      ...{ id: name, name, driver: 'overlay', endpoints: 'known' },
      subnets: [{ subnet: '10.0.0.0/16' }],
    })),
    services: [],
    endpoints: list(containers, 'c').map((name, at) => ({
      ...{ id: name, name, container: name, containerName: name, healthy: true },
      ...{ network: `n${at % networks}`, node: `h${at % nodes}`, nodeName: `h${at % nodes}` },
    })),
  };
}

const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe('the map', () => {
  it('has no two things in one place, and everything within its network and its size', () => {
    const map = layOut(cluster(3, 4, 60));
    for (const [at, band] of map.bands.entries()) {
      expect(map.bands.slice(at + 1).some((other) => overlap(band, other))).toBe(false);
      const inside = [...band.chips, ...band.folds];
      for (const [number, box] of inside.entries()) {
        expect(inside.slice(number + 1).filter((other) => overlap(box, other))).toEqual([]);
        expect(box.y >= band.y && box.y + box.height <= band.y + band.height).toBe(true);
        expect(map.columns.some(({ x, width }) => box.x >= x && box.x + box.width <= x + width)).toBe(true);
      }
      expect(band.y + band.height).toBeLessThanOrEqual(map.height);
    }
  });

  it('folds 2,000 containers, and says how many; what is opened is shown', () => {
    const topology = cluster(2, 1, 2000);
    const [band] = layOut(topology).bands;
    expect(band?.chips).toHaveLength(14);
    expect(band?.folds.map(({ node, count }) => `${node}: ${count}`)).toEqual(['h0: 993', 'h1: 993']);
    const [open] = layOut(topology, { open: new Set(['n0 h1']) }).bands;
    expect(open?.chips.length).toBe(1007);
    expect(open?.folds.map(({ node, count }) => `${node}: ${count}`)).toEqual(['h0: 993', 'h1: 0']);
  });

  it('a node that only an endpoint names has a column, too', () => {
    const topology = { ...cluster(2, 1, 2), nodes: [] };
    expect(layOut(topology).columns.map(({ node }) => `${node.name} ${node.state}`)).toEqual([
      'h0 unknown',
      'h1 unknown',
    ]);
  });
});
