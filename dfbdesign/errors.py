"""What can go wrong, as the caller may want to tell it apart.

Bad input is an `InputError`; physics or numerics that say no are a `PhysicsError`; a missing MEEP
is a `MeepMissing`. Each message names the field, the value and the remedy in one line. The command
line turns them into the exit codes 2, 3 and 4.
"""


class InputError(ValueError):
    """An argument, a file or a unit is wrong; the message says which and what to write instead."""


class PhysicsError(Exception):
    """The input is sound, but physics or numerics say no."""


class NoGuidedMode(PhysicsError):
    """The structure guides no mode where one was looked for."""


class NotConverged(PhysicsError):
    """A solve did not reach its target accuracy; the message holds the last residual."""


class MeepMissing(Exception):
    """MEEP is needed and no interpreter that can import it was found."""
