"""What a plan's rounds spend of differential privacy: planned before, and reckoned afterwards."""

from collections.abc import Sequence

from raypp.collective.accountant import NoisedRounds, epsilon_by_loss, epsilon_of, noise_for
from raypp.collective.privacy_options import PrivacyOptions
from raypp.detect.privacy import PrivacyStatement
from raypp.errors import OptionError
from raypp.text.wording import counted


def with_noise(options: PrivacyOptions, rounds: int) -> PrivacyOptions:
    """Return options whose noise meets their epsilon in all rounds: the least that does, or that which is stated.

    Raises:
        OptionError: if none does, the stated one does not, or opacus is missing.
    """
    needed = noise_for(options.epsilon, options.delta, options.sample, rounds)
    if options.noise is None:
        return options.model_copy(update={"noise": needed})
    spent = epsilon_of([NoisedRounds(options.noise, options.sample, rounds)], options.delta)
    if spent > options.epsilon:
        raise OptionError(
            f"noise {options.noise:g} spends epsilon {spent:.3g} in {rounds} rounds, and the plan has "
            f"{options.epsilon:g}; have noise {needed:g}, or leave it out, or have fewer rounds"
        )
    return options


def statement(options: PrivacyOptions, rounds: int) -> PrivacyStatement:
    """Return what some noised rounds of a plan have spent; raises OptionError without opacus."""
    history = [NoisedRounds(options.multiplier, options.sample, rounds)]
    return PrivacyStatement(
        unit=options.unit,
        epsilon=epsilon_of(history, options.delta),
        epsilon_prv=epsilon_by_loss(history, options.delta),
        delta=options.delta,
        noise=options.multiplier,
        sample=options.sample,
        rounds=rounds,
        clip=options.clip,
        layers=tuple(options.layers),
        adapter=options.unit != "site",
    )


def spent_line(spent: PrivacyStatement) -> str:
    """Say in a line what rounds have spent."""
    closer = "" if spent.epsilon_prv is None else f" (closer reckoning: {spent.epsilon_prv:.3g})"
    rounds = counted(spent.rounds, "noised round")
    return f"of a {spent.unit}: epsilon {spent.epsilon:.3g} at delta {spent.delta:g} in {rounds}{closer}"


def describe_privacy(options: PrivacyOptions, rounds: int) -> Sequence[str]:
    """Return lines that tell an owner what a plan promises."""
    lines = [
        f"privacy       {spent_line(statement(options, rounds))}",
        f"noise         {options.multiplier:g} x clip {options.clip:g}, on {' and '.join(options.layers)}; others "
        + ("are each site's own" if options.unit == "site" else "stay as they start"),
    ]
    if options.unit == "site":
        lines.append("warning       the adapter holds no noise: a site's own model tells of the site's own data")
    return lines
