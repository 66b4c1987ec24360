/** Claims: a link leads from a message to the very address that was meant, whatever characters it has, and nothing ends it early. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { dispositionOf } from "../../src/archive/file-name.ts";
import { signUrl } from "../../src/archive/s3-sign.ts";
import { link } from "../../src/bot/render/blocks.ts";

/** Where Slack leads who clicks: it reads the escapes of its three control characters, and an address as it is. */
function clicked(text: string): string {
  const [, address = "", ...more] = /^<([^<>|]*)\|[^<>]*>$/.exec(text) ?? [];
  expect(more).toEqual([]);
  return address.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

test("the bucket's signed address keeps its parameters and its signature", () => {
  const url = new URL("https://b.s3.eu-central-1.example.org/prefix/abc");
  url.searchParams.set("response-content-disposition", dispositionOf("golden & <new>|image.qcow2"));
  const credentials = { accessKeyId: "AKIA", secretAccessKey: "x", sessionToken: "a/b+c==" };
  const signed = signUrl(url, { method: "GET", region: "eu-central-1", credentials, at: 1_700_000_000_000 as never, seconds: 3600 });
  expect(new URL(signed).searchParams.size).toBeGreaterThan(6);
  expect(clicked(link(signed, "Download golden"))).toBe(signed);
});

test("an address leads where it led, whatever its parameters are", () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), fc.dictionary(fc.string(), fc.string()), fc.string(), (base, more, words) => {
      const url = new URL(base);
      for (const [key, value] of Object.entries(more)) url.searchParams.append(key, value);
      const reached = new URL(clicked(link(url.href, words)));
      expect([...reached.searchParams]).toEqual([...url.searchParams]);
      expect(reached.pathname).toBe(url.pathname.replaceAll("|", "%7C"));
    }),
    { numRuns: 50 },
  );
});
