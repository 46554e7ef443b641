// The server's configuration of the page: its limits, bundled clips and formats, and whether requests need a key.

import { read } from "./api.js";
import { showTrouble } from "./views.js";

/** Returns /page/about.json. Without it the page cannot work, so it is read again whenever the user wants to. */
export async function readAbout() {
  for (;;) {
    try {
      return await read("page/about.json");
    } catch (problem) {
      await new Promise((again) => showTrouble(problem, again));
      showTrouble(null);
    }
  }
}
