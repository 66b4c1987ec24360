import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";

/**
 * Renders SVG as PNG with fonts of our own, so that a bare machine draws the same picture.
 *
 * Errors: throws when the packages `@resvg/resvg-wasm` and `dejavu-fonts-ttf` are not completely installed.
 * Source: @resvg/resvg-wasm 2.6.2, README: the module is started once, fonts are given as bytes.
 */
export async function renderPng(svg: string): Promise<Uint8Array> {
  const fontBuffers = await start();
  const drawing = new Resvg(svg, { font: { fontBuffers: [...fontBuffers], defaultFontFamily: "DejaVu Sans" } });
  const image = drawing.render();
  try {
    return image.asPng();
  } finally {
    image.free();
    drawing.free();
  }
}

let started: Promise<readonly Uint8Array[]> | null = null;

function start(): Promise<readonly Uint8Array[]> {
  started ??= load().catch((thrown: unknown) => {
    // What could not be loaded now may be there at the next try.
    started = null;
    throw thrown;
  });
  return started;
}

async function load(): Promise<readonly Uint8Array[]> {
  const { resolve } = createRequire(import.meta.url);
  const fonts = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) => readFile(resolve(`dejavu-fonts-ttf/ttf/${name}`)));
  await initWasm(await readFile(resolve("@resvg/resvg-wasm/index_bg.wasm")));
  return Promise.all(fonts);
}
