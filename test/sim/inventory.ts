import type { TreeDomain } from "../../emulators/cloudstack/server.ts";

/** One thing of the cloud, and the domain one below the managed root in which it lies; null outside of all of them. */
export interface Thing {
  readonly id: string;
  readonly kind: "domain" | "account" | "user" | "machine" | "volume" | "snapshot" | "template" | "network" | "project";
  readonly name: string;
  readonly state: string;
  readonly path: string;
  /** Path of the project's domain that holds it. */
  readonly top: string | null;
  readonly accountId: string | null;
}

/** Lists all that there is, by id. */
export function listThings(tree: TreeDomain): ReadonlyMap<string, Thing> {
  const things = new Map<string, Thing>();
  walk(tree, "", things);
  return things;
}

function walk(domain: TreeDomain, parentPath: string, things: Map<string, Thing>): void {
  const path = parentPath === "" ? domain.name : `${parentPath}/${domain.name}`;
  const parts = path.split("/");
  const top = parts.length >= 3 && parts[1] === "ci" ? parts.slice(0, 3).join("/") : null;
  const put = (kind: Thing["kind"], o: { id: string; name: string; state: string }, accountId: string | null): void => {
    things.set(o.id, { id: o.id, kind, name: o.name, state: o.state, path, top, accountId });
  };
  put("domain", domain, null);
  for (const p of domain.projects) put("project", p, null);
  for (const a of domain.accounts) {
    if (!a.removed) put("account", a, a.id);
    for (const u of a.users) put("user", u, a.id);
    for (const m of a.machines) put("machine", m, a.id);
    for (const v of a.volumes) put("volume", v, a.id);
    for (const s of a.snapshots) put("snapshot", s, a.id);
    for (const t of a.templates) put("template", t, a.id);
    for (const n of a.networks) {
      put("network", n, a.id);
      const network = things.get(n.id);
      // A rule goes with its network: whoever names it means that.
      if (network !== undefined) for (const rule of n.rules) things.set(rule, network);
    }
  }
  for (const child of domain.children) walk(child, path, things);
}
