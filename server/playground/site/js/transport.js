// The buttons that play and zoom.

import { $ } from "./dom.js";

export function offerTransport(player, sheet) {
  $("play").addEventListener("click", () => player.toggle());
  $("zoom-in").addEventListener("click", () => sheet.zoom(1));
  $("zoom-out").addEventListener("click", () => sheet.zoom(-1));
  for (const [event, isPlaying] of [["play", true], ["pause", false]]) {
    player.addEventListener(event, () => {
      $("play").classList.toggle("playing", isPlaying);
      $("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    });
  }
}
