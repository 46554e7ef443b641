// Formats seconds for people.

/** 75.31 -> "1:15.3", 3675 -> "1:01:15.0" */
export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const hours = Math.floor(tenths / 36000);
  const minutes = Math.floor(tenths / 600) % 60;
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** For the ruler: omits tenths that are zero. */
export function mark(seconds) {
  return clock(seconds).replace(/\.0$/, "");
}

/** A duration: 3.25 -> "3.3 s", 75.3 -> "1:15.3" */
export function length(seconds) {
  return seconds < 59.95 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

/** For screen readers: 75.3 -> "1 minute 15.3 seconds" */
export function spoken(seconds) {
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  const rest = (tenths % 600) / 10;
  const words = `${rest} ${rest === 1 ? "second" : "seconds"}`;
  return minutes ? `${minutes} ${minutes === 1 ? "minute" : "minutes"} ${words}` : words;
}
