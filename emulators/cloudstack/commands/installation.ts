import { type Call, type Command, EVERY_ROLE, LIST_PARAMS, paramSpecs } from "../command.ts";
import { internalError, invalidValue } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import type { Settings } from "../options.ts";
import { pageOf } from "../paging.ts";
import { isAllowed } from "../rights.ts";
import { like, ownedRows } from "../scope.ts";
import { thingShape } from "../shapes/thing.ts";
import { NAMED } from "../world/base.ts";
import type { ThingKind } from "../world/rows.ts";
import { derivedId, OS_CATEGORIES, osTypes } from "../world/os-types.ts";

const HYPERVISORS = ["KVM", "VMware", "XenServer", "Hyperv", "BareMetal", "Ovm", "LXC", "Ovm3", "External"];

/** Commands that describe the installation. `catalogue` gives all commands, for `listApis`. Source: recording 01. */
export function installationCommands(catalogue: () => readonly Command[]): readonly Command[] {
  return [
    { name: "listCapabilities", params: [], run: () => ({ capability: CAPABILITY }) },
    { name: "listConfigurations", params: paramSpecs(`name category ${LIST_PARAMS}`), run: listConfigurations },
    { name: "updateConfiguration", params: paramSpecs("name! value"), annotated: ["Admin"], run: updateConfiguration },
    { name: "listApis", params: paramSpecs("name"), annotated: EVERY_ROLE, run: (call) => listApis(call, catalogue()) },
    {
      name: "listHypervisors",
      params: paramSpecs("zoneid"),
      run: (call) => {
        // Without a zone: every one that CloudStack knows, not those that hosts are of (recording 22).
        const names = call.params.text("zoneid") === undefined ? HYPERVISORS : call.settings.zoneHypervisors;
        return { count: names.length, hypervisor: names.map((name) => ({ name })) };
      },
    },
    { name: "listZones", params: paramSpecs(`id name available ${LIST_PARAMS}`), run: listZones },
    { name: "listServiceOfferings", params: paramSpecs(`id name domainid:domains ${LIST_PARAMS}`), run: listServiceOfferings },
    { name: "listDiskOfferings", params: paramSpecs(`id name domainid:domains ${LIST_PARAMS}`), run: listDiskOfferings },
    { name: "listNetworkOfferings", params: paramSpecs(`id name state domainid:domains ${LIST_PARAMS}`), run: listNetworkOfferings },
    { name: "listOsTypes", params: paramSpecs(`id description oscategoryid ${LIST_PARAMS}`), run: listOsTypes },
    { name: "listOsCategories", params: paramSpecs(`id name ${LIST_PARAMS}`), run: listOsCategories },
  ];
}

const CAPABILITY: JsonObject = {
  securitygroupsenabled: false,
  dynamicrolesenabled: true,
  cloudstackversion: "4.22.0.0-SNAPSHOT",
  userpublictemplateenabled: true,
  supportELB: "false",
  projectinviterequired: false,
  allowusercreateprojects: true,
  customdiskofferingminsize: 1,
  customdiskofferingmaxsize: 1024,
  regionsecondaryenabled: false,
  kvmsnapshotenabled: true,
  allowuserviewdestroyedvm: true,
  allowuserexpungerecovervm: true,
  allowuserexpungerecovervolume: true,
  allowuserviewalldomainaccounts: false,
  allowuserforcestopvm: true,
  kubernetesserviceenabled: true,
  kubernetesclusterexperimentalfeaturesenabled: false,
  customhypervisordisplayname: "Custom",
  defaultuipagesize: 20,
  instancesstatsretentiontime: 720,
  instancesstatsuseronly: false,
  instancesdisksstatsretentionenabled: false,
  instancesdisksstatsretentiontime: 720,
  sharedfsvmmincpucount: 2,
  sharedfsvmminramsize: 1024,
  instanceleaseenabled: false,
  extensionspath: "/usr/share/cloudstack-management/extensions",
  dynamicscalingenabled: false,
  additionalconfigenabled: false,
};

type Setting = readonly [name: string, value: string, type: "Number" | "Boolean" | "CSV", description?: string];

