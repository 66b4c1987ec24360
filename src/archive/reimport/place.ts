import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import type { SavedCopy } from "../../store/reimport-sources.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import type { Installation, Named } from "./ports.ts";

/**
 * Finds the zone for templates whose own zone CloudStack no longer has, as after it was replaced; null: there is no such template, or the
 * zones could not be listed. Pure.
 *
 * `asked` is a zone's id or name; without it the only zone there is, if there is one only.
 * Errors: `invalid` for a zone that does not exist; `refused` when one must be named.
 */
export function chooseZone(
  templates: readonly Pick<SavedCopy, "name" | "item">[],
  zones: Installation["zones"],
  asked: string | null,
): Result<Named | null, Failure> {
  if (zones === null) {
    if (asked === null) return ok(null);
    return fail("invalid", "restore.no_zone", "The zones could not be listed", { remedy: "Leave --zone out." });
  }
  const list = zones.map((z) => `${z.name} (${z.id})`).join(", ");
  const named = zones.find((z) => asked !== null && (z.id === asked.toLowerCase() || z.name === asked));
  if (asked !== null && named === undefined)
    return fail("invalid", "restore.no_zone", `There is no zone ${asked}`, { remedy: `There are: ${list}.` });
  const homeless = templates.filter((t) => !isListed(t.item.zoneId, zones));
  if (homeless.length === 0) return ok(null);
  const chosen = named ?? (zones.length === 1 ? zones[0] : undefined);
  if (chosen !== undefined) return ok(chosen);
  const names = homeless.slice(0, 5).map((t) => t.name);
  return fail("refused", "restore.zone_gone", `CloudStack no longer has the zone of ${names.join(", ")}`, {
    remedy: `Write --zone and one of these: ${list === "" ? "there is none" : list}. Nothing was changed.`,
  });
}

/**
 * Fits a template to the installation: its zone, and the OS type by name where the id does not exist there. Pure.
 *
 * Errors: `refused` when the installation has no type of that name.
 */
export function fitTemplate(item: InventoryItem, installation: Installation, spare: Named | null): Result<InventoryItem, Failure> {
  const { zones, osTypes } = installation;
  const zoneId = zones === null || isListed(item.zoneId, zones) ? item.zoneId : (spare?.id ?? item.zoneId);
  const [osTypeId, osType] = [item.facts["osTypeId"], item.facts["osType"]];
  if (osTypes === null || typeof osTypeId !== "string" || isListed(osTypeId, osTypes)) return ok({ ...item, zoneId });
  const same = osTypes.find((t) => t.name === osType);
  if (same !== undefined) return ok({ ...item, zoneId, facts: { ...item.facts, osTypeId: same.id } });
  const remedy = "Add one of that name (addGuestOs), and run it again.";
  return fail("refused", "restore.no_os_type", `CloudStack has no OS type ${String(osType ?? osTypeId)}`, { remedy });
}

function isListed(id: string | null, among: readonly Named[]): boolean {
  return id !== null && among.some((one) => one.id === id.toLowerCase());
}
