"""peft, told that no layer of ours is spread over devices: it would ask each for the type of torch's distributed tensors, by a name that is
there only when somebody has imported them, which takes a second.
"""

import torch
from peft.tuners import tuners_utils

_ASKS = "_torch_supports_distributed"

if hasattr(tuners_utils, _ASKS):
    setattr(tuners_utils, _ASKS, False)
elif torch.distributed.is_available():  # another version, which may ask by another name
    import torch.distributed.tensor  # noqa: F401
