/** Fills a domain as a busy project would, with what the server offers; says what it lacks. */
import type { OwnTree } from "./tree.ts";

/** What was made; null where the server had nothing to make it with. */
export interface FullDomain {
  readonly machineId: string | null;
  readonly volumeId: string | null;
  readonly snapshotId: string | null;
  readonly templateId: string | null;
  readonly networkId: string | null;
}

const NOTHING: FullDomain = { machineId: null, volumeId: null, snapshotId: null, templateId: null, networkId: null };

/** Makes a network, a machine, an attached disk, a snapshot and a template for an account. */
export async function fillDomain(tree: OwnTree, domainid: string, account: string): Promise<FullDomain> {
  const zone = await first(tree, "listZones", "zone", { available: "true" });
  const offering = await first(
    tree,
    "listNetworkOfferings",
    "networkoffering",
    { state: "Enabled" },
    (o) =>
      o["guestiptype"] === "Isolated" &&
      o["forvpc"] !== true &&
      !/Vpc|Kubernetes|Nsx|Netris|L2/i.test(String(o["name"])) &&
      /SourceNat/.test(String(o["name"])),
  );
  const size = await first(
    tree,
    "listServiceOfferings",
    "serviceoffering",
    {},
    (o) => o["iscustomized"] !== true && o["issystem"] !== true,
  );
  const image = await first(tree, "listTemplates", "template", { templatefilter: "executable" }, (t) => t["isready"] === true);
  if (zone === null || offering === null || size === null || image === null)
    return lacking(NOTHING, "a zone, an isolated network offering, a service offering or a template that is ready");
  const owner = { account, domainid };
  const zoneid = String(zone["id"]);
  const network = (
    await tree.call("createNetwork", {
      ...owner,
      name: "contract",
      displaytext: "contract",
      zoneid,
      networkofferingid: String(offering["id"]),
    })
  )["network"];
  const networkId = String((network as Row)["id"]);
  const ids = { zoneid, serviceofferingid: String(size["id"]), templateid: String(image["id"]) };
  const machine = await tree.job("deployVirtualMachine", { ...owner, ...ids, networkids: networkId, name: `m-${account}` });
  const machineId = String(machine["id"]);
  const disk = await first(tree, "listDiskOfferings", "diskoffering", {}, (o) => o["iscustomized"] !== true);
  const volumeId =
    disk === null
      ? lacking(null, "a disk offering")
      : await makeVolume(tree, machineId, { ...owner, zoneid, diskofferingid: String(disk["id"]) });
  const root = await first(tree, "listVolumes", "volume", { virtualmachineid: machineId, type: "ROOT", listall: "true" });
  const snapshot = await tree.job("createSnapshot", { volumeid: String(root?.["id"]) });
  const snapshotId = String(snapshot["id"]);
  const ostypeid = String((await first(tree, "listOsTypes", "ostype", {}))?.["id"]);
  const template = await tree.job("createTemplate", {
    ...owner,
    name: "contract",
    displaytext: "contract",
    ostypeid,
    snapshotid: snapshotId,
  });
  return { machineId, volumeId, snapshotId, templateId: String(template["id"]), networkId };
}

type Row = Readonly<Record<string, unknown>>;

async function makeVolume(tree: OwnTree, machineId: string, params: Readonly<Record<string, string>>): Promise<string> {
  const volume = await tree.job("createVolume", { ...params, name: "contract-data" });
  await tree.job("attachVolume", { id: String(volume["id"]), virtualmachineid: machineId });
  return String(volume["id"]);
}

async function first(
  tree: OwnTree,
  command: string,
  key: string,
  params: Readonly<Record<string, string>>,
  fits: (row: Row) => boolean = () => true,
): Promise<Row | null> {
  return (await tree.rows(command, key, params)).find(fits) ?? null;
}

function lacking<T>(value: T, what: string): T {
  console.warn(`contract: the server lacks ${what}; that part is skipped`);
  return value;
}
