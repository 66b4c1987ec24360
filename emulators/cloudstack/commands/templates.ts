import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, malformed, permissionDenied, runtimeRefusal, unresolved } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { like, ownedRows, requireOwner } from "../scope.ts";
import { describedAccount } from "../shapes/owner.ts";
import { describedMachine } from "../shapes/machine.ts";
import { templateShape, updatedTemplateShape } from "../shapes/storage.ts";
import { NAMED } from "../world/base.ts";
import { insertTemplate } from "../world/create.ts";
import type { Account, Template, ZoneCopy } from "../world/rows.ts";
import { osTypes } from "../world/os-types.ts";
import type { World } from "../world/world.ts";
import { namedOwner, newOwner, requireRoom } from "./owners.ts";

/** What the recorded server says a registered template's file holds, whatever the URL gives. Units: bytes. */
export const REGISTERED_BYTES = 5_242_880;
const instance = (call: Call): string | undefined => call.world.templates.find(call.params.must("id"))?.id;

/** Commands about templates. Source: recordings 05, 06, 11, 15; facts/cloudstack.md §5. */
export const TEMPLATE_COMMANDS: readonly Command[] = [
  {
    name: "listTemplates",
    params: paramSpecs(
      "templatefilter! id:templates ids:templates* name account domainid:domains projectid:projects zoneid showunique hypervisor " +
        `showremoved ${LIST_PARAMS}`,
    ),
    run: listTemplates,
  },
  {
    name: "createTemplate",
    params: paramSpecs(
      "name! displaytext ostypeid! snapshotid:snapshots volumeid:volumes account domainid:domains projectid:projects ispublic " +
        "isextractable",
    ),
    event: { type: "TEMPLATE.CREATE", resource: "Template", text: "creating template" },
    job: {
      className: "admin.template.CreateTemplateCmdByAdmin",
      instanceType: "Template",
      start: startTemplate,
      finish: (call, id) => ({
        template: templateShape(call.world, call.world.templates.need(id ?? ""), call.now, undefined, call.caller),
      }),
    },
  },
  {
    name: "registerTemplate",
    params: paramSpecs(
      "name! format! hypervisor! url!~2048 displaytext ostypeid zoneid account domainid:domains projectid:projects isextractable " +
        "ispublic isfeatured passwordenabled requireshvm checksum",
    ),
    event: { type: "TEMPLATE.CREATE", resource: "Template", text: "registering template" },
    run: registerTemplate,
  },
  { name: "updateTemplate", params: paramSpecs("id!:templates name displaytext ostypeid"), run: updateTemplate },
  {
    name: "updateTemplatePermissions",
    params: paramSpecs("id!:templates isextractable ispublic isfeatured op accounts"),
    run: updatePermissions,
  },
  {
    name: "deleteTemplate",
    params: paramSpecs("id!:templates zoneid forced"),
    event: { type: "TEMPLATE.DELETE", resource: "Template", text: "deleting template" },
    job: { className: "user.template.DeleteTemplateCmd", instanceType: "Template", instance, finish: deleteTemplate },
  },
];

/** The live template that a command names. */
export function namedTemplate(call: Call): Template {
  const template = call.world.templates.live(call.params.must("id"));
  if (template === undefined) throw invalidValue(`unable to find template with id ${call.params.must("id")}`);
  return template;
}

/**
 * Refuses to touch a template that is somebody else's: who administers the domain above may not either.
 * Source: recording 29; CloudStack 4.22, DomainChecker.checkAccess.
 */
export function requireOwnTemplate(call: Call, template: Template): void {
  requireOwner(call, template);
  const { caller, world } = call;
  const isProjects = world.accounts.need(template.accountId).projectId !== undefined;
  if (caller.reach === "all" || template.accountId === caller.account.id || isProjects) return;
  throw permissionDenied(
    template.isPublic
      ? "Domain Admin and regular users can modify only their own Public templates"
      : `Account Account ${describedAccount(caller.account)} does not have permission to launch instances from template ${describedTemplate(template)}`,
  );
}

/** A template as texts of refusals name it. */
export function describedTemplate({ format, num, name, id, accountId }: Template): string {
  return `Template {"format":"${format}","id":${num},"name":"${name}","uniqueName":"${num}-${accountId}","uuid":"${id}"}`;
}

