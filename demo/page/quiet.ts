/** What waits to be shown, by its place; the newest wins. */
const waiting = new Map<string, () => void>();
let pressed = false;

/**
 * Shows something now, or, while a button of the mouse is down or a menu is open, right after: a button that is replaced between press and
 * release loses the click.
 */
export function showQuietly(place: string, show: () => void): void {
  if (pressed || document.activeElement instanceof HTMLSelectElement) waiting.set(place, show);
  else show();
}

function showWaiting(): void {
  pressed = false;
  const all = [...waiting.values()];
  waiting.clear();
  for (const show of all) show();
}

addEventListener("pointerdown", () => void (pressed = true), true);
// The click comes after the pointer is up, so the waiting comes after the click.
for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => void setTimeout(showWaiting), true);
// A choice was made: the menu loses focus, so that its result is shown.
addEventListener("change", (event) => void (event.target instanceof HTMLSelectElement && event.target.blur()), true);
