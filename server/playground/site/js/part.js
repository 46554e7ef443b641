// Parts of recordings that are longer than a request may be. Seconds, in tenths.

/** Returns the longest part that a task accepts. */
export function longest(task, limits) {
  return task === "ask" ? limits.question_seconds : limits.audio_seconds;
}

/** Returns the part that begins at `time`, or a little before it if hardly anything would be left. */
export function partFrom(time, total, most) {
  const start = time > total - 1 ? Math.max(0, total - most) : time;
  return part(start, total, most);
}

/** Returns the part with `time` in its middle, or as near to it as the ends of the recording allow. */
export function partAround(time, total, most) {
  return part(Math.max(0, Math.min(time - most / 2, total - most)), total, most);
}

function part(begin, total, most) {
  const start = tenths(begin);
  return { start, end: tenths(Math.min(total, start + most)) };
}

function tenths(seconds) {
  return Math.round(seconds * 10) / 10;
}
