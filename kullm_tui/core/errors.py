"""The one error family. Foreign errors are translated into it at the border, with `from`.

    KullmError                    anything a person should read as one or two lines, without a traceback
    ├── UsageError                the command line or a form was filled in wrongly (exit code 2)
    ├── ConfigError               config.toml, a profile or another file of the user's cannot be used
    ├── MissingExtra              a part that the base install leaves out is needed
    ├── ModelNotFound             no profile, folder or repository of that name
    ├── HubError                  the model hub: network, missing, interrupted
    │   └── GatedModel            only for those who accepted its licence at `page`
    ├── NoSpace                   a disk is full
    ├── WeightsError              files that are truncated, hostile or of a kind that the engine cannot run
    ├── AdapterError              an adapter that is broken or belongs to another base
    ├── TooLarge                  a model that does not fit this machine's memory
    ├── ContextOverflow           a prompt longer than the model's context
    ├── KeyMissing                an endpoint wants a key that is not there
    ├── ConsentNeeded             text would leave this machine and nobody agreed to it yet
    ├── StoreError                the conversation database
    │   ├── StoreBusy             another program keeps it locked
    │   ├── StoreDamaged          its file is broken
    │   └── StoreMoved            another file has taken its place since it was opened
    ├── ImportRefused             a file of conversations that is damaged or of no known form
    ├── EndpointError             an endpoint answered with an error (`status`, `code`) or not at all
    │   └── EngineGone            the local engine died or does not answer
    └── EngineStartError          the local engine could not be started

A message says what happened, to what, and what to do next.
"""


class KullmError(Exception):
    exit_code = 1


class UsageError(KullmError):
    exit_code = 2


class ConfigError(KullmError):
    pass


class MissingExtra(KullmError):
    pass


class ModelNotFound(KullmError):
    pass


class HubError(KullmError):
    pass


class GatedModel(HubError):
    def __init__(self, message: str, *, page: str) -> None:
        super().__init__(message)
        self.page = page


class NoSpace(KullmError):
    pass


class WeightsError(KullmError):
    pass


class AdapterError(KullmError):
    pass


class TooLarge(KullmError):
    pass


class ContextOverflow(KullmError):
    pass


class KeyMissing(KullmError):
    pass


class ConsentNeeded(KullmError):
    pass


class StoreError(KullmError):
    pass


class StoreBusy(StoreError):
    pass


class StoreDamaged(StoreError):
    pass


class StoreMoved(StoreError):
    pass


class ImportRefused(KullmError):
    pass


class EndpointError(KullmError):
    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class EngineGone(EndpointError):
    pass


class EngineStartError(KullmError):
    pass
