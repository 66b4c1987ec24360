/** The signature is the one a CloudStack server computes: vectors from its documentation and from its own algorithm run in Java. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { signatureOf, signedForm } from "../../src/cloudstack/api/signature.ts";

const DOC_KEY = "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg";
const SECRET = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ";
const expires = "2026-11-23T12:00:00+0000";

describe("signatures", () => {
  test.for([
    [{ command: "listUsers", response: "json", apiKey: DOC_KEY }, "TTpdDq/7j/J58XCRHomKoQXEQds="],
    [{ command: "listDomains", listall: "true", response: "json", apiKey: DOC_KEY }, "TPwDUsn1NK1lRhlVFpwiDHmuw/4="],
    [
      {
        command: "createDomain",
        name: "CI Projekt Ä (test)~1'!*+&=/%_",
        parentdomainid: "6f1c9a1e-0000-4000-8000-000000000001",
        response: "json",
        apiKey: "KEY",
        signatureVersion: "3",
        expires,
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
  ] as const)("%j", ([params, signature]) => {
    expect(signatureOf(params as Record<string, string>, SECRET)).toBe(signature);
  });

  test("the order in which parameters are given does not matter", () => {
    expect(signatureOf({ b: "2", a: "1" }, "x")).toBe(signatureOf({ a: "1", b: "2" }, "x"));
  });
});

describe("forms", () => {
  test("what the server decodes from the form verifies against the signature in it, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ unit: "grapheme" }), { noNullPrototype: true }),
        (params) => {
          const form = signedForm("listDomains", params, { apiKey: "key", secretKey: SECRET }, 0);
          const decoded = Object.fromEntries(
            form.split("&").map((pair) => pair.split("=").map((part) => decodeURIComponent(part)) as [string, string]),
          );
          const { signature, ...signed } = decoded;
          // The server's own way (ApiServer.verifyRequest): Java's encoder, written as a table instead of a pattern.
          const java = (text: string): string =>
            [...Buffer.from(text, "utf8")]
              .map((byte) =>
                /[A-Za-z0-9.*_-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`,
              )
              .join("");
          const canonical = Object.keys(signed)
            .sort((a, b) => (a < b ? -1 : 1))
            .map((name) => `${name}=${java(signed[name] ?? "")}`)
            .join("&")
            .toLowerCase();
          expect(signature).toBe(createHmac("sha1", SECRET).update(canonical).digest("base64"));
          expect(form).not.toContain(SECRET);
        },
      ),
    );
  });

  test("a request is version 3 and expires within 15 minutes", () => {
    const form = new URLSearchParams(signedForm("listDomains", {}, { apiKey: "key", secretKey: SECRET }, Date.UTC(2026, 10, 23, 11, 50)));
    expect(form.get("signatureversion")).toBe("3");
    expect(form.get("expires")).toBe(expires);
    expect(form.get("response")).toBe("json");
  });
});
