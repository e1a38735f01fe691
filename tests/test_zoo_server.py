"""A policy behind a websocket acts as it does here; strange messages do no harm."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from datafactory.errors import MissingPartError, SpecError
from datafactory_zoo.checkpoint import read_checkpoint
from datafactory_zoo.client import PolicyClient, message_of
from datafactory_zoo.messages import pack, unpack
from datafactory_zoo.recipe import recipe_from_dict
from datafactory_zoo.rollouts import Look
from datafactory_zoo.server import PolicyService, serve
from datafactory_zoo.train import Training
from tests.fake_attempts import FakeSpec
from tests.store_fixture import make
from tests.zoo_fixture import arrays, recipe_data


def test_messages_survive():
    message = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.uint8(7), "c": ["x", 1.5, None],
        "image": np.zeros((2, 2, 3), np.uint8),
    }  # fmt: skip
    back = unpack(pack(message))
    np.testing.assert_array_equal(back["a"], message["a"])
    assert back["a"].dtype == np.float32
    assert back["b"] == 7
    assert back["c"] == message["c"]
    assert back["image"].shape == (2, 2, 3)


def test_objects_are_refused():
    with pytest.raises(SpecError, match="cannot be sent"):
        pack({"a": np.array([object()])})
    evil = pack({b"__ndarray__": True, b"data": b"\0" * 8, b"dtype": "|O", b"shape": [1]})
    with pytest.raises(SpecError):
        unpack(evil)
    with pytest.raises(SpecError, match="cannot be read"):
        unpack(b"\xc1nonsense")


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    place = tmp_path_factory.mktemp("served")
    make(place / "data", FakeSpec(frames=40, fps=20), count=10)
    training = Training(recipe_from_dict(recipe_data()), place / "run", str(place / "data"),
                        resume=False)  # fmt: skip
    list(training.steps())
    return read_checkpoint(place / "run").agent()


@pytest.fixture
def address(agent):
    ports: list[int] = []
    ready = threading.Event()

    def started(port):
        ports.append(port)
        ready.set()

    thread = threading.Thread(
        target=serve, args=(PolicyService(agent),), kwargs={"port": 0, "ready": started},
        daemon=True,
    )  # fmt: skip
    thread.start()
    assert ready.wait(20)
    return f"ws://127.0.0.1:{ports[0]}"


def look():
    made = arrays(frames=1, objects=2)
    from dataclasses import replace

    return Look(replace(made, roles=("o0", "o1")), {}, "put it there")


def test_a_served_policy_acts_like_a_local_one(agent, address):
    client = PolicyClient(address)
    assert client.metadata["policy"] == "flow_chunk"
    assert client.metadata["execute"] == 4
    agent.reset(5)
    remote = client.infer(message_of(look()))["actions"]
    agent.reset(5)
    local = PolicyService(agent).infer(message_of(look()))["actions"]
    np.testing.assert_allclose(remote, local, atol=1e-6)
    assert remote.shape == (8, 8)
    client.close()


def test_a_bad_observation_is_answered_with_the_reason(address):
    client = PolicyClient(address)
    with pytest.raises(SpecError) as refused:
        client.infer({"joint_position": np.zeros(7)})
    assert "no 'gripper_opening'" in str(refused.value)


def test_nobody_there_is_an_error_with_a_remedy():
    with pytest.raises(MissingPartError, match="no policy server answers") as gone:
        PolicyClient("ws://127.0.0.1:9")
    assert "datafactory serve" in gone.value.remedy
