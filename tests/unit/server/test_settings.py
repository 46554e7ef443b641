"""Settings come from the environment; invalid or unknown ones are rejected."""

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from server.settings import Settings, misread, misspelt


def test_nested_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEAUDIO_LIMITS__AUDIO_SECONDS", "60")
    monkeypatch.setenv("TIMEAUDIO_DECODE__WORKERS", "1")
    settings = Settings()
    assert (settings.limits.audio_seconds, settings.decode.workers) == (60.0, 1)
    assert settings.limits.queries == Settings.model_fields["limits"].default.queries


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEAUDIO_LIMITS__AUDIO_SECONDS", "0"),
        ("TIMEAUDIO_LIMITS__AUDIO_SECOND", "60"),
        ("TIMEAUDIO_DECODE__WORKERS", "0"),
        ("TIMEAUDIO_PASSES__SECONDS", "9.9"),
        ("TIMEAUDIO_PASSES__SECONDS", "150.1"),
        ("TIMEAUDIO_PASSES__WHOLE_S", "9.9"),
        ("TIMEAUDIO_PASSES__WHOLE_S", "150.1"),
    ],
)
def test_invalid_values_are_rejected(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_the_error_names_the_invalid_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEAUDIO_PASSES__SECONDS", "5")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert misread(caught.value) == ["TIMEAUDIO_PASSES__SECONDS: Input should be greater than or equal to 10, not '5'"]


def test_the_error_names_a_setting_that_is_not_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEAUDIO_LOG_FORMAT", "text")
    monkeypatch.setenv("TIMEAUDIO_ACCESS__CORS_ORIGINS", "https://app.example")
    with pytest.raises(SettingsError) as caught:
        Settings()
    assert misread(caught.value) == ["TIMEAUDIO_ACCESS__CORS_ORIGINS: must be JSON, not 'https://app.example'"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TIMEAUDIO_DRAINS", "TIMEAUDIO_DRAIN_S"),
        ("timeaudio_log_formats", "TIMEAUDIO_LOG_FORMAT"),
        ("TIMEAUDIO_LIMIT__QUERIES", "TIMEAUDIO_LIMITS__QUERIES"),
    ],
)
def test_a_misspelt_name_is_reported(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    monkeypatch.setenv(name, "30")
    Settings()
    assert misspelt() == [f"{name.upper()} is not a setting and has no effect; did you mean {meant}?"]


@pytest.mark.parametrize(
    "name", ["TIMEAUDIO_API_KEY", "TIMEAUDIO_SERVICE_HOST", "TIMEAUDIO_DRAIN_S", "timeaudio_ping_s"]
)
def test_other_names_are_not(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "30")
    assert misspelt() == []


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Settings().drain_s = 3.0  # type: ignore[misc]


GROUPS = ("limits", "passes", "decode", "worker", "access")


def test_every_setting_has_a_description() -> None:
    for group in (Settings, *(type(getattr(Settings(), name)) for name in GROUPS)):
        for name, field in group.model_fields.items():
            nested = name in GROUPS
            assert nested or field.description, name