function listTemplates(call: Call): JsonObject {
  const { world, params } = call;
  const name = params.text("name");
  const keyword = params.text("keyword");
  const hypervisor = params.text("hypervisor");
  const { zoneHypervisors } = call.settings;
  const filter = params.must("templatefilter");
  const rows = templatesToList(call, filter, false).filter(
    (t) =>
      (filter === "all" || t.hasNoCopy !== true) &&
      // Nobody sees a template of a hypervisor without a host in the zone, by whatever filter, flag or id (recording 17).
      (t.hypervisor === undefined || zoneHypervisors.includes(t.hypervisor)) &&
      (hypervisor === undefined || (t.hypervisor ?? NAMED.hypervisor) === hypervisor) &&
      (name === undefined || t.name === name) &&
      (keyword === undefined || like(t.name, keyword)),
  );
  const zone = params.text("zoneid");
  const copies = rows.flatMap((template) => {
    const shown = zonesOf(world, template).filter(({ id }) => zone === undefined || id === zone);
    return (params.flag("showunique") ? shown.slice(0, 1) : shown).map((copy) => ({ template, copy }));
  });
  return pageOf(call, "template", copies, ({ template, copy }) => templateShape(world, template, call.now, copy, call.caller));
}

/** The zones that have a copy of a template, its own one last: a copy that is not ready may come first. */
function zonesOf(world: World, template: Template): readonly ZoneCopy[] {
  return [...(template.otherZones ?? []), { id: world.base.zone, name: NAMED.zone, isReady: true }];
}

/** The templates, or the ISOs, that a filter shows to the caller. */
export function templatesToList(call: Call, filter: string, isos: boolean): readonly Template[] {
  return filtered(call, filter).filter((template) => (template.isIso ?? false) === isos);
}

function filtered(call: Call, filter: string): readonly Template[] {
  const { world, params, caller } = call;
  const known = ["featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all", "shared"];
  if (!known.includes(filter)) throw invalidValue(`Invalid template filter: ${filter}`);
  if (filter === "all" && caller.reach !== "all") throw invalidValue("Filter all can be specified by root admin only");
  // For a root administrator "all" looks at neither domain nor owner (recording 05), only at ids.
  if (filter === "all" && params.text("id") === undefined && params.text("ids") === undefined) {
    return world.templates.all().sort((a, b) => a.num - b.num);
  }
  if (filter === "featured" || filter === "community") {
    return world.templates.all().filter((t) => t.isPublic && t.isFeatured === (filter === "featured"));
  }
  if (filter === "shared" || filter === "sharedexecutable") return [];
  if (filter === "executable" && params.text("id") === undefined) {
    return world.templates.all().filter((t) => t.isPublic || t.accountId === caller.account.id);
  }
  return params.flag("showremoved") ? removedToo(call) : ownedRows(call, world.templates);
}

function removedToo(call: Call): readonly Template[] {
  const id = call.params.text("id");
  const template = call.world.templates.find(id);
  if (template?.removed === undefined) return ownedRows(call, call.world.templates);
  requireOwner(call, template);
  return [template];
}

function startTemplate(call: Call): string {
  const { world, params, settings, now } = call;
  const owner = templateOwner(call);
  const snapshot = world.snapshots.live(params.text("snapshotid"));
  const volume = world.volumes.find(snapshot?.volumeId ?? params.text("volumeid"));
  if (volume === undefined) {
    throw invalidValue("Failed to create private template record, neither volume ID nor snapshot ID were specified.");
  }
  const machine = world.machines.live(volume.machineId);
  if (snapshot === undefined && machine?.state === "Running") throw runtimeRefusal("The volume is attached to a VM in Running state.");
  requireRoom(call, owner, 4);
  return insertTemplate({ world, settings, now }, owner, {
    name: params.must("name"),
    displayText: params.text("displaytext") ?? params.must("name"),
    isPublic: params.flag("ispublic"),
    isExtractable: params.flag("isextractable"),
    ...(volume.templateId === undefined ? {} : { sourceTemplateId: volume.templateId }),
    readyAt: now + (settings.jobMsOf["createTemplate"] ?? settings.jobMs),
    details: { ...machine?.details },
    ...(snapshot === undefined ? { size: volume.size } : {}),
  }).id;
}

/** Whose a created template becomes: the named account's if it is enabled, else, without a word, the caller's (recording 23). */
function templateOwner(call: Call): Account {
  const owner = namedOwner(call);
  return owner.state === "enabled" ? owner : call.caller.account;
}

