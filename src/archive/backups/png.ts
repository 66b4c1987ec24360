import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/**
 * Renders SVG as PNG, with fonts of our own so that every machine draws the same picture, and in a thread of its own: the first picture
 * takes a second, and meanwhile no click would be acknowledged.
 *
 * Errors: throws when the packages `@resvg/resvg-wasm` and `dejavu-fonts-ttf` are not completely installed.
 * Source: @resvg/resvg-wasm 2.6.2, README: the module is started once, fonts are given as bytes.
 */
export async function renderPng(svg: string): Promise<Uint8Array> {
  const { resolve } = createRequire(import.meta.url);
  const fonts = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) => readFile(resolve(`dejavu-fonts-ttf/ttf/${name}`)));
  const wasm = compiled ?? (await readFile(resolve("@resvg/resvg-wasm/index_bg.wasm")));
  const drawn = { svg, wasm, fonts: await Promise.all(fonts), module: resolve("@resvg/resvg-wasm") };
  const worker = new Worker(DRAW, { eval: true, workerData: drawn, execArgv: [] });
  return new Promise<Uint8Array>((done, failed) => {
    worker.once("message", (answer: { readonly png: Uint8Array; readonly wasm: object }) => {
      compiled = answer.wasm;
      done(answer.png);
    });
    worker.once("error", failed);
    worker.once("exit", (code) => failed(new Error(`the thread that draws ended with ${code}`)));
  });
}

/** The compiled renderer: compiling it is most of the work of a picture, and threads can share it. */
let compiled: object | null = null;

/** The thread's program: plain JavaScript, since a thread is started from a file or a text, and the tests have no compiled files. */
const DRAW = `
const { parentPort, workerData } = require("node:worker_threads");
const { initWasm, Resvg } = require(workerData.module);
(async () => {
  const { svg, wasm, fonts } = workerData;
  const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
  await initWasm(module);
  const font = { fontBuffers: fonts, defaultFontFamily: "DejaVu Sans" };
  parentPort.postMessage({ png: new Resvg(svg, { font }).render().asPng(), wasm: module });
})();
`;