function settingsOfServer(settings: Settings): readonly Setting[] {
  const seconds = (ms: number): string => String(Math.ceil(ms / 1000));
  return [
    ["expunge.delay", seconds(settings.expungeDelayMs), "Number"],
    ["expunge.interval", seconds(settings.expungeIntervalMs), "Number"],
    ["account.cleanup.interval", seconds(settings.accountCleanupIntervalMs), "Number"],
    ["default.page.size", String(settings.pageSizeMax), "Number", "Default page size for API list* commands"],
    ["enforce.post.requests.and.timestamps", String(settings.enforcePost), "Boolean", "Whether the server only accepts POST requests"],
    ["extract.url.cleanup.interval", seconds(settings.extractUrlCleanupIntervalMs), "Number", "The interval to wait before cleaning up"],
    ["extract.url.expiration.interval", seconds(settings.extractUrlExpirationMs), "Number", "The life of an extract URL"],
    ["job.expire.minutes", "1440", "Number", "Time (in minutes) for async-jobs to be kept in system"],
    ["api.throttling.enabled", "false", "Boolean", "Enable/Disable Api rate limit"],
    ["api.allowed.source.cidr.list", "0.0.0.0/0,::/0", "CSV", "Comma separated list of CIDRs from which API calls can be performed"],
    ["integration.api.port", "0", "Number", "Integration (unauthenticated) API port"],
    ["api.key.access", "true", "Boolean", "Determines whether API (api-key/secret-key) access is allowed or not"],
    ["dynamic.apichecker.enabled", "true", "Boolean", "Enables the dynamic role-based api access checker"],
    ["allow.user.expunge.recover.vm", "false", "Boolean", "Determines whether users can expunge or recover their vm"],
    ["enable.usage.server", "true", "Boolean", "Flag for enabling usage"],
    ["resource.limit.host.tags", "", "CSV", "A comma-separated list of tags for host resource limits"],
    ["resource.limit.storage.tags", "", "CSV", "A comma-separated list of tags for storage resource limits"],
    ["secstorage.encrypt.copy", "false", "Boolean", "Use SSL method used to encrypt copy traffic between zones"],
  ];
}

function listConfigurations(call: Call): JsonObject {
  const name = call.params.text("name");
  const rows = settingsOfServer(call.settings).filter(([key]) => name === undefined || key === name);
  return pageOf(call, "configuration", rows, (setting) => settingShape(call, setting));
}

function settingShape(call: Call, [name, value, type, description]: Setting): JsonObject {
  return {
    category: "Advanced",
    group: "Management Server",
    subgroup: "Limits",
    name,
    value: call.world.configuration[name] ?? value,
    defaultvalue: value,
    description,
    isdynamic: false,
    component: "management-server",
    displaytext: name.replaceAll(".", " "),
    type,
  };
}

/** A setting that is not dynamic holds after the next start only: it is shown at once all the same (recording 30). */
function updateConfiguration(call: Call): JsonObject {
  const { world, params } = call;
  const setting = settingsOfServer(call.settings).find(([name]) => name === params.must("name"));
  if (setting === undefined) throw invalidValue(`Config parameter with name ${params.must("name")} doesn't exist`);
  world.configuration[setting[0]] = params.text("value") ?? setting[1];
  world.touch();
  return { configuration: settingShape(call, setting) };
}

/**
 * Names and parameters of the commands that the caller's role allows; descriptions and response fields are left out. One that is not
 * allowed is answered like one that there is not (CloudStack 4.22, ApiDiscoveryServiceImpl.listApis; recording 01).
 */
function listApis(call: Call, catalogue: readonly Command[]): JsonObject {
  const name = call.params.text("name");
  const rows = catalogue.filter(
    (command) => (name === undefined || command.name === name) && isAllowed(call.world, call.caller.role, command),
  );
  if (rows.length === 0) throw internalError("Api Discovery plugin was unable to find an api by that name or process any apis");
  return {
    count: rows.length,
    api: rows.map((command) => ({
      name: command.name,
      description: command.event?.text ?? command.name,
      isasync: command.job !== undefined,
      related: "",
      params: command.params.map((p) => ({
        name: p.name,
        description: "",
        type: p.table === undefined ? "string" : p.list ? "list" : "uuid",
        length: p.length,
        required: p.required,
      })),
      response: [],
    })),
  };
}

