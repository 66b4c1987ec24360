/** Plain facts of an item, for the archive, the steps and the card. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

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
  vmname: "machineName",
  isextractable: "isExtractable",
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
  issourcenat: "isSourceNat",
  isstaticnat: "isStaticNat",
  virtualmachineid: "machineId",
  virtualmachinename: "machineName",
};

/** Takes the named fields off a row, under our names; missing ones are left out. */
export function factsOf<T extends object>(row: T, fields: readonly (keyof T & string)[]): Facts {
  const facts: Record<string, string | number | boolean> = {};
  for (const field of fields) {
    const value = row[field];
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") facts[NAMES[field] ?? field] = value;
  }
  return facts;
}

/** A template's free details, such as `details.keyboard`, which it takes to register it again. */
export function detailsOf(row: object): Facts {
  const details: unknown = "details" in row ? row.details : null;
  if (typeof details !== "object" || details === null) return {};
  return Object.fromEntries(
    Object.entries(details).flatMap(([name, value]) => (typeof value === "string" ? [[`details.${name}`, value]] : [])),
  );
}
