import { phases, type Phase } from "../../src/core/phases.ts";
import { domainOf, doomed, type Scene } from "./scene.ts";

/** Something that is so on the server from a phase on, and goes wrong with no single call. */
export interface State {
  readonly name: string;
  /** Makes it so. A thing that appears stays, and nobody approved it; of all else `mend` is the end. */
  begin(scene: Scene): void;
  readonly mend: ((scene: Scene) => void) | null;
}

/** Phases in which it may begin. */
export const statePhases = phases.filter(
  (p): p is Exclude<Phase, "deleted" | "closed" | "frozen"> => !["deleted", "closed", "frozen"].includes(p),
);
/** One of them. */
export type StatePhase = (typeof statePhases)[number];

/** Phases that are run through in one go: there it begins once the first of these calls was answered. */
export const beginsAfter: Readonly<Partial<Record<StatePhase, string>>> = {
  quarantining: "disableAccount",
  dismantling: "destroyVirtualMachine",
  removing: "deleteVolume",
};

/** The doomed domain's first account. */
function owner(scene: Scene): string {
  const account = domainOf(scene.cloud, doomed.domainId)?.accounts[0]?.id;
  if (account === undefined) throw new Error("the doomed domain has no account any more");
  return account;
}

const appears = (name: string, add: (scene: Scene, account: string) => unknown): State => ({
  name,
  begin: (scene) => void add(scene, owner(scene)),
  mend: null,
});

const withoutList = (command: string): State => {
  const right = (scene: Scene) => ({ role: scene.cloud.findRole("Twokey delete") ?? "", command });
  return {
    name: `role without ${command}`,
    begin: (scene) => scene.cloud.forbid(right(scene)),
    mend: (scene) => scene.cloud.permit(right(scene)),
  };
};

/** What a server can be like, and what people make on it past the bot. */
export const states: readonly State[] = [
  appears("hidden template", ({ cloud }, account) => cloud.addTemplate({ account, name: "hidden", hypervisor: "XenServer" })),
  appears("template without a copy", ({ cloud }, account) => cloud.addTemplate({ account, name: "lost", hasNoCopy: true })),
  appears("template ready in one zone of two", ({ cloud }, account) =>
    cloud.addTemplate({
      account,
      name: "zoned",
      otherZones: [{ id: "6f1c9a1e-0000-4000-8000-00000000002e", name: "zone2", isReady: false }],
    }),
  ),
  appears("ISO", ({ cloud }, account) => cloud.addIso({ account, name: "disc" })),
  appears("detached root disk", ({ cloud }, account) => cloud.addVolume({ account, name: "ROOT-77", rootDisk: "Ready" })),
  appears("root disk never cleaned up", ({ cloud }, account) => cloud.addVolume({ account, name: "ROOT-78", rootDisk: "Destroy" })),
  appears("failed deployment", ({ cloud }, account) => cloud.addMachine({ account, name: "failed", failed: true })),
  appears("hidden machine", ({ cloud }, account) => cloud.addMachine({ account, name: "unseen", stopped: true, hidden: true })),
  {
    name: "totals that lag",
    begin: ({ cloud }) => cloud.setFaults([{ kind: "stale_totals" }]),
    mend: ({ cloud }) => cloud.setFaults([]),
  },
  {
    name: "lower page size",
    begin: ({ cloud }) => cloud.adjust({ pageSizeMax: 2 }),
    mend: ({ cloud }) => cloud.adjust({ pageSizeMax: 500 }),
  },
  ...["listVirtualMachines", "listVolumes", "listTemplates", "listNetworks", "listEvents"].map(withoutList),
];
