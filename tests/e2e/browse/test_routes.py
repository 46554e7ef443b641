"""The routes of `timeaudio browse`: lists, ranges of sound, confinement, downloads."""

import csv
import io
import socket
import zipfile

import srt

from tests.e2e.browse.archive_of_tones import tone


def test_the_archive_reports_its_size_kinds_and_dates(garden):
    with garden.client() as client:
        about = client.get("/archive/about.json").json()
    assert about["name"] == "garden.parquet"
    assert about["recordings"] == 1001
    assert about["first"] == "2026-06-01T05:00:00"
    assert about["has_confidence"] is True
    names = [kind["name"] for kind in about["kinds"]]
    assert {"dog", "rain", "other"} <= set(names)
    assert names[-1] == "other"


def test_all_recordings_are_listed_once_page_by_page(garden):
    paths = []
    with garden.client() as client:
        while True:
            found = client.get("/archive/recordings.json", params={"offset": len(paths)}).json()
            if not found["recordings"]:
                break
            paths += [recording["path"] for recording in found["recordings"]]
    assert len(paths) == found["num_recordings"] == 1001
    assert paths == sorted(set(paths))


def test_filters_combine(garden):
    with garden.client() as client:

        def select(**wanted):
            return client.get("/archive/recordings.json", params=wanted).json()

        owl = select(query="an owl")
        assert [recording["path"] for recording in owl["recordings"]] == ["station/0000.wav"]
        assert [event["label"] for event in owl["recordings"][0]["events"]] == ["An owl calls softly."]
        assert "captions with owl" in owl["reason"]
        dogs, sure = select(kind="dog"), select(kind="dog", min_confidence=0.5)
        assert 0 < sure["num_events"] < dogs["num_events"]
        events = [event for recording in sure["recordings"] for event in recording["events"]]
        assert all(event["confidence"] >= 0.5 and event["kind"] == "dog" for event in events)
        first_day = select(kind="dog", before="2026-06-02T00:00:00")
        later = select(kind="dog", after="2026-06-02")
        assert first_day["num_events"] + later["num_events"] == dogs["num_events"]
        assert select(query="xylophone")["num_recordings"] == 0


def test_wrong_parameters_are_refused_with_a_reason(garden):
    problems = []
    with garden.client() as client:
        for wanted in (
            {"min_confidence": "2"},
            {"offset": "-1"},
            {"after": "soon"},
            {"colour": "red"},
            {"query": "?!"},
            {"offset": 2**63},
        ):
            response = client.get("/archive/recordings.json", params=wanted)
            if response.status_code != 422 or not response.json()["detail"]:
                problems.append((wanted, response.text))
    assert problems == []


def test_sound_is_sent_in_ranges_so_that_seeking_works(garden):
    whole = tone(220)
    with garden.client() as client:
        response = client.get("/archive/sound/1")
        assert response.status_code == 200, "secret.txt is first by path, so station/0000.wav is number 1"
        assert response.content == whole
        assert response.headers["content-type"].startswith("audio/")  # x-wav or wav, by the system's table
        part = client.get("/archive/sound/1", headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    assert part.content == whole[1000:2000]


HIDDEN = (
    "/archive/sound/0",  # in the archive, but no recording
    "/archive/sound/2",  # in the archive, but gone
    "/archive/sound/999999",
    "/archive/sound/-1",
    f"/archive/sound/{'9' * 60}",
    "/archive/sound/..%2Fsecret.txt",
    "/page/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/site/../../../../etc/passwd",
    "/page/js/../../../routes.py",
)


def test_nothing_else_can_be_read(garden):
    host, port = garden.url.removeprefix("http://").split(":")
    problems = []
    for path in HIDDEN:
        with socket.create_connection((host, int(port))) as raw:  # a client would tidy the path
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda raw=raw: raw.recv(65536), b""))
        if not answer.startswith(b"HTTP/1.1 404 ") or b"secret\n" in answer or b"root:" in answer:
            problems.append((path, answer))
    assert problems == []


def test_a_site_whose_name_suddenly_means_this_machine_reads_nothing(garden):
    with garden.client() as client:
        assert client.get("/archive/about.json", headers={"Host": "evil.example"}).status_code == 400


def test_events_are_downloaded_as_chosen(garden):
    with garden.client() as client:
        found = client.get("/archive/recordings.json", params={"query": "dog"}).json()
        ids = [event["id"] for recording in found["recordings"][:2] for event in recording["events"]]
        paths = [recording["path"] for recording in found["recordings"][:2]]

        table = client.post("/archive/events.csv", json={"events": ids})
        rows = list(csv.DictReader(io.StringIO(table.text)))
        assert len(rows) == len(ids)
        assert {row["path"] for row in rows} == set(paths)
        assert 'filename="events.csv"' in table.headers["content-disposition"]

        every = client.post("/archive/events.csv", json={"wanted": {"query": "dog"}})
        assert every.text.count("\n") == found["num_events"] + 1

        listed = client.post("/archive/events.m3u", json={"events": ids}).text
        assert str(garden.folder / paths[0]) in listed

        packed = client.post("/archive/events.srt", json={"events": ids})
        with zipfile.ZipFile(io.BytesIO(packed.content)) as files:
            assert sorted(files.namelist()) == sorted(f"{path}.srt" for path in paths)
            assert list(srt.parse(files.read(f"{paths[0]}.srt").decode()))

        [first] = [event["id"] for event in found["recordings"][0]["events"]]
        labels = client.post("/archive/events.audacity", json={"events": [first]})
        assert labels.text == "0.500000\t1.500000\tA dog is barking.\n"
        assert client.post("/archive/events.exe", json={}).status_code == 404
        assert client.post("/archive/events.csv", content="{").json()["detail"].startswith("Invalid JSON: ")
        assert client.post("/archive/events.csv", json={"events": [2**63]}).status_code == 422
