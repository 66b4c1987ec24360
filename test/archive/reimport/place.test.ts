/** Claim: a template goes where it stood; where that is not there any more, to the one zone there is or the one that was named, never to a guess. */
import { describe, expect, test } from "vitest";
import { chooseZone, fitTemplate } from "../../../src/archive/reimport/place.ts";
import { item } from "../../support/deletions.ts";

const [HERE, THERE, GONE] = ["zone-1", "zone-2", "zone-9"];
const one = [{ id: HERE, name: "north" }];
const two = [...one, { id: THERE, name: "south" }];
const template = (zoneId: string | null, facts = {}) => ({ name: "t", item: item("template", "t", { zoneId, facts }) });

describe("the zone", () => {
  test.each([
    ["its own is there", template(THERE), two, null],
    ["the zones cannot be asked", template(GONE), null, null],
  ])("%s: nothing is chosen", (_what, t, zones, asked) => {
    expect(chooseZone([t], zones, asked)).toEqual({ ok: true, value: null });
  });

  test.each([
    ["there is one only", template(GONE), one, null, HERE],
    ["one is named", template(GONE), two, "south", THERE],
    ["one is named by its id, in any case of letters", template(GONE), two, "ZONE-2", THERE],
    ["it never had one, and there is one only", template(null), one, null, HERE],
  ])("its own is not there, but %s: that one", (_what, t, zones, asked, id) => {
    const chosen = chooseZone([t], zones, asked);
    expect(chosen).toMatchObject({ ok: true, value: { id } });
    const fitted = fitTemplate(t.item, { zones, osTypes: null }, chosen.ok ? chosen.value : null);
    expect(fitted).toMatchObject({ ok: true, value: { zoneId: id } });
  });

  test.each([
    ["there are two, and none is named", template(GONE), two, null, "restore.zone_gone"],
    ["there is none at all", template(GONE), [], null, "restore.zone_gone"],
    ["what is named is not there", template(HERE), two, "east", "restore.no_zone"],
    ["one is named, and the zones cannot be asked", template(HERE), null, "north", "restore.no_zone"],
  ])("%s: refused", (_what, t, zones, asked, code) => {
    expect(chooseZone([t], zones, asked)).toMatchObject({ ok: false, error: { code } });
  });

  test("a template whose own zone is there stays in it, whichever is named", () => {
    const fitted = fitTemplate(template(HERE).item, { zones: two, osTypes: null }, { id: THERE, name: "south" });
    expect(fitted).toMatchObject({ ok: true, value: { zoneId: HERE } });
  });
});

describe("the type of the operating system", () => {
  const osTypes = [
    { id: "os-1", name: "Debian 12" },
    { id: "os-2", name: "CentOS 7" },
  ];
  const fitted = (facts: Record<string, string>, types: typeof osTypes | null = osTypes) =>
    fitTemplate(template(HERE, facts).item, { zones: one, osTypes: types }, null);

  test("its id is there, or cannot be asked, or was never known: as it is", () => {
    for (const facts of [{ osTypeId: "os-2", osType: "Debian 12" }, {}])
      expect(fitted(facts)).toMatchObject({ ok: true, value: { facts } });
    expect(fitted({ osTypeId: "os-9" }, null)).toMatchObject({ ok: true, value: { facts: { osTypeId: "os-9" } } });
  });

  test("its id is not there: the one of the same name, or a refusal with that name", () => {
    expect(fitted({ osTypeId: "os-9", osType: "CentOS 7" })).toMatchObject({ ok: true, value: { facts: { osTypeId: "os-2" } } });
    for (const facts of [{ osTypeId: "os-9", osType: "Plan 9" }, { osTypeId: "os-9" }])
      expect(fitted(facts as Record<string, string>)).toMatchObject({ ok: false, error: { code: "restore.no_os_type" } });
  });
});
