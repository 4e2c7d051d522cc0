"""A coordinator from its plan to the last round."""

import asyncio
from pathlib import Path

from raypp.collective.coordinator import Coordinator
from raypp.collective.listening import CoordinatorAddress
from raypp.collective.plan import CollectivePlan
from raypp.collective.service import serving
from raypp.collective.store import CoordinatorState, CoordinatorStore
from raypp.collective.weights import Vector
from raypp.progress import SILENT, Progress


def open_training(
    plan: CollectivePlan, out: Path, address: CoordinatorAddress, progress: Progress = SILENT
) -> CoordinatorState:
    """Coordinate a training, or go on with it, until all sites have the last weights.

    Args:
        plan: the plan.
        out: folder of the coordinator; tokens of the sites are in it.
        address: where it listens.
        progress: is told what happens.

    Returns:
        Where the training is.

    Raises:
        OptionError: if it cannot listen as asked.
        ConflictError: if the folder holds another plan.
        CollectiveError: if a round cannot be carried out.
        ModelError: if the plan's architecture is unknown, or its weights do not fit.
    """
    address.check()
    store = CoordinatorStore.open(out, plan, _initial)
    asyncio.run(_coordinate(store, address, progress))
    return store.state


def _initial(plan: CollectivePlan) -> tuple[str, Vector]:
    from raypp.collective.local_training import initial_model  # noqa: PLC0415 - needs torch, slow to import
    from raypp.collective.shared_layers import SharedLayers  # noqa: PLC0415

    model = initial_model(plan)
    layers = SharedLayers.of(model, plan.summed)
    return layers.digest, layers.read(model.state_dict())


async def _coordinate(store: CoordinatorStore, address: CoordinatorAddress, progress: Progress) -> None:
    coordinator = Coordinator(store, progress)
    async with serving(coordinator, address) as port:
        plan, round_number = store.state.plan, store.state.round
        progress.say(f"listens       {address.host}:{port}; plan {plan.name}, round {round_number} of {plan.rounds}")
        await coordinator.run()
