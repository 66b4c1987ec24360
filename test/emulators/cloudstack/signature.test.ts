import { describe, expect, test } from "vitest";
import { parseExpires, signatureOf } from "../../../emulators/cloudstack/signature.ts";

const SECRET = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ";
const AK = "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg";

/** Worked out with the real server's own algorithm in Java; the first one is the documentation's example. */
const VECTORS: readonly (readonly [params: Record<string, string>, signature: string])[] = [
  [{ command: "listUsers", response: "json", apiKey: AK }, "TTpdDq/7j/J58XCRHomKoQXEQds="],
  [{ command: "listDomains", listall: "true", response: "json", apiKey: AK }, "TPwDUsn1NK1lRhlVFpwiDHmuw/4="],
  [
    {
      command: "createDomain",
      name: "CI Projekt Ä (test)~1'!*+&=/%_",
      parentdomainid: "6f1c9a1e-0000-4000-8000-000000000001",
      response: "json",
      apiKey: "KEY",
      signatureVersion: "3",
      expires: "2026-11-23T12:00:00+0000",
    },
    "C9lcw0kHJ/6yFvg8wNs336BdZG4=",
  ],
  [
    {
      command: "createAccount",
      "accountdetails[0].ciproject": "p-42",
      username: "j.doe@example.org",
      response: "json",
      apikey: "KEY",
      signatureversion: "3",
      expires: "2026-11-23T12:00:00Z",
    },
    "Oet1z3w38jA4TezJMmO/7P7rxoQ=",
  ],
  [{ command: "listUsers", username: "", response: "json", apiKey: "KEY" }, "kkl0LPcbfGA2c1AxBxP4I9zZSyI="],
];

describe("the signature", () => {
  test.each(VECTORS.map(([params, signature]) => ({ command: params["command"], params, signature })))(
    "of $command is the one that the real server works out",
    ({ params, signature }) => {
      expect(signatureOf(params, SECRET)).toBe(signature);
      expect(signatureOf({ ...params, signature: "is left out" }, SECRET)).toBe(signature);
    },
  );

  test("changes with every value and with the secret", () => {
    const params = { command: "listUsers", apikey: "KEY" };
    expect(signatureOf({ ...params, listall: "true" }, SECRET)).not.toBe(signatureOf(params, SECRET));
    expect(signatureOf(params, `${SECRET}x`)).not.toBe(signatureOf(params, SECRET));
  });

  test.each(["", "tomorrow", "2026-11-23", "2026-13-45T12:00:00Z", "2026-11-23 12:00:00"])("%j is no time for expires", (text) => {
    expect(parseExpires(text)).toBeUndefined();
  });

  test.each(["2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00+0000", "2026-11-23T13:00:00+01:00"])(
    "%s is a time for expires",
    (text) => {
      expect(parseExpires(text)).toBe(Date.UTC(2026, 10, 23, 12));
    },
  );
});
