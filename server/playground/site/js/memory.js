// Remembers, until the tab is closed, what was found in a bundled clip: Back, Forward and reload bring it back. Other
// recordings are not stored: they may be private, and large.

/** Stores the answers that are there, and which of them is selected. */
export function remember(clip, findings, selected) {
  const answered = findings.filter(({ good }) => good);
  const kept = answered.map(({ task, words, good }) => ({ task, words, part: good.part, answer: good.answer }));
  try {
    sessionStorage.setItem(key(clip), JSON.stringify({ kept, selected: answered.indexOf(selected) }));
  } catch {
    // Storage is blocked or full: the clip is analysed again.
  }
}

/** Returns { kept, selected }: the stored findings, and the number of the selected one, or -1. */
export function recall(clip) {
  try {
    return JSON.parse(sessionStorage.getItem(key(clip))) ?? { kept: [], selected: -1 };
  } catch {
    return { kept: [], selected: -1 };
  }
}

function key(clip) {
  return `clip ${clip}`;
}
