"""What models add to the host: those on their way here, and what endpoints offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.host import Host

if TYPE_CHECKING:
    from kullm_tui.core.endpoints.models import EndpointModels
    from kullm_tui.ui.models.downloads import Downloads
    from kullm_tui.ui.models.quantisation import Quantising


class ModelsHost(Host, Protocol):
    @property
    def downloads(self) -> Downloads: ...

    @property
    def quantising(self) -> Quantising: ...

    @property
    def endpoint_models(self) -> EndpointModels: ...