function registerTemplate(call: Call): JsonObject {
  const { world, params, settings, now } = call;
  const format = params.must("format").toLowerCase();
  const url = params.must("url");
  refuseUrl(url, format);
  const [zone, osTypeId] = [params.text("zoneid"), params.text("ostypeid")];
  if (zone !== undefined && zone !== world.base.zone) throw unresolved(call.command, "zoneid", zone);
  if (osTypeId !== undefined && !osTypes(world).some(({ id }) => id === osTypeId)) throw unresolved(call.command, "ostypeid", osTypeId);
  const owner = newOwner(call);
  requireRoom(call, owner, 4);
  const hypervisor = params.must("hypervisor");
  const checksum = params.text("checksum")?.replace(/^\{[^}]*\}/, "");
  const template = insertTemplate({ world, settings, now }, owner, {
    name: params.must("name"),
    displayText: params.text("displaytext") ?? params.must("name"),
    format: format.toUpperCase(),
    isPublic: params.flag("ispublic"),
    isFeatured: params.flag("isfeatured"),
    isExtractable: params.flag("isextractable"),
    passwordEnabled: params.flag("passwordenabled"),
    requiresHvm: params.text("requireshvm") === undefined || params.flag("requireshvm"),
    size: REGISTERED_BYTES,
    physicalSize: REGISTERED_BYTES,
    bytes: REGISTERED_BYTES,
    url,
    details: { ...params.map("details"), ...(hypervisor === "XenServer" ? { hypervisortoolsversion: "xenserver61" } : {}) },
    readyAt: now + settings.registerMs,
    ...(hypervisor === NAMED.hypervisor ? {} : { hypervisor }),
    ...(osTypeId === undefined || osTypeId === world.base.osType ? {} : { osTypeId }),
    ...(checksum === undefined ? {} : { checksum }),
  });
  call.downloads?.begin(template, params.text("checksum"));
  const shape = templateShape(world, template, now);
  // A template of this kind is unpacked first (recording 17).
  const unpacked = hypervisor === "VMware" ? { isready: false, childtemplates: [] } : {};
  return { count: 1, template: [{ ...shape, ...unpacked }] };
}

/** What the recorded server refuses before it downloads anything: a missing file is no refusal. */
export function refuseUrl(text: string, format: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(https?|ftp|nfs|file):$/.test(url.protocol)) throw malformed(`Invalid URL: ${text}`);
  if (/^(127\.|localhost$|\[::1\]$|0\.0\.0\.0$|169\.254\.)/.test(url.hostname)) throw malformed("Illegal host specified in URL.");
  const endings: Readonly<Record<string, RegExp>> = { raw: /\.(img|raw)(\.(gz|bz2|zip))?$/i };
  const ending = endings[format] ?? new RegExp(`\\.${format}(\\.(gz|bz2|zip))?$`, "i");
  if (!ending.test(url.pathname)) throw malformed(`Please specify a valid URL. URL:${url.pathname} is an invalid for the format ${format}`);
}

function updateTemplate(call: Call): JsonObject {
  const { world, params } = call;
  const template = namedTemplate(call);
  requireOwnTemplate(call, template);
  world.templates.update(template, (t) => {
    t.name = params.text("name") ?? t.name;
    t.displayText = params.text("displaytext") ?? t.displayText;
  });
  return { template: updatedTemplateShape(world, template) };
}

function updatePermissions(call: Call): JsonObject {
  const { world, params, caller } = call;
  const template = namedTemplate(call);
  if (caller.reach !== "all" && template.accountId !== caller.account.id) {
    throw permissionDenied("Only ROOT admins and the owner may change the permissions of a template");
  }
  world.templates.update(template, (t) => {
    if (params.text("isextractable") !== undefined) t.isExtractable = params.flag("isextractable");
    if (params.text("ispublic") !== undefined) t.isPublic = params.flag("ispublic");
    if (params.text("isfeatured") !== undefined) t.isFeatured = params.flag("isfeatured");
  });
  return { success: true };
}

function deleteTemplate(call: Call): JsonObject {
  const { world, params, now } = call;
  const template = namedTemplate(call);
  requireOwnTemplate(call, template);
  if (template.type !== "USER") throw permissionDenied("Only user templates can be deleted");
  const users = world.machines.all().filter((machine) => machine.templateId === template.id);
  if (users.length > 0 && !params.flag("forced")) {
    const rows = users.map((machine) => describedMachine(world, machine));
    throw invalidValue(
      `Unable to delete template: ${describedTemplate(template)} because VM instances: [${rows.join(", ")}] are using it.`,
    );
  }
  world.templates.remove(template, now);
  return { success: true };
}
