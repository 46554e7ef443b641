import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training.data.recordings import DataError
from training.data.writer import EndpointWriter, Writer, plain_label


def test_plain_label_fits_into_a_sentence():
    for label, plain in [
        ("Male speech, man speaking", "man speaking"),
        ("Wind noise (microphone)", "wind noise"),
        ("Rhythm and blues, R&B", "R&B"),
        ("Bark", "bark"),
        ("CD player", "CD player"),
        ("(noise)", "(noise)"),
    ]:
        assert plain_label(label) == plain


def test_the_offline_writer_is_the_same_everywhere_and_varies():
    writer = Writer()
    assert writer.describe(["Bark", "Wind"], "clip") == writer.describe(["Bark", "Wind"], "clip")
    assert len({writer.describe(["Bark"], str(n))[0] for n in range(100)}) == 8
    assert writer.summarise("THE MAYOR OPENED A BRIDGE", "k") == "The mayor opened a bridge."
    assert len(writer.summarise("word " * 50, "k").split()) == 16


@pytest.fixture
def endpoint():
    """A real HTTP server that returns a fixed answer and records the requests."""
    state = {"answer": "", "requests": []}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state["requests"].append((self.path, body))
            data = json.dumps({"choices": [{"message": {"content": state["answer"]}}]}).encode()
            self.send_response(200 if state["answer"] else 500)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state["url"] = f"http://127.0.0.1:{server.server_port}/v1"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_endpoint_describes_all_labels_with_one_request_and_the_answer_is_kept(endpoint, tmp_path):
    endpoint["answer"] = 'Here you are:\n["A dog barks angrily.", "Wind howls."]'
    writer = EndpointWriter(endpoint["url"], "m", tmp_path / "memory.jsonl")
    assert writer.describe(["Bark", "Wind"], "clip") == ["A dog barks angrily.", "Wind howls."]
    again = EndpointWriter(endpoint["url"], "m", tmp_path / "memory.jsonl")
    assert again.describe(["Bark", "Wind"], "clip") == ["A dog barks angrily.", "Wind howls."]
    ((path, body),) = endpoint["requests"]
    assert path == "/v1/chat/completions"
    assert (body["model"], body["temperature"]) == ("m", 0)
    assert writer.num_replaced == 0


def test_answers_that_cannot_be_used_are_replaced_and_counted(endpoint, tmp_path):
    wrong = []
    for number, answer in enumerate(
        ["Sorry, I cannot.", '["One only."]', '["A dog barks for 3 seconds.", "Wind."]', '["", "Wind."]', "[1, 2]"]
    ):
        endpoint["answer"] = answer
        writer = EndpointWriter(endpoint["url"], "m", tmp_path / f"memory-{number}.jsonl")
        found = writer.describe(["Bark", "Wind"], "clip")
        if found != Writer().describe(["Bark", "Wind"], "clip") or writer.num_replaced != 1:
            wrong.append((answer, found, writer.num_replaced))
    assert wrong == []


def test_wordings_that_lose_the_query_are_not_offered(endpoint, tmp_path):
    endpoint["answer"] = '["Find \'{query}\'.", "Find it.", "Where is \'{query}\'?"]'
    writer = EndpointWriter(endpoint["url"], "m", tmp_path / "memory.jsonl")
    assert writer.rephrase("Locate '{query}'.", 3) == ["Find '{query}'.", "Where is '{query}'?"]


def test_an_endpoint_that_is_down_says_how_to_go_on(endpoint, tmp_path):
    writer = EndpointWriter(endpoint["url"], "m", tmp_path / "memory.jsonl")
    with pytest.raises(DataError, match="run the same command again"):
        writer.summarise("text", "k")
