"""What stitch says when it cannot do what was asked.

    StitchError            the root: a message, and a help line that says what to do
    ├── TargetError        a network could not be found, imported or built
    ├── InputError         a dummy input could not be read or does not suit the network
    ├── SettingsError      the project's settings are wrong, in one place or several
    ├── EditError          a flag could not be read, matches nothing, or cannot be carried out
    ├── ModelError         the model's own code raised; carries the user's frames
    └── DeviceError        the device asked for is not there

A fault *in the network's shapes* is not an error but a Diagnostic (see records.py).
Anything else that escapes is a bug in stitch.
"""

from __future__ import annotations


class StitchError(Exception):
    """A mistake the user can mend: ``message`` says what is the matter, ``help`` what to do."""

    def __init__(self, message: str, help: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.details = details

    def __str__(self) -> str:
        return self.message


class TargetError(StitchError):
    """A network could not be found, imported or built."""


class InputError(StitchError):
    """A dummy input could not be read, or does not suit the network."""


class SettingsError(StitchError):
    """The project's settings are wrong; ``places`` are files, lines, and what is wrong there."""

    def __init__(
        self, message: str, help: str, details: str, places: tuple[tuple[str, int, str], ...]
    ) -> None:
        super().__init__(message, help, details)
        self.places = places


def places_of(error: StitchError) -> tuple[tuple[str, int, str], ...]:
    """Files, lines and words of what is wrong in settings; nothing for other errors."""
    return error.places if isinstance(error, SettingsError) else ()


class EditError(StitchError):
    """A flag could not be read, matches nothing, or cannot be carried out."""


class ModelError(StitchError):
    """The model's own code raised; ``details`` holds its traceback, cut to the user's frames."""


class DeviceError(StitchError):
    """The device asked for is not there."""
