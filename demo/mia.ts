import { cast } from "./cast.ts";
import { rootOf } from "./cloud.ts";
import type { DemoWorld } from "./world.ts";

const KIB = 1024;

/**
 * Gives Mia, the CI user, a new project when she has none left, and sets a machine and a template up in it once its domain is there:
 * whoever plays her always has something to ask about and to download.
 *
 * The function it makes gives the new project's slug, else null; calls at the same time share one look.
 */
export function keepMiaGoing(w: Pick<DemoWorld, "ci" | "cloud">): () => Promise<string | null> {
  let looking: Promise<string | null> | null = null;
  const look = async (): Promise<string | null> => {
    const projects = await w.ci.projects();
    const hers = projects.filter((p) => p.state === "active" && p.members.some((m) => m.username === cast.mia.username));
    if (hers.length === 0) return (await w.ci.addProject(cast.mia.id)).slug;
    for (const { slug } of hers) setUp(w.cloud, slug);
    return null;
  };
  return () => (looking ??= look().finally(() => (looking = null)));
}

function setUp(cloud: DemoWorld["cloud"], slug: string): void {
  const account = rootOf(cloud.tree())
    ?.children.find((d) => d.name === slug)
    ?.accounts.find((a) => a.name === cast.mia.username && a.state === "enabled");
  if (account === undefined || account.machines.length > 0 || account.templates.length > 0) return;
  cloud.addMachine({ account: account.id, name: `${slug}-linux-1` });
  cloud.addTemplate({ account: account.id, name: `${slug}-linux-builder`, bytes: 512 * KIB, isExtractable: false });
}
