"""What moto knows, kept on disk: all services in one pickle, so that shared objects stay shared."""

from __future__ import annotations

import _thread
import importlib
import io
import logging
import marshal
import os
import pickle
import threading
import types
import weakref
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, load_pem_x509_certificate

_LOG = logging.getLogger(__name__)


class _Pickler(pickle.Pickler):
    """Locks are made anew when read back; private keys (of KMS) and certificates (of ACM) travel as PEM."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, _thread.LockType):
            return threading.Lock, ()
        if isinstance(value, _thread.RLock):
            return threading.RLock, ()
        if isinstance(value, weakref.WeakValueDictionary):
            return weakref.WeakValueDictionary, (dict(value),)
        if type(value).__module__.startswith("cryptography.") and hasattr(value, "private_bytes"):
            return _private_key, (_pem(value),)
        if isinstance(value, Certificate):
            return _certificate, (value.public_bytes(Encoding.PEM),)
        if (
            isinstance(value, types.FunctionType)
            and "<locals>" in value.__qualname__
            and not value.__closure__
        ):
            return _function, (marshal.dumps(value.__code__), value.__module__)
        return NotImplemented


def _pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _private_key(pem: bytes) -> Any:
    return load_pem_private_key(pem, None)


def _certificate(pem: bytes) -> Certificate:
    return load_pem_x509_certificate(pem)


def _function(code: bytes, module: str) -> types.FunctionType:
    """A small function defined inside another one, such as a defaultdict's factory."""
    return types.FunctionType(marshal.loads(code), vars(importlib.import_module(module)))


class Snapshots:
    """Saves and restores everything in moto's memory, plus one object of ours.

    A change is on disk about four seconds after it was made; a kill -9 loses what came since. A request that
    changes a dictionary while it is being written makes that attempt fail, and it is made again.

    Args:
        path: the file.
        account_id: whose resources; moto keeps another account for itself.
        ours: what else to keep; must be picklable.
    """

    def __init__(self, path: Path, account_id: str, ours: Any) -> None:
        self._path = path
        self._account_id = account_id
        self._ours = ours
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def start(self) -> None:
        """Begin saving in the background."""
        self._thread.start()

    def touch(self) -> None:
        """Something has changed."""
        self._dirty.set()

    def stop(self) -> None:
        """Save a last time and end."""
        self._stopped.set()
        self._dirty.set()
        self._thread.join()
        self.save()

    def save(self) -> None:
        """Write everything now, in one step."""
        from moto.core.base_backend import BackendDict

        stream = io.BytesIO()
        backends = [
            (backend.service_name, account, region, found)
            for backend in list(BackendDict._instances)
            for account, region, found in list(backend.iter_backends())
            if account == self._account_id
        ]
        _Pickler(stream, protocol=5).dump((backends, self._ours))
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(stream.getbuffer())
        temporary.replace(self._path)

    @staticmethod
    def load(path: Path) -> Any:
        """Put moto's memory back and return the object of ours; None where nothing was saved."""
        import moto.backends as moto_backends

        if not path.exists():
            return None
        # Our own file, 0600 in the state directory: as trustworthy as the code beside it.
        backends, ours = pickle.loads(path.read_bytes())
        for service, account, region, found in backends:
            moto_backends.get_backend(service)[account][region] = found
        return ours

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._dirty.wait()
            if self._stopped.wait(4.0):
                return
            self._dirty.clear()
            try:
                self.save()
            except RuntimeError as error:  # "dictionary changed size during iteration"
                _LOG.info("snapshot put off: %s", error)
                self._dirty.set()
            except (pickle.PicklingError, AttributeError, TypeError):
                _LOG.exception("what moto knows can't be saved")
