import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { SavedCopy } from "../../store/reimport-sources.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import type { Installation, Named } from "./ports.ts";

/** Where templates go whose own zone is not there any more; null: no such template, or no such list. */
export type SpareZone = Named | null;

/**
 * Finds the zone for templates whose own zone CloudStack does not have (any more), as after it was replaced. Pure.
 *
 * `asked` is a zone's id or name; without it the only zone there is, if there is one only.
 * Errors: `invalid` for a zone that is not there; `refused` when one must be named.
 */
export function chooseZone(
  templates: readonly Pick<SavedCopy, "name" | "item">[],
  zones: Installation["zones"],
  asked: string | null,
): Result<SpareZone, Failure> {
  const list = (zones ?? []).map((z) => `${z.name} (${z.id})`).join(", ");
  const named = asked === null || zones === null ? undefined : zones.find((z) => z.id === asked.toLowerCase() || z.name === asked);
  if (asked !== null && named === undefined) {
    const what = zones === null ? "The zones could not be asked" : `There is no zone ${asked}`;
    return err(failure("invalid", "restore.no_zone", what, { remedy: zones === null ? "Leave --zone out." : `There are: ${list}.` }));
  }
  const homeless = zones === null ? [] : templates.filter((t) => !isListed(t.item.zoneId, zones));
  if (homeless.length === 0) return ok(null);
  const [only] = zones ?? [];
  const chosen = named ?? (zones?.length === 1 ? only : undefined);
  if (chosen !== undefined) return ok(chosen);
  const names = homeless.slice(0, 5).map((t) => t.name);
  return err(
    failure("refused", "restore.zone_gone", `CloudStack has no zone any more in which ${names.join(", ")} stood`, {
      remedy: `Write --zone and one of these: ${list === "" ? "there is none" : list}. Nothing was changed.`,
    }),
  );
}

/**
 * Fits a template to the installation: its zone, and the type of its operating system by name where the id means nothing there. Pure.
 *
 * Errors: `refused` when the installation has no type of that name.
 */
export function fitTemplate(item: InventoryItem, installation: Installation, spare: SpareZone): Result<InventoryItem, Failure> {
  const { zones, osTypes } = installation;
  const zoneId = zones === null || isListed(item.zoneId, zones) ? item.zoneId : (spare?.id ?? item.zoneId);
  const [osTypeId, osType] = [item.facts["osTypeId"], item.facts["osType"]];
  if (osTypes === null || typeof osTypeId !== "string" || isListed(osTypeId, osTypes)) return ok({ ...item, zoneId });
  const same = osTypes.find((t) => t.name === osType);
  if (same === undefined) {
    const sentence = `CloudStack has no OS type ${String(osType ?? osTypeId)}`;
    return err(failure("refused", "restore.no_os_type", sentence, { remedy: "Add one of that name (addGuestOs), and run it again." }));
  }
  return ok({ ...item, zoneId, facts: { ...item.facts, osTypeId: same.id } });
}

function isListed(id: string | null, among: readonly Named[]): boolean {
  return id !== null && among.some((one) => one.id === id.toLowerCase());
}
