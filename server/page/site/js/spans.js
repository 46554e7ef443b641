// What an answer says, as spans on the timeline: { text, start, end, confidence }, in the order in which it was found.

/** An answer before its first event, per task, and how a streamed piece joins it. */
export const GROWING = {
  dense_caption: { empty: () => ({ events: [] }), join: (answer, event) => answer.events.push(event) },
  ground: { empty: () => ({ results: [] }), join: (answer, result) => answer.results.push(result) },
  summarize: { empty: () => ({ segments: [] }), join: (answer, segment) => answer.segments.push(segment) },
  ask: { empty: () => ({ intervals: [] }), join: (answer, interval) => answer.intervals.push(interval) },
};

const SPANS = {
  dense_caption: ({ events }) => events.flatMap(({ caption, intervals }) => intervals.map((i) => ({ ...i, text: caption }))),
  ground: ({ results }) => results.flatMap(({ query, intervals }) => intervals.map((i) => ({ ...i, text: query }))),
  summarize: ({ segments }) => segments.map(({ summary, ...interval }) => ({ ...interval, text: summary })),
  ask: ({ question, answer, intervals }) => intervals.map((i) => ({ ...i, text: answer ?? question ?? "" })),
};

export function spansOf(task, answer) {
  return answer ? SPANS[task](answer) : [];
}

/** In words, for the hover and for those who listen; null means that the model does not know. */
export function confidenceWords(confidence) {
  return confidence === null || confidence === undefined ? "not calibrated" : `${Math.round(confidence * 100)} %`;
}
