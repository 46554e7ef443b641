// Requests to `timeaudio browse`. Each function throws an Error whose message is for the user.

/** Returns the archive's size, dates and kinds. */
export function readAbout() {
  return ask("archive/about.json");
}

/** Returns the next recordings of a selection, `offset` recordings after its first. */
export function readRecordings(wanted, offset) {
  return ask(`archive/recordings.json?${new URLSearchParams({ ...wanted, offset })}`);
}

/** Returns { name, blob }: a file with the events of these numbers or, if `events` is null, of the selection. */
export async function readExport(form, events, wanted) {
  const response = await reach(`archive/events.${form}`, { method: "POST", body: JSON.stringify({ events, wanted }) });
  const name = /filename="(.+)"/.exec(response.headers.get("content-disposition"))[1];
  return { name, blob: await response.blob() };
}

async function ask(address) {
  return (await reach(address)).json();
}

async function reach(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("timeaudio browse does not respond. Start it again, and reload this page.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? `The request failed with status ${response.status}.`);
}
