// Makes the README's pictures: plays the demo's first steps in Chromium, and writes docs/demo.png (one screen) and docs/demo-moving.png
// (an APNG of the steps). Run it after the page or a card changed: node scripts/demo-picture.mjs
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";
import { prepare } from "./prepare.mjs";

const ROOT = path.dirname(import.meta.dirname);
/** How long each step is shown. Units: milliseconds. */
const STEP_MS = 2_600;
/** The picture is part of every clone. Units: bytes. */
const MOST_BYTES = 1_000_000;

async function main() {
  if (!prepare()) throw new Error("The build has errors, listed above.");
  const { startWorld } = await import("../dist/demo/world.js");
  const { demoActs } = await import("../dist/demo/acts.js");
  const { startPageServer } = await import("../dist/demo/page-server.js");
  const dataDir = fs.mkdtempSync(path.join(tmpdir(), "twokey-picture-"));
  const world = await startWorld({ dataDir, coolOffSeconds: 8, graceSeconds: 60, syncEverySeconds: 1, logLevel: "error", fast: true });
  const server = await startPageServer({ ...demoActs(world), slackUrl: world.slack.url });
  chromium.setGraphicsMode = false;
  const executablePath = process.env.CHROMIUM_PATH ?? (await chromium.executablePath());
  const browser = await playwright.launch({ executablePath, args: [...chromium.args, "--no-sandbox"], headless: true });
  try {
    const open = async (width, height) => {
      const page = await browser.newPage({ viewport: { width, height } });
      await page.goto(server.url);
      return page;
    };
    const frames = await play(await open(1040, 650), await open(1440, 900));
    write("demo-moving.png", animate(frames));
  } finally {
    await browser.close();
    await server.close();
    await world.stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Walks the first steps; gives a picture of each, and writes the one of the card on the way. */
async function play(page, wide) {
  const frames = [];
  const see = (words, on = page) => on.locator("#messages article", { hasText: words }).last().waitFor();
  const shoot = async () => frames.push(await page.screenshot());
  const approve = () => page.locator('[data-action-id="deletion_approve"]').last().click();
  await see("create domain ROOT/ci/fjord");
  await shoot();
  await page.locator("[data-guide]").click();
  await see("Two approvers must agree");
  await page.locator("#guide li.next", { hasText: "Approve as Ada" }).waitFor();
  await shoot();
  await see("Two approvers must agree", wide);
  write("demo.png", await wide.screenshot());
  await page.locator("[data-guide]").click();
  await approve();
  await see("Your approval is recorded");
  await page.locator("#guide li.next", { hasText: "Approve as Ben" }).waitFor();
  await shoot();
  await page.locator("[data-guide]").click();
  await see("1 of 2");
  await approve();
  await page.locator('#modals input[data-block-id="name"]').fill("drizzle");
  await shoot();
  await page.locator('[data-modal="submit"]').click();
  await see("Cooling off");
  await page.locator("#guide li.next", { hasText: "Watch it" }).waitFor();
  await shoot();
  await page.locator("#guide li.next", { hasText: "Restore or export" }).waitFor();
  await page.locator('[data-action-id="deletion_restore"]').last().waitFor();
  await shoot();
  await page.locator('[data-action-id="deletion_restore"]').last().click();
  await page.locator("#guide .how", { hasText: "whole path" }).waitFor();
  await shoot();
  return frames;
}

function write(name, bytes) {
  if (bytes.length > MOST_BYTES) throw new Error(`docs/${name} would have ${bytes.length} bytes, more than ${MOST_BYTES}`);
  fs.writeFileSync(path.join(ROOT, "docs", name), bytes);
  process.stdout.write(`docs/${name}: ${Math.round(bytes.length / 1024)} KiB\n`);
}

/** One animated PNG of PNGs of the same size: their pixels are taken as they are. */
function animate(pngs) {
  const parsed = pngs.map(chunksOf);
  const header = parsed[0].find((c) => c.type === "IHDR").data;
  if (parsed.some((chunks) => !chunks.find((c) => c.type === "IHDR").data.equals(header)))
    throw new Error("the frames differ in size or kind");
  let sequence = 0;
  const numbered = (data) => Buffer.concat([uint32(sequence++), data]);
  const frames = parsed.flatMap((chunks, n) => {
    const pixels = smaller(Buffer.concat(chunks.filter((c) => c.type === "IDAT").map((c) => c.data)), header);
    const delay = Buffer.alloc(6);
    delay.writeUInt16BE(STEP_MS, 0);
    delay.writeUInt16BE(1000, 2);
    const control = chunk("fcTL", numbered(Buffer.concat([header.subarray(0, 8), uint32(0), uint32(0), delay])));
    return [control, n === 0 ? chunk("IDAT", pixels) : chunk("fdAT", numbered(pixels))];
  });
  const many = chunk("acTL", Buffer.concat([uint32(pngs.length), uint32(0)]));
  return Buffer.concat([pngs[0].subarray(0, 8), chunk("IHDR", header), many, ...frames, chunk("IEND", Buffer.alloc(0))]);
}

/** The same pixels without PNG's filters, which help photographs: what repeats in a page is found by the compression itself. */
function smaller(pixels, header) {
  const size = header[9] === 6 ? 4 : 3;
  const width = header.readUInt32BE(0) * size;
  const rows = inflateSync(pixels);
  for (let start = 0; start < rows.length; start += width + 1) {
    for (let at = start + 1; at <= start + width; at++) {
      const left = at - start > size ? rows[at - size] : 0;
      const up = start > 0 ? rows[at - width - 1] : 0;
      const corner = start > 0 && at - start > size ? rows[at - width - 1 - size] : 0;
      rows[at] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][rows[start]];
    }
    rows[start] = 0;
  }
  return deflateSync(rows, { level: 9, memLevel: 9 });
}

/** PNG's fourth filter: whichever neighbour is nearest to what they predict together. */
function paeth(left, up, corner) {
  const near = (value) => Math.abs(left + up - corner - value);
  return near(left) <= near(up) && near(left) <= near(corner) ? left : near(up) <= near(corner) ? up : corner;
}

function chunksOf(png) {
  const chunks = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

function uint32(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}

await main();
process.exit(0);
