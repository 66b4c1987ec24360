/** One table says what every kind of trouble means; the property at the end holds for all of it: after a change, doubt stays doubt. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify, statusOf, type Trouble } from "../../src/cloudstack/api/classify.ts";

const read = { command: "listDomains", effect: "read", page: 3 } as const;
const change = { command: "createDomain", effect: "change", page: null } as const;
const refused = (status: number): Trouble => ({ kind: "refused", status, csStatus: 4350, text: "no" });

describe("what trouble means", () => {
  test.for([
    [{ kind: "no_connection", code: "ECONNREFUSED" }, "unavailable", "unavailable", "unreachable"],
    [{ kind: "lost", code: "ECONNRESET" }, "unavailable", "indeterminate", "lost_answer"],
    [{ kind: "timeout", ms: 5 }, "unavailable", "indeterminate", "timeout"],
    [{ kind: "aborted" }, "unavailable", "indeterminate", "aborted"],
    [{ kind: "too_large", limit: 1 }, "contract_broken", "indeterminate", "answer_too_large"],
    [{ kind: "malformed_json" }, "contract_broken", "indeterminate", "malformed_json"],
    [{ kind: "unknown_shape", what: "x" }, "contract_broken", "indeterminate", "unknown_shape"],
    [{ kind: "not_cloudstack", status: 502 }, "unavailable", "indeterminate", "not_cloudstack"],
    [{ kind: "not_cloudstack", status: 200 }, "contract_broken", "indeterminate", "not_cloudstack"],
    [{ kind: "not_cloudstack", status: 302 }, "contract_broken", "indeterminate", "not_cloudstack"],
    [{ kind: "not_cloudstack", status: 404 }, "contract_broken", "indeterminate", "not_cloudstack"],
    [refused(400), "rejected", "rejected", "bad_request"],
    [refused(401), "rejected", "rejected", "credentials"],
    [refused(405), "rejected", "rejected", "bad_request"],
    [refused(429), "unavailable", "unavailable", "throttled"],
    [refused(430), "rejected", "rejected", "bad_request"],
    [refused(431), "rejected", "rejected", "parameter"],
    [refused(432), "rejected", "rejected", "not_allowed"],
    [refused(503), "unavailable", "unavailable", "maintenance"],
    [refused(511), "rejected", "rejected", "second_factor"],
    [refused(530), "unavailable", "rejected", "internal"],
    [refused(531), "rejected", "rejected", "permission"],
    [refused(532), "rejected", "rejected", "limit"],
    [refused(533), "unavailable", "unavailable", "capacity"],
    [refused(534), "unavailable", "unavailable", "resource_unavailable"],
    [refused(535), "rejected", "rejected", "limit"],
    [refused(536), "rejected", "rejected", "in_use"],
    [refused(537), "rejected", "rejected", "conflict"],
    [refused(500), "unavailable", "indeterminate", "unknown_error"],
    [refused(599), "unavailable", "indeterminate", "unknown_error"],
  ] as const)("%j: a read %s, a change %s", ([trouble, onRead, onChange, code]) => {
    expect(classify(trouble, read)).toMatchObject({ kind: onRead, code: `cloudstack.${code}` });
    expect(classify(trouble, change)).toMatchObject({ kind: onChange, code: `cloudstack.${code}` });
  });

  test("a failure names the command and the page", () => {
    const f = classify({ kind: "malformed_json" }, read);
    expect(f.message).toMatch(/^listDomains, page 3: /);
    expect(f.details).toEqual({ command: "listDomains", page: 3 });
    expect(f.remedy).toContain("backslash");
  });

  test("CloudStack's text loses links, control characters and length, and never decides anything", () => {
    const text = `see http://10.0.0.1/userdata/abc.qcow2 now\u0007\n${"x".repeat(1000)}`;
    const f = classify({ kind: "refused", status: 431, csStatus: null, text }, change);
    expect(f.message).not.toMatch(/userdata|\u0007|\n/);
    expect(f.message.length).toBeLessThan(400);
    expect({ ...f, message: "" }).toEqual({ ...classify(refused(431), change), message: "" });
  });

  test.each([
    "DB Exception on: com.mysql.cj.jdbc.ClientPreparedStatement: INSERT INTO user (user.id, user.password) VALUES (0, _binary'hash')",
    "java.sql.SQLException: Incorrect string value: '\\xF0\\x9F' for column 'firstname' at row 1",
    "com.cloud.utils.exception.CloudRuntimeException: Caught: update user set firstname = 'Zoë'",
  ])("a statement of CloudStack's database is not shown: %s", (text) => {
    const f = classify({ kind: "refused", status: 530, csStatus: null, text }, change);
    expect(f.message).toBe("createDomain: CloudStack answered 530: its database refused it; the management server's log says why");
  });

  test("only CloudStack's own status counts as one", () => {
    expect(statusOf(classify(refused(431), read))).toBe(431);
    expect(statusOf(classify({ kind: "not_cloudstack", status: 431 }, read))).toBeNull();
    expect(statusOf(classify({ kind: "timeout", ms: 1 }, read))).toBeNull();
  });
});

test("no answer that is not CloudStack's own settles a change, and no read ever leaves doubt", () => {
  const trouble = fc.oneof(
    fc.record({ kind: fc.constant("lost" as const), code: fc.string() }),
    fc.record({ kind: fc.constant("timeout" as const), ms: fc.nat() }),
    fc.record({ kind: fc.constant("not_cloudstack" as const), status: fc.integer({ min: 100, max: 599 }) }),
    fc.constant({ kind: "malformed_json" as const }),
    fc.record({ kind: fc.constant("unknown_shape" as const), what: fc.string() }),
  );
  fc.assert(
    fc.property(trouble, (one) => {
      expect(classify(one, change).kind).toBe("indeterminate");
      expect(["unavailable", "contract_broken"]).toContain(classify(one, read).kind);
    }),
  );
});
