"""Groups of commands, such as `raypp site`."""

import typer


def command_group(purpose: str) -> typer.Typer:
    """Return a group of commands, empty still."""
    return typer.Typer(
        help=purpose,
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
