// The request of a finding as a shell command and as Python. Both send what the page sent, and the least confidence that
// it shows.

import { BASE, ROUTES } from "./api.js";
import { isCalibrated, leastConfidence } from "./filter.js";
import { fieldsOf } from "./findings.js";

/** One command for a POSIX shell, which knows the caller's key if the server needs one. Fields go as --form-string: curl would read "@name" as a file. */
export function curl(finding, name, needsKey) {
  const file = `file=@"${name.replace(/["\\]/g, "\\$&")}"`; // quoted, because curl splits names at ; and ,
  const fields = [...fieldsOf(finding), ...filtered(finding)].map(([field, value]) => `--form-string ${quoted(`${field}=${value}`)}`);
  const key = needsKey ? ['-H "Authorization: Bearer $TIMEAUDIO_API_KEY"'] : [];
  return ["curl -s", ...key, `-F ${quoted(file)}`, ...fields, quoted(BASE + ROUTES[finding.task])].join(" \\\n  ");
}

export function python(finding, name) {
  const { task, words, part } = finding;
  const given = [JSON.stringify(name), ...(words ? [JSON.stringify(words)] : [])];
  if (part) given.push(`start=${part.start}`, `end=${part.end}`);
  given.push(...filtered(finding).map((field) => field.join("=")));
  const call = `client.${task}(${given.join(", ")})`;
  return [
    "from timeaudio import Client",
    "",
    `with Client(${JSON.stringify(BASE.replace(/\/$/, ""))}) as client:`,
    `    answer = ${call}`,
    ...LOOPS[task],
  ].join("\n");
}

const LOOPS = {
  dense_caption: ["", "for event in answer.events:", "    print(event.caption, event.intervals)"],
  ground: ["", "for result in answer.results:", "    print(result.query, result.present, result.intervals)"],
  summarize: ["", "for segment in answer.segments:", "    print(segment.start, segment.end, segment.summary)"],
  ask: ["", "print(answer.answer, answer.intervals)"],
};

function filtered({ task, answer }) {
  const least = leastConfidence();
  return least > 0 && isCalibrated(task, answer) ? [["min_confidence", String(least)]] : [];
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
