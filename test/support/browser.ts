import chromium from "@sparticuz/chromium";
import { chromium as playwright, type Browser } from "playwright-core";

/** Launches a headless Chromium: the one in `CHROMIUM_PATH`, else the one that npm carries. */
export async function launchBrowser(): Promise<Browser> {
  // The page draws no 3D; without this, Chromium carries a whole renderer of its own for it.
  chromium.setGraphicsMode = false;
  const executablePath = process.env["CHROMIUM_PATH"] ?? (await chromium.executablePath());
  const quiet = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  return playwright.launch({ executablePath, args: [...chromium.args, ...quiet], headless: true });
}
