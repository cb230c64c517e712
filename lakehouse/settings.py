"""Where things are and which engine serves: from the environment (``CLEW_*``), else from ``.clew/settings.env``."""

import getpass
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from contracts import HERE as PACKAGED_CONTRACTS
from lakehouse import settings_file
from lakehouse.places import FOLDER as RESTRICTED_FOLDER
from lakehouse.places import Places
from lakehouse.private import make_private, read_secret

SIGNING_KEY = "signing.key"
"""The file of the key of the seals, under ``.clew``."""


class Settings(BaseSettings):
    """Settings of one workspace.

    Attributes:
        home: The workspace; all other folders default to places in it (``CLEW_HOME``).
        restricted_folder: Tables that can name a person or reach them (``CLEW_RESTRICTED``); else a folder in the lake
            that its owner alone may enter.
        models_folder: Models trained here, which go before those that come with Clew (``CLEW_MODELS``).
        spark_master: ``local[*]``, ``spark://…`` or ``sc://…`` (``CLEW_SPARK``).
        driver_memory: Heap of the embedded Spark driver (``CLEW_DRIVER_MEMORY``).
        java_options: More options for the embedded Spark driver (``CLEW_JAVA_OPTIONS``).
        identity_engine: What compares pairs and joins them: ``duckdb``, ``spark``, or ``auto``, which is DuckDB while
            that fits this machine's memory (``CLEW_IDENTITY_ENGINE``). The answer is the same.
        openlineage: Where OpenLineage events go: ``file`` (.clew/lineage), ``off``, or the http(s) address of an
            endpoint (``CLEW_OPENLINEAGE``).
        role: As whom tables are read, where that is less than the files allow (``CLEW_ROLE``; contracts/roles.yml).
        author_name: Who decides, where a steward's decision is kept; else the user of this machine (``CLEW_AUTHOR``).
    """

    model_config = SettingsConfigDict(env_prefix="CLEW_", frozen=True, populate_by_name=True)

    home: Path = Field(default_factory=Path.cwd)
    lake_folder: Path | None = Field(None, alias="CLEW_LAKE")
    restricted_folder: Path | None = Field(None, alias="CLEW_RESTRICTED")
    landing_folder: Path | None = Field(None, alias="CLEW_LANDING")
    exports_folder: Path | None = Field(None, alias="CLEW_EXPORTS")
    models_folder: Path | None = Field(None, alias="CLEW_MODELS")
    contracts: Path = PACKAGED_CONTRACTS
    spark_master: str = Field("local[*]", alias="CLEW_SPARK")
    driver_memory: str = "3g"
    java_options: str = ""
    identity_engine: Literal["auto", "duckdb", "spark"] = "auto"
    openlineage: str = Field("file", pattern=r"^(file|off|https?://.+)$")
    openlineage_secret: SecretStr | None = Field(None, alias="CLEW_OPENLINEAGE_KEY")
    author_name: str | None = Field(None, alias="CLEW_AUTHOR")
    identity_secret: SecretStr | None = Field(None, alias="CLEW_IDENTITY_KEY")
    signing_secret: SecretStr | None = Field(None, alias="CLEW_SIGNING_KEY")
    former_signing_secret: SecretStr | None = Field(None, alias="CLEW_FORMER_SIGNING_KEY")
    privacy_secret: SecretStr | None = Field(None, alias="CLEW_PRIVACY_KEY")
    role: str | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given goes before the environment, and that before the file."""
        return init_settings, env_settings, _FileSource(settings_cls, init_settings)

    @property
    def lake(self) -> Path:
        return (self.lake_folder or self.home / "lake").absolute()

    @property
    def places(self) -> Places:
        """Where tables lie: the open folder of the lake, and the restricted one."""
        return Places(self.lake, (self.restricted_folder or self.lake / RESTRICTED_FOLDER).absolute())

    @property
    def landing(self) -> Path:
        return (self.landing_folder or self.home / "landing").absolute()

    @property
    def exports(self) -> Path:
        return (self.exports_folder or self.home / "exports").absolute()

    @property
    def certificates(self) -> Path:
        return self.home.absolute() / "certificates"

    @property
    def models(self) -> Path:
        return (self.models_folder or self.home / "models").absolute()

    @property
    def state(self) -> Path:
        """What Clew keeps for itself: jars, logs, Airflow's database, keys."""
        return (self.home / ".clew").absolute()

    @property
    def author(self) -> str:
        if self.author_name:
            return self.author_name
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a container may run under a number that has no name
            return f"user {os.getuid()}"

    @cached_property
    def identity_key(self) -> bytes:
        """The key of profile ids and of the names of mailboxes and telephones.

        Made once for a lake and kept beside it; losing it changes every profile id, and silver must be conformed anew.
        """
        if self.identity_secret is not None:
            return self.identity_secret.get_secret_value().encode()
        return self.secret("identity.key")

    @cached_property
    def signing_key(self) -> bytes:
        """The seed of the seals (lakehouse.seal), 32 bytes in hexadecimal digits. Losing it unmakes no seal."""
        if self.signing_secret is not None:
            return self.signing_secret.get_secret_value().encode()
        return self.secret(SIGNING_KEY)

    @property
    def has_signing_key(self) -> bool:
        """Whether there is a key of the seals already. Whoever only checks seals asks this first, and makes none."""
        return self.signing_secret is not None or (self.state / SIGNING_KEY).exists()

    @cached_property
    def privacy_key(self) -> bytes:
        """The key of the hashes by which ledgers know an address without having it (lakehouse.keyed).

        Losing it makes every such hash mean nothing: whose address it was can no longer be found, and erased people
        can land again.
        """
        if self.privacy_secret is not None:
            return self.privacy_secret.get_secret_value().encode()
        return self.secret("privacy.key")

    def secret(self, name: str) -> bytes:
        """A random secret of this workspace, made on first use, readable by its owner only.

        Raises:
            EnvironmentFault: If others may read it.
        """
        path = self.state / name
        try:
            return read_secret(path)
        except FileNotFoundError:
            make_private(path.parent)
        fresh = secrets.token_hex(32).encode()
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(fresh)
        try:
            os.link(draft, path)  # fails if another process was first: its key is the key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return read_secret(path)


class _FileSource(EnvSettingsSource):
    """The settings of the workspace's file, as if they stood in the environment."""

    def __init__(self, settings_cls: type[BaseSettings], given: PydanticBaseSettingsSource) -> None:
        home = given().get("home") or os.environ.get("CLEW_HOME") or "."
        known = (field.alias or f"CLEW_{name}".upper() for name, field in settings_cls.model_fields.items())
        # The file lies in the home, and so cannot say where that is.
        self._told = settings_file.read(Path(home) / ".clew" / settings_file.NAME, frozenset(known) - {"CLEW_HOME"})
        super().__init__(settings_cls)

    def _load_env_vars(self) -> dict[str, str | None]:
        return {name.lower(): value for name, value in self._told.items()}
