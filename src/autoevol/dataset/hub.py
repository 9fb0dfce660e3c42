"""Uploads an export to the Hugging Face hub."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.dataset.export import Exported


def push_to_hub(exported: Exported, card: Path, name: str, *, private: bool = True) -> str:
    """Put the export, its provenance and its card into the dataset repository `name`, in one commit.

    Uses the token that `huggingface_hub` finds ($HF_TOKEN, or a login), and the endpoint $HF_ENDPOINT if
    set.

    Args:
        exported: What to upload.
        card: Its card; becomes the repository's README.md.
        name: `owner/name`; created if missing.
        private: Visibility of a new repository.

    Returns:
        The address of the repository.

    Raises:
        InputError: If the hub refuses, with its reason. The local files are kept.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    files = (exported.path, exported.provenance, card, *exported.companions)
    try:
        address = api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        operations = [CommitOperationAdd(path.name, path) for path in files]
        api.create_commit(
            address.repo_id, operations, commit_message="Upload the data set", repo_type="dataset"
        )
    except (HfHubHTTPError, HFValidationError, OSError, *_connection_errors()) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{name} could not be pushed: {reason}. The files are complete in {exported.path.parent}"
        ) from error
    return str(address)


def _connection_errors() -> list[type[Exception]]:
    # Releases of huggingface_hub differ in the HTTP client that they use, and import it themselves.
    return [sys.modules[name].HTTPError for name in ("httpx", "httpx2") if name in sys.modules]
