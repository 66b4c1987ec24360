// Loaded into a process that is measured (`node --import`): whenever its parent asks, it collects all garbage, and says how much of the heap is
// in use after that. What a process is resident with says little: V8 collects old garbage only once the heap has grown to a multiple of that.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
process.on("message", () => {
  collect();
  process.send?.({ heapUsed: process.memoryUsage().heapUsed });
});
// The parent's channel keeps nothing running.
process.channel?.unref();
