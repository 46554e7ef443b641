// Groups captions by kind of event, one lane per kind: "A dog barks." and "A dog growls loudly."
// A caption is reduced to the stems of its content words, the first of which counts as its subject. English only; in
// other languages captions share a lane if their words are the same.

const FILLERS = new Set(
  ("a an the this that some someone something somebody it its there is are was were be being of in on at to and or " +
    "with by from for into over through again away then while very sound sounds noise heard").split(" "),
);

/** "Dogs are barking loudly." -> ["dog", "bark"] */
export function stems(caption) {
  const words = caption.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const telling = words.filter((word) => !FILLERS.has(word) && !/.{2}ly$/.test(word));
  return [...new Set((telling.length ? telling : words).map(stem))];
}

function stem(word) {
  return word.replace(/^(.{3,}?)(?:ing|ies|ed|es|s|e|y)$/, "$1");
}

/** Whether two captions, as stems, are of one kind: they share a subject and at least half of their words. */
export function sameKind(one, other) {
  if (one[0] === other[0]) return true;
  const shared = one.filter((word) => other.includes(word));
  const holdsSubject = shared.includes(one[0]) || shared.includes(other[0]);
  return holdsSubject && shared.length * 2 >= Math.max(one.length, other.length);
}

/** Assigns lanes to captions, in order of first appearance. */
export class Kinds {
  #known = [];

  /** Returns the number of the caption's lane; a new kind gets the next one. */
  laneOf(caption) {
    const told = stems(caption);
    const found = this.#known.findIndex((known) => sameKind(known, told));
    return found >= 0 ? found : this.#known.push(told) - 1;
  }
}