/** The zone, and those that some template has a copy in. */
function listZones(call: Call): JsonObject {
  const { world, params } = call;
  const others = new Map(world.templates.all().flatMap((t) => (t.otherZones ?? []).map(({ id, name }) => [id, name] as const)));
  const zones: (readonly [string, string])[] = [[world.base.zone, NAMED.zone], ...others];
  const rows = zones.filter(([id, name]) => (params.text("id") ?? id) === id && (params.text("name") ?? name) === name);
  return pageOf(call, "zone", rows, ([id, name]) => zoneShape(call, id, name));
}

function zoneShape(call: Call, id: string, name: string): JsonObject {
  const inside = { dns1: "192.0.2.6", internaldns1: "192.0.2.6", guestcidraddress: "10.1.1.0/24" };
  return {
    id,
    name,
    ...(call.caller.reach === "all" ? inside : {}),
    networktype: "Advanced",
    securitygroupsenabled: false,
    gputotal: 80,
    gpuused: 0,
    allocationstate: "Enabled",
    zonetoken: id,
    dhcpprovider: "VirtualRouter",
    localstorageenabled: false,
    tags: [],
    allowuserspecifyvrmtu: false,
    routerprivateinterfacemaxmtu: 1500,
    routerpublicinterfacemaxmtu: 1500,
    type: "Core",
    isnsxenabled: false,
    ismultiarch: false,
    asnrange: "",
    routedmodeenabled: true,
    hasannotations: false,
  };
}

function listServiceOfferings(call: Call): JsonObject {
  const { base } = call.world;
  return offerings(call, "service_offering", {
    id: base.serviceOffering,
    name: NAMED.serviceOffering,
    displaytext: NAMED.serviceOffering,
    cpunumber: 1,
    cpuspeed: 500,
    memory: 512,
    storagetype: "shared",
    issystem: false,
    iscustomized: false,
    state: "Active",
  });
}

function listDiskOfferings(call: Call): JsonObject {
  return offerings(call, "disk_offering", {
    id: call.world.base.diskOffering,
    name: NAMED.diskOffering,
    displaytext: NAMED.diskOfferingText,
    disksize: 5,
    iscustomized: false,
    storagetype: "shared",
    state: "Active",
  });
}

function listNetworkOfferings(call: Call): JsonObject {
  return offerings(call, "network_offering", {
    id: call.world.base.networkOffering,
    name: NAMED.networkOffering,
    displaytext: NAMED.networkOfferingText,
    traffictype: "Guest",
    guestiptype: "Isolated",
    isdefault: true,
    availability: "Required",
    state: "Enabled",
    forvpc: false,
  });
}

function listOsTypes(call: Call): JsonObject {
  const { world, params } = call;
  const { id, description, keyword } = { id: params.text("id"), description: params.text("description"), keyword: params.text("keyword") };
  const rows = osTypes(world).filter(
    (type) =>
      (id === undefined || type.id === id) &&
      (description === undefined || type.name === description) &&
      (keyword === undefined || like(type.name, keyword)),
  );
  return pageOf(call, "ostype", rows, (type) => ({
    id: type.id,
    oscategoryid: categoryId(call, type.category),
    oscategoryname: type.category,
    name: type.name,
    description: type.name,
    isuserdefined: false,
    fordisplay: true,
  }));
}

function listOsCategories(call: Call): JsonObject {
  return pageOf(call, "oscategory", OS_CATEGORIES, (name) => ({ id: categoryId(call, name), name, isfeatured: true }));
}

function categoryId(call: Call, name: string): string {
  return derivedId(call.world.base.zone, 1 + OS_CATEGORIES.findIndex((category) => category === name));
}

/** The offering for everybody, and those that are for some domains only (`domainid` has their ids with commas between). */
function offerings(call: Call, kind: ThingKind, row: JsonObject): JsonObject {
  const { world, params } = call;
  const own = params.text("id") === undefined ? ownedRows(call, world.things).filter((thing) => thing.kind === kind) : [];
  return onlyRow(
    call,
    kind.replace("_", ""),
    row,
    own.map((thing) => thingShape(world, thing)),
  );
}

function onlyRow(call: Call, key: string, row: JsonObject, more: readonly JsonObject[] = []): JsonObject {
  const { params } = call;
  const matches = [
    ["id", row["id"]],
    ["name", row["name"]],
    ["description", row["description"]],
  ].every(([name, value]) => {
    const wanted = params.text(String(name));
    return wanted === undefined || wanted === value;
  });
  return pageOf(call, key, [...(matches ? [row] : []), ...more], (r) => r);
}
