"""A sale as a point: where the model's own trees put it, squeezed into 64 numbers.

Belongs here: leaves, the space of leaves, and leaves as text. Does not belong here: which sales are like which
(`comparables.py`), where points are kept (`stores/vectors`).

Two houses are alike for the model when its trees put them into the same leaves. The one-hot of all leaves has thousands
of columns; its truncated singular value decomposition keeps the squared distance, which counts the trees that tell two
houses apart, as well as 64 dimensions can. Source: valuation.md 7 (measured); Halko, Martinsson, Tropp 2011.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import xgboost
    from numpy.typing import NDArray

    Leaves = NDArray[np.uint16]

DIMENSIONS = 64
TREES = 300  # the first ones: they carry the large differences in price; chosen on days before the test window
_ITERATIONS = 2
_TEXT = "<u2"  # how leaves stand in text, whatever machine wrote them
_BATCH = 4096  # rows placed at once


class LeafSpace(NamedTuple):
    """Where leaves stand. first_columns [trees + 1]: the columns of each tree begin there; components
    [first_columns[-1], DIMENSIONS]: where each leaf points."""

    first_columns: NDArray[np.int64]
    components: NDArray[np.float32]

    @property
    def trees(self) -> int:
        """Of how many trees leaves are placed here."""
        return len(self.first_columns) - 1

    def place(self, leaves: Leaves) -> NDArray[np.float32]:
        """[n, DIMENSIONS]: the points of rows of leaves [n, trees].

        A leaf that no sale of the fit fell into points nowhere. Raises ValueError for another number of trees.
        """
        import numpy as np

        if leaves.ndim != 2 or leaves.shape[1] != self.trees:
            raise ValueError(f"leaves of {self.trees} trees are placed here, not of {leaves.shape}")
        placed = [
            _one_hot(leaves[start : start + _BATCH], self.first_columns) @ self.components
            for start in range(0, len(leaves), _BATCH)
        ]
        return np.vstack(placed or [np.empty((0, DIMENSIONS))]).astype(np.float32)

    def to_bytes(self) -> bytes:
        """The same space, the same bytes."""
        import numpy as np

        file = io.BytesIO()
        for array in self:
            np.save(file, array, allow_pickle=False)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes) -> LeafSpace:
        """Raises ValueError or EOFError for bytes that are no space."""
        import numpy as np

        file = io.BytesIO(stored)
        first_columns = np.load(file, allow_pickle=False)
        return cls(first_columns, np.load(file, allow_pickle=False))


def leaves_of(booster: xgboost.Booster, matrix: NDArray[np.float32], threads: int, trees: int = TREES) -> Leaves:
    """[n, trees]: the leaf of each row in each of the first trees (fewer where the booster has fewer)."""
    import numpy as np
    import xgboost as xgb

    count = min(trees, booster.num_boosted_rounds())
    booster.set_param({"nthread": threads})
    found = booster.predict(xgb.DMatrix(matrix, nthread=threads), pred_leaf=True, iteration_range=(0, count))
    return found.reshape(len(matrix), count).astype(np.uint16)


def leaf_space(leaves: Leaves, seed: int = 0) -> LeafSpace:
    """The space of training leaves [n, trees]. The same leaves give the same space.

    With fewer sales or leaves than DIMENSIONS the last dimensions are zero. Raises ValueError for no sale.
    """
    import numpy as np
    from sklearn.decomposition import TruncatedSVD
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if not len(leaves):
        raise ValueError("no sale, so there is no space of leaves")
    first_columns = np.concatenate([[0], np.cumsum(leaves.max(axis=0).astype(np.int64) + 1)])
    hot = _one_hot(leaves, first_columns)
    kept = min(DIMENSIONS, *hot.shape)
    # One thread: sums in another order are other bytes. Sales that are all alike have no variance to be divided by.
    with threadpool_limits(1), np.errstate(invalid="ignore"):
        fitted = TruncatedSVD(kept, n_iter=_ITERATIONS, random_state=seed).fit(hot)
    components = np.zeros((int(first_columns[-1]), DIMENSIONS), np.float32)
    components[:, :kept] = fitted.components_.T
    return LeafSpace(first_columns, components)


def leaves_as_text(leaves: Leaves) -> str:
    """One row of leaves as text, two bytes a tree."""
    return base64.b64encode(leaves.astype(_TEXT).tobytes()).decode("ascii")


def leaves_from_text(text: str) -> Leaves:
    """The row again. Raises ValueError for text that is none."""
    import numpy as np

    return np.frombuffer(base64.b64decode(text, validate=True), dtype=_TEXT).astype(np.uint16)


def _one_hot(leaves: Leaves, first_columns: NDArray[np.int64]) -> Any:
    """[n, columns] sparse: one 1 a tree, none where the leaf is beyond the tree's columns."""
    import numpy as np
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    known = leaves < np.diff(first_columns)
    columns = np.where(known, leaves + first_columns[:-1], 0).ravel()
    rows = np.arange(0, leaves.size + 1, leaves.shape[1])
    shape = (len(leaves), int(first_columns[-1]))
    return csr_matrix((known.ravel().astype(np.float32), columns, rows), shape=shape)
