"""Each key reaches its own host and nothing else: no other host, no file, no error, no reply."""

from __future__ import annotations

import base64
import traceback
from pathlib import Path

import pytest

from autoevol.core.errors import StopRun
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from servers import Answer, Endpoint, refuses, says

KEYS = {
    "EVOL_KEY": "evol-key-11111111",
    "JUDGE_KEY": "judge-key-22222222",
    "OPENAI_API_KEY": "sk-open-33333333",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_each_key_reaches_its_own_host_only(tmp_path: Path, client: str) -> None:
    with (
        Endpoint([says("Hi")]) as evol,
        Endpoint([refuses(404, "no such model")], ["m"]) as judge,
        Session(tmp_path / "c.sqlite", client=client) as session,
    ):
        session.lm("m", "evol", api_base=evol.url, api_key_env="EVOL_KEY")("a")
        with pytest.raises(StopRun):
            session.lm("n", "judge", api_base=judge.url, api_key_env="JUDGE_KEY")("a")
        sent = [[str(seen.headers) for seen in endpoint.seen] for endpoint in (evol, judge)]
    assert all("evol-key-11111111" in headers for headers in sent[0])
    assert all("judge-key-22222222" in headers for headers in sent[1])
    assert not any("judge-key" in headers or "sk-open" in headers for headers in sent[0])
    assert not any("evol-key" in headers or "sk-open" in headers for headers in sent[1])


SECRET = "wo/rd+0123456789"
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize(
    "said",
    [
        f"{'x' * 190} {SECRET} is bad",
        f"Authorization: Basic {BASIC}",
        "http://me:wo%2Frd%2B0123456789@host",
        SECRET[:14],
    ],
)
def test_a_password_is_in_no_error_no_traceback_and_no_file(
    tmp_path: Path, client: str, status: int, said: str
) -> None:
    answers = [says(said) if status == 200 else refuses(status, said), Answer(said.encode(), 500)]
    policy = RetryPolicy(attempts=1, base=0.0, patience=0.0)
    shown: list[str] = []
    with (
        Endpoint(answers) as endpoint,
        Session(tmp_path / "c.sqlite", client=client, retry=policy) as session,
    ):
        base = endpoint.url.replace("http://", "http://me:wo%2Frd%2B0123456789@")
        lm = session.lm("m", api_base=base, temperature=0.0)
        for asked in "ab":
            try:
                shown.append(repr(lm(asked)))
            except BaseException:
                shown.append(traceback.format_exc())
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    secrets = [SECRET, BASIC, "wo%2Frd%2B0123456789", *([SECRET[:14]] if status != 200 else [])]
    assert not [secret for secret in secrets if secret in "".join(shown) or secret.encode() in files]
