import type { Readable } from "node:stream";

/** The downloads that this process serves, so that a link that is revoked ends those that have begun. */
export interface Downloads {
  /** Keeps what is sent for an export until it is sent, or broken off. */
  add(id: string, body: Readable): void;
  /** Breaks off all that is sent for an export. */
  end(id: string): void;
}

/** Makes them; other replicas have their own, and see within seconds that a link was revoked (`watched.ts`). */
export function createDownloads(): Downloads {
  const open = new Map<string, Set<Readable>>();
  return {
    add(id, body) {
      const same = open.get(id) ?? new Set();
      open.set(id, same.add(body));
      body.once("close", () => {
        same.delete(body);
        if (same.size === 0 && open.get(id) === same) open.delete(id);
      });
    },
    end(id) {
      for (const body of open.get(id) ?? []) body.destroy();
    },
  };
}
