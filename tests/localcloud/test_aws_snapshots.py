"""What moto knows survives a restart, whatever it is made of."""

import io
import pickle
import threading
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.acm.models import CertBundle

from localcloud.aws.snapshots import _Pickler


def kept(value):
    stream = io.BytesIO()
    _Pickler(stream, protocol=5).dump(value)
    return pickle.loads(stream.getvalue())


def test_private_keys_are_the_same_afterwards():
    pair = [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())]
    for before, after in zip(pair, kept(pair), strict=True):
        assert before.public_key() == after.public_key()


def test_certificates_are_the_same_afterwards():
    made = CertBundle.generate_cert("dreamnet.example", account_id="1" * 12, region="us-east-1")
    assert kept(made)._cert == made._cert


def test_locks_are_made_anew_and_what_is_shared_stays_shared():
    items = {"a": 1}
    first, second = kept([SimpleNamespace(items=items, lock=threading.RLock()), SimpleNamespace(items=items)])
    assert first.items is second.items
    with first.lock:
        assert first.items == items
