/** A file of this checkout. */
export const at = (file) => new URL(`../../${file}`, import.meta.url);
/** A built file, to be imported. */
export const dist = (file) => at(`dist/${file}`).href;
