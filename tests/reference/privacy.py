"""Personal fields as the table must have them: pseudonyms by Python's own HMAC, encrypted values as a mark."""

import hmac
import json
from pathlib import Path

from manifest import Study

SEALED = "1."


def keys_of(out: Path) -> Path:
    """The folder of keys of a run: in its state, beside the output or in it."""
    beside = Path(f"{out}.state") / "keys"
    return beside if beside.is_dir() else out / ".state" / "keys"


def treated(study: Study, event: str, keys: Path) -> str:
    """A JSON document with its personal fields treated; they are members at the top."""
    document = json.loads(event)
    for pointer, treatment in study.privacy.items():
        name = pointer[1:]
        if document.get(name) is None:
            continue
        match treatment:
            case "Pseudonymise":
                document[name] = pseudonym(keys, str(document[name]))
            case "Encrypt":
                document[name] = SEALED
            case _:
                raise SystemExit(f"the reference doesn't know the treatment {treatment}")
    return json.dumps(document)


def pseudonym(keys: Path, text: str) -> str:
    """What stands for a text: the first 128 bits of its HMAC under a key that is derived from the newest master key."""
    version = max(int(file.name[1:]) for file in keys.glob("v[0-9]*"))
    master = bytes.fromhex((keys / f"v{version}").read_text().strip())
    key = hmac.digest(master, b"transect/pseudonyms\x01", "sha256")
    return f"{version}-{hmac.digest(key, text.encode(), 'sha256')[:16].hex()}"
