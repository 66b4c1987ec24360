import type { InventoryItem } from "../../core/inventory.ts";

type Facts = InventoryItem["facts"];

/** CloudStack's field names → ours, where camel case makes them readable; a field not named here keeps its name. */
const NAMES: Readonly<Record<string, string>> = {
  displayname: "displayName",
  displaytext: "displayText",
  templateid: "templateId",
  templatename: "templateName",
  serviceofferingid: "serviceOfferingId",
  serviceofferingname: "serviceOffering",
  cpunumber: "cpus",
  memory: "memoryMiB",
  ostypeid: "osTypeId",
  osdisplayname: "osType",
  ostypename: "osType",
  deleteprotection: "deleteProtection",
  backupofferingid: "backupOfferingId",
  autoscalevmgroupname: "autoscaleGroup",
  vmtype: "machineType",
  vmname: "machineName",
  isextractable: "isExtractable",
  deviceid: "deviceId",
  diskofferingid: "diskOfferingId",
  physicalsize: "physicalBytes",
  size: "virtualBytes",
  volumetype: "volumeType",
  intervaltype: "intervalType",
  templatetype: "templateType",
  isready: "isReady",
  ispublic: "isPublic",
  isfeatured: "isFeatured",
  passwordenabled: "passwordEnabled",
  sshkeyenabled: "sshKeyEnabled",
  isdynamicallyscalable: "isDynamicallyScalable",
  requireshvm: "requiresHvm",
  deployasis: "deployAsIs",
  directdownload: "directDownload",
  acltype: "aclType",
  specifyvlan: "specifiesVlan",
  issourcenat: "isSourceNat",
  isstaticnat: "isStaticNat",
  issystem: "isSystem",
  virtualmachineid: "machineId",
  virtualmachinename: "machineName",
};

/** Takes the named fields off a row, under our names; missing ones are left out. */
export function factsOf(row: object, fields: readonly string[]): Facts {
  const values: Readonly<Record<string, unknown>> = { ...row };
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = values[field];
      const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
      return isPlain ? [[NAMES[field] ?? field, value]] : [];
    }),
  );
}

/** A template's free details, such as `details.keyboard`, which are needed to register it again. */
export function detailsOf(row: object): Facts {
  const details: unknown = "details" in row ? row.details : null;
  if (typeof details !== "object" || details === null) return {};
  return Object.fromEntries(
    Object.entries(details).flatMap(([name, value]) => (typeof value === "string" ? [[`details.${name}`, value]] : [])),
  );
}
