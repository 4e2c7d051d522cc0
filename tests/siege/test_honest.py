"""An honest camera connects anew after a fault of the service, and hides none of the test's own."""

import threading

import grpc
import numpy as np
import pytest

from tests.serving.running import Connection, MovedError
from tests.siege.siege import Honest, Phase


def test_a_fault_of_the_service_is_passed_over_and_one_of_the_test_is_not() -> None:
    tries = iter([grpc.RpcError("gone"), MovedError("old"), AssertionError("the next answer is no `committed`")])

    def connect() -> Connection:
        raise next(tries)

    honest = Honest(connect, np.zeros((1, 1), np.uint8), 1, 0.1)
    running = threading.Timer(30, honest.over.set)
    running.start()
    with pytest.raises(AssertionError, match="no `committed`"):
        honest.run(Phase)
    running.cancel()
