// Converts answers to spans on the timeline: { text, start, end, confidence }, in the order found.

/** Per task: the empty answer, and how to add a streamed piece to it. */
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

/** Formats a confidence for tips and screen readers; null means that the model is not calibrated. */
export function confidenceWords(confidence) {
  return confidence === null || confidence === undefined ? "not calibrated" : `${Math.round(confidence * 100)} %`;
}
